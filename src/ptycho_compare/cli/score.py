"""`ptycho-hub score`: any two complex arrays scored from the shell, without a study."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.cli.compare_arguments import (
    add_positions,
    add_scoring,
    positions_reading_of,
    scoring_settings,
)
from ptycho_compare.cli.exit_codes import ExitCode
from ptycho_compare.cli.place_arguments import local_path
from ptycho_compare.errors import InputError, ScoringError
from ptycho_compare.reconstruction.canvas import Grid
from ptycho_compare.reconstruction.image_source import parse_source, read_image, read_mask
from ptycho_compare.reconstruction.light import Light
from ptycho_compare.reconstruction.ready_made import read_ready_made
from ptycho_compare.records.answering import answer_of
from ptycho_compare.records.manifest import alignment_record
from ptycho_compare.records.tables.metrics_csv import table_rows
from ptycho_compare.reporting.terminal import summary_lines
from ptycho_compare.scan.read import Geometry, read_geometry
from ptycho_compare.scan.reading import AS_FOUND
from ptycho_compare.scoring.alignment.distortion import Distortion
from ptycho_compare.scoring.alignment.gauge import Gauge
from ptycho_compare.scoring.mask import Mask
from ptycho_compare.scoring.metrics.metric import COMPONENTS, Component, Metric
from ptycho_compare.scoring.pair import score_pair
from ptycho_compare.scoring.scorecard import ArmScore, Scorecard
from ptycho_compare.scoring.settings import METRIC_VERSION

_COLUMNS: tuple[str, ...] = ("metric", "amplitude", "phase", "complex", "unit, note")
_LEAST_WIDTHS = (18, 32, 32, 32, 0)


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser("score", help="score any two complex arrays")
    parser.add_argument("reconstruction", metavar="RECON[:KEY]", help="NPZ, NPY or HDF5")
    parser.add_argument("truth", metavar="TRUTH[:KEY]", help="what it is compared with")
    parser.add_argument("--mask", metavar="FILE[:KEY]", help="pixels of the truth that are scored (not 0)")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--scan",
        type=local_path,
        help="a scan of the truth's object: only what it lit is scored (default: the truth's own file)",
    )
    where.add_argument("--everywhere", action="store_true", help="score what no image lit as well")
    parser.add_argument(
        "--aligned", action="store_true", help="take both pixel for pixel; without it the frame is searched"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object, with all digits")
    add_positions(parser)
    add_scoring(parser)
    parser.set_defaults(run=_score)


def _score(arguments: argparse.Namespace, _words: Sequence[str]) -> ExitCode:
    _require_files(arguments)
    image, truth = (_read_complex(text) for text in (arguments.reconstruction, arguments.truth))
    path, found = _scan_of(arguments, truth)
    there = None
    if found is not None and truth.ndim == 2 and image.shape != truth.shape and not arguments.aligned:
        made = read_ready_made(parse_source(arguments.reconstruction))
        image, weight = made.on_grid(found.positions, Grid((0, 0), truth.shape))
        there = weight > 0
        how = "as its file records" if made.placed else "about the middle of the positions"
        _say(f"laid on the truth's grid {how} (scan {path})")
    mask = None if arguments.mask is None else read_mask(parse_source(arguments.mask))
    lit = None if arguments.everywhere else _lit(arguments, path, found, image, truth)
    for part in (lit, there):
        if part is not None:
            mask = part if mask is None or mask.shape != part.shape else part & mask
    settings = scoring_settings(arguments, free_ramp=not arguments.aligned)
    try:
        scorecard = score_pair(image, truth, aligned=arguments.aligned, mask=mask, settings=settings)
    except ScoringError as error:
        raise InputError(f"{arguments.reconstruction} and {arguments.truth}: {error}") from None
    (score,) = scorecard.arms
    if arguments.json:
        print(json.dumps(_as_json(scorecard, score), indent=2, allow_nan=False))
    else:
        for line in _lines(scorecard, score):
            print(line)
    if score.shift is not None and not score.shift.registered and not arguments.aligned:
        _say(
            f"the frame was searched within {arguments.search_radius:g} px; "
            "--search-radius looks further, --aligned takes both as they lie"
        )
    return ExitCode.OK if score.status == "ok" else ExitCode.FAILED


def _require_files(arguments: argparse.Namespace) -> None:
    """See that what is named is there; the message says by which word of the command line."""
    named = {"RECON": arguments.reconstruction, "TRUTH": arguments.truth, "--mask": arguments.mask}
    files = {name: parse_source(text).path for name, text in named.items() if text is not None}
    if arguments.scan is not None:
        files["--scan"] = arguments.scan
    for name, path in files.items():
        if not path.exists():
            raise InputError(f"{path}: no such file ({name})")


def _say(text: str) -> None:
    print(f"ptycho-hub score: {text}", file=sys.stderr)


def _lit(
    arguments: argparse.Namespace,
    path: Path,
    found: Geometry | None,
    image: NDArray[Any],
    truth: NDArray[Any],
) -> Mask | None:
    """Pixels of the truth that its scan lit, without those that the image leaves blank at their rim."""
    if found is None or truth.ndim != 2:
        return None
    light = Light.of(found.positions, found.modes, found.patch_px, Grid((0, 0), truth.shape))
    lit, (rows, columns) = light.lit, truth.shape
    if not lit.any():
        raise InputError(f"{path}: lit no pixel of the truth of {rows} x {columns} px; is it its scan?")
    _say(
        f"{lit.sum()} of {lit.size} px of the truth can be scored, those that {path} lit; "
        "--everywhere takes them all"
    )
    if image.shape != truth.shape:
        return lit
    radius = 0.0 if arguments.aligned else arguments.search_radius
    return lit & ~light.blank(image, may_move_px=radius)


def _scan_of(arguments: argparse.Namespace, truth: NDArray[Any]) -> tuple[Path, Geometry | None]:
    """The scan that is named, or in whose file the truth lies; None where there is none."""
    reading = positions_reading_of(arguments)
    if arguments.scan is not None:
        return arguments.scan, read_geometry(arguments.scan, reading=reading)
    path = parse_source(arguments.truth).path
    try:
        found = read_geometry(path, reading=reading)
    except InputError:
        if reading != AS_FOUND:  # who says how to read it means a scan
            raise
        return path, None  # an image alone, most often
    return path, found if found.truth is not None and np.array_equal(found.truth, truth) else None


def _read_complex(text: str) -> NDArray[Any]:
    values = read_image(parse_source(text))
    if values.dtype.kind != "c":
        raise InputError(
            f"{text}: is {values.dtype} of shape {values.shape}; needed: (h, w) complex; "
            "from amplitude and phase: amplitude * exp(1j * phase)"
        )
    return values


def _lines(scorecard: Scorecard, score: ArmScore) -> list[str]:
    answer = answer_of(table_rows(scorecard), ())  # of one arm: there is nobody to win against
    lines = [line for line in answer.lines if line != answer.verdict]
    lines += summary_lines(scorecard)
    lines.append(f"definitions: {scorecard.metric_version}")
    lines += _place(score)
    if score.gauge is not None:
        lines += _gauge(score.gauge, removed=scorecard.metric_version == METRIC_VERSION)
    if score.distortion is not None:
        lines.append(_distortion(score.distortion))
    if score.metrics:
        lines += _table(score.metrics)
    return lines


def _place(score: ArmScore) -> Iterator[str]:
    shift = score.shift
    if shift is None:
        return
    if not shift.registered:
        yield f"not registered: {shift.reason}"
        return
    applied = "applied" if score.moved else "measured, not applied"
    yield f"shift (dy, dx): {_pair(shift.dy, shift.dx)} px, {applied}: {shift.reason}"
    yield f"ramp (y, x) measured: {_pair(*shift.ramp)} rad/px"


def _distortion(found: Distortion) -> str:
    if found.reason:
        return f"scale and rotation not measured: {found.reason}"
    turn = f"turned by {found.rotation_deg:+.4f} degrees"
    return f"scale {found.magnification:.5f} of the truth's, {turn}: measured, not undone"


def _gauge(gauge: Gauge, *, removed: bool) -> Iterator[str]:
    """Say what was removed; PtychoPINN's definitions scale and tilt each image by themselves."""
    yield (
        f"gauge {'removed' if removed else 'measured, not removed'}: gain {abs(gauge.scale):.6g}, "
        f"phase {gauge.phase:.6f} rad; "
        f"overlap {gauge.overlap_before:.6f} before, {gauge.overlap_after:.6f} after"
    )
    if gauge.freed:
        yield (
            f"ramp (y, x) {'removed' if removed else 'measured, not removed'}: "
            f"{_pair(*gauge.ramp)} rad/px, {gauge.because}"
        )
    elif removed:
        yield f"ramp not removed: {gauge.because} (--ramp free removes it)"


