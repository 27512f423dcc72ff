"""What `compare_models` does: PtychoPINN's command line as a request, its scores as an exit status."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ptycho_compare.cli.bars import bars
from ptycho_compare.cli.compare_arguments import (
    DEPRECATED,
    NO_EFFECT,
    STANDARD_ONLY,
    build_parser,
    check_together,
    console_level,
    reading_of,
    scoring_settings,
)
from ptycho_compare.cli.exit_codes import ExitCode, reporting_bad_input
from ptycho_compare.cli.output import show
from ptycho_compare.errors import InputError
from ptycho_compare.hub import Artifacts, place_in_hub, view_of_model
from ptycho_compare.phases.comparison.compare import compare
from ptycho_compare.phases.comparison.request import ArmRequest, ArmSettings, CompareRequest
from ptycho_compare.reconstruction.image_source import ImageSource, parse_source
from ptycho_compare.reconstruction.user_made import parse_user_source
from ptycho_compare.reporting.figures.drawing import PlotLimits
from ptycho_compare.reporting.scoreboard import board_of_scorecard
from ptycho_compare.reporting.terminal import summary_lines
from ptycho_compare.scoring.scorecard import Scorecard
from ptycho_compare.study import ARM_NAME, BASELINE, PTYCHOPINN


def compare_models(words: Sequence[str]) -> int:
    """Run the command of these words; returns its exit status."""
    parser = build_parser()
    arguments = parser.parse_args(words)
    check_together(parser, arguments)
    return reporting_bad_input("compare_models", lambda: _run(arguments, words))


def _run(arguments: argparse.Namespace, words: Sequence[str]) -> ExitCode:
    for notice in _notices(arguments):
        print(f"compare_models: note: {notice}", file=sys.stderr)
    request = _request(arguments)
    level = console_level(arguments)
    with bars(lambda: [] if arguments.quiet else [Artifacts(request.output_dir).job]):
        scorecard = compare(request, command=["compare_models", *words], console_level=level)
    return conclude(scorecard, request.output_dir)


def conclude(scorecard: Scorecard, output_dir: Path) -> ExitCode:
    """Print who is best and why, and choose the exit status.

    The whole table goes to standard output where that is read by a program, as PtychoPINN's does.
    """
    table = Artifacts(output_dir).metrics
    if not sys.stdout.isatty():
        print("--- Comparison Metrics ---")
        print(table.read_text(encoding="utf-8"), end="")
        sys.stdout.flush()
    show(board_of_scorecard(scorecard))
    for line in summary_lines(scorecard):
        print(line, file=sys.stderr)
    print(f"all scores: {table}", file=sys.stderr)
    return ExitCode.OK if all(score.status == "ok" for score in scorecard.arms) else ExitCode.FAILED


def _notices(arguments: argparse.Namespace) -> list[str]:
    without_effect = NO_EFFECT | (STANDARD_ONLY if arguments.metrics == "standard" else {})
    used = [name for name in without_effect if getattr(arguments, name)]
    notices = [f"--{name.replace('_', '-')} has no effect: {without_effect[name]}" for name in used]
    old_names = [old for old in DEPRECATED if getattr(arguments, old) is not None]
    notices += [
        f"--{old.replace('_', '-')} is deprecated; use --{DEPRECATED[old].replace('_', '-')}"
        for old in old_names
    ]
    for arm in ("pinn", "baseline"):
        low, high = (f"{arm}_phase_{end}" for end in ("vmin", "vmax"))
        if (getattr(arguments, low) is None) != (getattr(arguments, high) is None):
            notices.append(f"--{low} and --{high} have an effect together only; give both")
    if _iterative(arguments) is None and not arguments.arm:
        notices.append("no iterative reconstruction is compared (--tike_recon_path or --arm gives one)")
    return notices


def _require_inputs(arguments: argparse.Namespace) -> None:
    """See that what the options name is there; the message says which option it was."""
    named = [(f"--{name}", getattr(arguments, name)) for name in ("test_data", "pinn_dir", "baseline_dir")]
    named += [(f"--arm {name}=", parse_source(text).path) for name, text in arguments.arm]
    named += [
        (f"--halves {name}", parse_source(each).path) for name, *pair in arguments.halves for each in pair
    ]
    for option, path in named:
        if path is not None and not path.exists():
            raise InputError(f"{path}: no such file or folder ({option})")


def _request(arguments: argparse.Namespace) -> CompareRequest:
    arms = _arms(arguments)
    _require_inputs(arguments)
    for old, new in DEPRECATED.items():
        if getattr(arguments, new) is None:
            setattr(arguments, new, getattr(arguments, old))
    limits = [n for n in (arguments.n_test_groups, arguments.baseline_debug_limit) if n is not None]
    scoring = scoring_settings(arguments, free_ramp=None)
    placing = replace(scoring.placing, skip_registration=arguments.skip_registration)
    return CompareRequest(
        arms=arms,
        test_data=arguments.test_data,
        output_dir=_output_dir(arguments.output_dir),
        groups=min(limits, default=None),
        images=arguments.n_test_subsample,
        image_seed=arguments.test_subsample_seed,
        neighbors=arguments.neighbors,
        seed=arguments.seed,
        crop_px=arguments.stitch_crop_size,
        half_data=arguments.half_data,
        patches=arguments.patches,
        engine=arguments.engine,
        reading=reading_of(arguments),
        scoring=replace(scoring, placing=placing),
        plot=_plot_limits(arguments),
        save_npz=arguments.save_npz,
        save_npz_aligned=arguments.save_npz_aligned,
        save_debug_images=arguments.save_debug_images,
        baseline_debug_dir=arguments.baseline_debug_dir,
    )


def _output_dir(path: Path) -> Path:
    if path.exists() and not path.is_dir():
        raise InputError(f"{path}: is a file; --output_dir names a folder")
    return path


def _arms(arguments: argparse.Namespace) -> tuple[ArmRequest, ...]:
    """PtychoPINN, Baseline and the iterative reconstruction, as far as they are there, then all others."""
    pinn = ArmSettings(arguments.pinn_chunk_size, arguments.pinn_predict_batch_size)
    baseline = ArmSettings(arguments.baseline_chunk_size, arguments.baseline_predict_batch_size)
    arms = []
    if arguments.pinn_dir is not None:
        arms.append(ArmRequest(PTYCHOPINN, ImageSource(arguments.pinn_dir), pinn))
    if arguments.baseline_dir is not None:
        arms.append(ArmRequest(BASELINE, ImageSource(arguments.baseline_dir), baseline))
    iterative = _iterative(arguments)
    if iterative is not None:
        arms.append(ArmRequest(None, iterative))
    halves = {name: (parse_source(one), parse_source(other)) for name, one, other in arguments.halves}
    for name, text in arguments.arm:
        arms.append(ArmRequest(_name(name), parse_source(text), pinn, halves.pop(name, ())))
    for name, text in arguments.reconstructor:
        arms.append(ArmRequest(_name(name), parse_user_source(text), pinn))
    if halves:
        raise InputError(f"--halves {next(iter(halves))}: there is no --arm of this name")
    return tuple(arms)


def _name(text: str) -> str:
    if not re.match(ARM_NAME, text):
        raise InputError(
            f"--arm {text}: an arm's name becomes part of file names; "
            "needed: a letter, then letters, digits, '.', '_' or '-', 40 at most"
        )
    return text


def _iterative(arguments: argparse.Namespace) -> ImageSource | None:
    """The reconstruction that was named, else this split's own one in the hub."""
    if arguments.tike_recon_path is not None:
        source = parse_source(arguments.tike_recon_path)
        if not source.path.is_file():
            raise InputError(f"{source.path}: there is no such file (--tike_recon_path)")
        return source
    if arguments.pinn_dir is None:
        return None
    place, view = place_in_hub(arguments.test_data), view_of_model(arguments.pinn_dir)
    if place is None or view is None:
        return None
    found = place.hub.ptychi(place.dose, view, place.split)
    return ImageSource(found) if found.is_file() else None


def _plot_limits(arguments: argparse.Namespace) -> PlotLimits:
    phase = {}
    for arm, name in (("pinn", PTYCHOPINN), ("baseline", BASELINE)):
        limits = getattr(arguments, f"{arm}_phase_vmin"), getattr(arguments, f"{arm}_phase_vmax")
        if None not in limits:
            phase[name] = limits
    return PlotLimits(p_min=arguments.p_min, p_max=arguments.p_max, phase=phase)
