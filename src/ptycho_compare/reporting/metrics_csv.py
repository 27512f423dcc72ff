"""The tables: scores of all arms in one CSV, a ring correlation curve per arm in another.

The first columns are PtychoPINN's own, so that tables of both can be read together; what
a number needs to be understood stands in the columns behind them.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ptycho_compare.errors import InputError
from ptycho_compare.files import write_text_atomic

if TYPE_CHECKING:  # scoring loads scipy and scikit-image; reading a table needs neither
    from ptycho_compare.scoring import ArmScore, Metric, RingCurve, Scorecard

METRIC_NAMES = ("mae", "mse", "psnr", "ssim", "ms_ssim", "frc50", "fienup")
"""Rows of an arm, in order; a failed arm has them too, without numbers."""

FRC_COLUMNS = ("model", "frequency_bin", "amplitude_frc", "phase_frc", "cycles_per_px", "pixels")


@dataclass(frozen=True)
class MetricRow:
    """One row of ``comparison_metrics.csv``; the fields are its columns, in order.

    Attributes
    ----------
    model, metric : str
        Arm and what was measured.
    amplitude, phase, value : float or None
        Of the component, or of neither; None for an empty cell.
    status : str
        "ok", "failed" or "unscored": of the arm. Empty in PtychoPINN's own tables, as are
        the columns behind it.
    metric_version : str
        The definitions behind the number.
    mask_pixels, groups : int or None
        Scored pixels and groups of the plan: the same in all rows.
    unit, note : str
        Of the number, and what to know beside it.
    """

    model: str
    metric: str
    amplitude: float | None
    phase: float | None
    value: float | None
    status: str = ""
    metric_version: str = ""
    mask_pixels: int | None = None
    groups: int | None = None
    unit: str = ""
    note: str = ""


COLUMNS = tuple(each.name for each in fields(MetricRow))
_UPSTREAM = COLUMNS[:5]
_NUMBERS = frozenset({"amplitude", "phase", "value", "amplitude_frc", "phase_frc", "cycles_per_px"})

Number = TypeVar("Number", int, float)
Row = tuple[str, float | None, float | None, float | None]


def write_metrics_csv(path: Path, scorecard: Scorecard, *, groups: int, seconds: Mapping[str, float]) -> None:
    """Write the scores of all arms.

    First the metrics of every arm in the scorecard's order, then the measured shifts in
    px, then computing times in s. An arm without scores keeps its rows, empty and with
    its reason as the note: no arm is ever missing silently.

    Parameters
    ----------
    path : Path
    scorecard : Scorecard
    groups : int
        Groups of the plan that every arm was given.
    seconds : mapping of str to float
        Computing time by arm, s; arms may be left out.

    Raises
    ------
    ValueError
        A number is NaN (the message names arm and metric), or `seconds` names an arm
        that the scorecard does not have.
    """
    unknown = set(seconds) - {each.arm for each in scorecard.arms}
    if unknown:
        raise ValueError(f"computing times of arms that were not scored: {', '.join(sorted(unknown))}")
    common = (scorecard.metric_version, int(scorecard.mask.sum()), groups)
    rows = [
        (each.arm, *numbers, each.status, *common, unit, note)
        for each, numbers, unit, note in _lines(scorecard, seconds)
    ]
    _write(path, COLUMNS, rows)


def read_metrics_csv(path: Path) -> list[MetricRow]:
    """Read a table of scores, ours or PtychoPINN's own.

    A cell that says ``nan`` comes back as NaN: to judge it is the reader's business.

    Raises
    ------
    InputError
        The file is missing, has other columns, or a cell that is no number; the message
        names the line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a readable table ({error})") from error
    table = csv.DictReader(io.StringIO(text, newline=""))
    found = tuple(table.fieldnames or ())
    if not set(_UPSTREAM) <= set(found):
        raise InputError(f"{path}: columns {', '.join(found) or 'none'}; needed: {', '.join(_UPSTREAM)}")
    return [_parsed(cells, place=f"{path}:{table.line_num}") for cells in table]