def _table(metrics: Sequence[Metric]) -> list[str]:
    """Write the scores in columns, each wider than the longest of its cells."""
    rows = [_COLUMNS]
    for metric in metrics:
        told = ", ".join(filter(None, (metric.unit, metric.note)))
        rows.append((metric.name, *(_cell(metric, part) for part in COMPONENTS), told))
    longest = [max(map(len, column)) for column in zip(*rows, strict=True)]
    widths = [max(least, 2 + most) for least, most in zip(_LEAST_WIDTHS, longest, strict=True)]
    return ["".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def _cell(metric: Metric, part: Component) -> str:
    number, ends = metric.number(part), metric.intervals.get(part)
    if number is None:
        return ""
    return f"{number:z.6f}" + (f" [{ends.low:z.5f}, {ends.high:z.5f}]" if ends is not None else "")


def _pair(one: float, other: float) -> str:
    return f"({one:+z.5f}, {other:+z.5f})"


def _as_json(scorecard: Scorecard, score: ArmScore) -> dict[str, Any]:
    return {
        "status": score.status,
        "reason": score.reason,
        "metric_version": scorecard.metric_version,
        "reference": scorecard.reference,
        "mask_pixels": int(scorecard.mask.sum()),
        "ranges": {name: _finite(value) for name, value in scorecard.ranges.items()},
        "metrics": {metric.name: _metric(metric) for metric in score.metrics},
        "gauge": None,
        "shift": None,
        "twin": None,
        "distortion": None,
        **alignment_record(score),
        "frc": {
            name: {
                "cycles_per_px": [float(each) for each in curve.frequency],
                "correlation": [_finite(float(each)) for each in curve.correlation],
                "transfer": _numbers(curve.transfer),
                "pixels": [int(each) for each in curve.pixels],
            }
            for name, curve in score.curves.items()
        },
    }


def _numbers(values: NDArray[np.float64] | None) -> list[float | str | None] | None:
    return None if values is None else [_finite(float(each)) for each in values]


def _metric(metric: Metric) -> dict[str, Any]:
    return {
        "amplitude": _finite(metric.amplitude),
        "phase": _finite(metric.phase),
        "value": _finite(metric.value),
        "intervals": {
            part: [_finite(ends.low), _finite(ends.high)] for part, ends in metric.intervals.items()
        },
        "unit": metric.unit,
        "note": metric.note,
    }


def _finite(number: float | None) -> float | str | None:
    """JSON has no infinity and no NaN: ``"inf"`` (a PSNR of equal images) and None stand for them."""
    if number is None or np.isnan(number):
        return None
    return number if np.isfinite(number) else ("inf" if number > 0 else "-inf")
