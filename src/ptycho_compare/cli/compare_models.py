"""`compare_models`: PtychoPINN's command line, with numbers that can be trusted."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ptycho_compare.cli.compare_arguments import (
    DEPRECATED,
    NO_EFFECT,
    build_parser,
    check_together,
    console_level,
)
from ptycho_compare.cli.exit_codes import ExitCode, reporting_bad_input
from ptycho_compare.errors import InputError
from ptycho_compare.hub import Artifacts, place_in_hub, view_of_model
from ptycho_compare.phases.compare import compare
from ptycho_compare.phases.request import ArmSettings, CompareRequest
from ptycho_compare.reporting.figures import PlotLimits
from ptycho_compare.scoring import Scorecard, ScoringSettings
from ptycho_compare.study import BASELINE, PTYCHOPINN


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    parser = build_parser()
    arguments = parser.parse_args(words)
    check_together(parser, arguments)
    return reporting_bad_input("compare_models", lambda: _run(arguments, words))


def _run(arguments: argparse.Namespace, words: Sequence[str]) -> ExitCode:
    for notice in _notices(arguments):
        print(f"compare_models: note: {notice}", file=sys.stderr)
    request = _request(arguments)
    scorecard = compare(request, command=["compare_models", *words], console_level=console_level(arguments))
    return conclude(scorecard, request.output_dir)


def conclude(scorecard: Scorecard, output_dir: Path) -> ExitCode:
    """Print the scores, name every arm that has none, and choose the exit status."""
    print("--- Comparison Metrics ---")
    print(Artifacts(output_dir).metrics.read_text(encoding="utf-8"), end="")
    unscored = [score for score in scorecard.arms if score.status != "ok"]
    for score in unscored:
        print(f"{score.arm}: {score.status}: {score.reason}", file=sys.stderr)
    return ExitCode.FAILED if unscored else ExitCode.OK


def _notices(arguments: argparse.Namespace) -> list[str]:
    used = [name for name in NO_EFFECT if getattr(arguments, name)]
    notices = [f"--{name.replace('_', '-')} has no effect: {NO_EFFECT[name]}" for name in used]
    old_names = [old for old in DEPRECATED if getattr(arguments, old) is not None]
    notices += [
        f"--{old.replace('_', '-')} is deprecated; use --{DEPRECATED[old].replace('_', '-')}"
        for old in old_names
    ]
    if _ready_made(arguments) is None:
        notices.append("no iterative reconstruction: two arms are compared (--tike_recon_path gives a third)")
    return notices


def _request(arguments: argparse.Namespace) -> CompareRequest:
    for old, new in DEPRECATED.items():
        if getattr(arguments, new) is None:
            setattr(arguments, new, getattr(arguments, old))
    limits = [n for n in (arguments.n_test_groups, arguments.baseline_debug_limit) if n is not None]
    return CompareRequest(
        pinn_dir=arguments.pinn_dir,
        baseline_dir=arguments.baseline_dir,
        test_data=arguments.test_data,
        output_dir=_output_dir(arguments.output_dir),
        ready_made=_ready_made(arguments),
        groups=min(limits, default=None),
        images=arguments.n_test_subsample,
        image_seed=arguments.test_subsample_seed,
        neighbors=arguments.neighbors,
        seed=arguments.seed,
        crop_px=arguments.stitch_crop_size,
        pinn=ArmSettings(arguments.pinn_chunk_size, arguments.pinn_predict_batch_size),
        baseline=ArmSettings(arguments.baseline_chunk_size, arguments.baseline_predict_batch_size),
        scoring=ScoringSettings(skip_registration=arguments.skip_registration, frc_sigma=arguments.frc_sigma),
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


def _ready_made(arguments: argparse.Namespace) -> Path | None:
    """The reconstruction that was named, else this split's own one in the hub."""
    if arguments.tike_recon_path is not None:
        if not arguments.tike_recon_path.is_file():
            raise InputError(f"{arguments.tike_recon_path}: there is no such file (--tike_recon_path)")
        return Path(arguments.tike_recon_path)
    place, view = place_in_hub(arguments.test_data), view_of_model(arguments.pinn_dir)
    if place is None or view is None:
        return None
    found = place.hub.ptychi(place.dose, view, place.split)
    return found if found.is_file() else None


def _plot_limits(arguments: argparse.Namespace) -> PlotLimits:
    phase = {}
    for arm, name in (("pinn", PTYCHOPINN), ("baseline", BASELINE)):
        limits = getattr(arguments, f"{arm}_phase_vmin"), getattr(arguments, f"{arm}_phase_vmax")
        if None not in limits:
            phase[name] = limits
    return PlotLimits(p_min=arguments.p_min, p_max=arguments.p_max, phase=phase)


if __name__ == "__main__":
    sys.exit(main())