def write_frc_csv(path: Path, arm: str, curves: Mapping[str, RingCurve]) -> None:
    """Write the ring correlation of one arm, one row per ring.

    ``frequency_bin`` is the ring's number as PtychoPINN counts it, cycles per image side;
    ring 0, the mean, is left out. A ring without signal has an empty cell.

    Parameters
    ----------
    path : Path
    arm : str
    curves : mapping of str to RingCurve
        "amplitude" and "phase", of one image; a missing one gives empty cells, other
        names are not written.

    Raises
    ------
    ValueError
        The two curves have different rings.
    """
    pair = [curves.get("amplitude"), curves.get("phase")]
    known = [each for each in pair if each is not None]
    if len({tuple(each.frequency) for each in known}) > 1:
        raise ValueError(f"{arm}: the curves of amplitude and phase have different rings")
    rows = [
        (
            arm,
            index + 1,
            *(None if each is None else _or_empty(each.correlation[index]) for each in pair),
            float(known[0].frequency[index]),
            int(known[0].pixels[index]),
        )
        for index in range(len(known[0].frequency) if known else 0)
    ]
    _write(path, FRC_COLUMNS, rows)


def _lines(scorecard: Scorecard, seconds: Mapping[str, float]) -> Iterator[tuple[ArmScore, Row, str, str]]:
    """Yield arm, (metric, amplitude, phase, value), unit and note of every row."""
    for arm in scorecard.arms:
        if arm.status == "ok":
            for metric in arm.metrics:
                yield arm, _numbers(metric), metric.unit, metric.note
        else:
            for name in METRIC_NAMES:
                yield arm, (name, None, None, None), "", arm.reason
    for arm in scorecard.arms:
        for name, offset, note in _offsets(arm):
            yield arm, (name, None, None, offset), "px", note
    for arm in scorecard.arms:
        if arm.arm in seconds:
            yield arm, ("computation_time_s", None, None, seconds[arm.arm]), "s", ""


def _numbers(metric: Metric) -> Row:
    return metric.name, metric.amplitude, metric.phase, metric.value


def _offsets(arm: ArmScore) -> Iterator[tuple[str, float | None, str]]:
    if arm.shift is None:
        return
    for axis, offset in (("dy", arm.shift.dy), ("dx", arm.shift.dx)):
        if not arm.shift.registered:
            # a 0 here would read as "measured, and in place"
            yield f"registration_offset_{axis}", None, f"not registered: {arm.shift.reason}"
        else:
            yield f"registration_offset_{axis}", offset, "applied" if arm.moved else "measured, not applied"


def _or_empty(number: float) -> float | None:
    return None if math.isnan(number) else float(number)


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(value, row, column) for value, column in zip(row, columns, strict=True)])
    write_text_atomic(path, buffer.getvalue())


def _cell(value: Any, row: Sequence[object], column: str) -> str:
    if value is None:
        return ""
    if column in _NUMBERS:
        if math.isnan(value):
            raise ValueError(f"{row[0]}, {row[1]}: {column} is NaN, which is never written as a result")
        text = f"{value:.6f}"
        return "0.000000" if text == "-0.000000" else text
    return " ".join(str(value).split())  # a row is one line, whatever a reason holds


def _parsed(cells: Mapping[str, str | None], *, place: str) -> MetricRow:
    text = {column: cells.get(column) or "" for column in COLUMNS}
    return MetricRow(
        model=text["model"],
        metric=text["metric"],
        amplitude=_number(float, text, "amplitude", place),
        phase=_number(float, text, "phase", place),
        value=_number(float, text, "value", place),
        status=text["status"],
        metric_version=text["metric_version"],
        mask_pixels=_number(int, text, "mask_pixels", place),
        groups=_number(int, text, "groups", place),
        unit=text["unit"],
        note=text["note"],
    )


def _number(kind: Callable[[str], Number], text: Mapping[str, str], column: str, place: str) -> Number | None:
    try:
        return kind(text[column]) if text[column] else None
    except ValueError:
        raise InputError(f"{place}: {column} is '{text[column]}', which is no number") from None
