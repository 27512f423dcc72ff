"""The table of scores of all arms.

The first columns are PtychoPINN's own, so that tables of both can be read together; what
a number needs to be understood stands in the columns behind them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from operator import attrgetter
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from ptycho_compare.records.tables.csv_cells import number, read_table, write_table

if TYPE_CHECKING:  # scoring loads scipy and scikit-image; reading a table needs neither
    from ptycho_compare.scoring.alignment.distortion import Distortion
    from ptycho_compare.scoring.alignment.gauge import Gauge
    from ptycho_compare.scoring.metrics.metric import Metric
    from ptycho_compare.scoring.scorecard import ArmScore, Scorecard

METRIC_NAMES = (
    "mae", "mse", "psnr", "ssim", "ms_ssim",
    "frc50", "frc1over7", "frc_half_bit", "frc_auc", "frt50", "fienup", "phase_rmse",
    "fienup_ramp_kept", "fienup_ramp_free",
)  # fmt: skip
"""Rows of an arm against a truth, in order; a failed arm has them too, without numbers."""

PTYCHOPINN_NAMES = METRIC_NAMES[:7]
"""The same by PtychoPINN's own definitions."""

CONTRAST = "contrast"
"""How much an arm shows, as parts of what the truth does; its note holds the verdicts."""

VERDICTS_BETWEEN = "; "

WITHOUT_TRUTH_NAMES = ("r_factor",)


@dataclass(frozen=True)
class MetricRow:
    """One row of ``comparison_metrics.csv``; the fields are its columns, in order.

    Attributes
    ----------
    amplitude, phase, value : float or None
        Of the component, of the complex field or of neither; None for an empty cell.
    status : str
        "ok", "failed" or "unscored": of the arm. Empty in PtychoPINN's own tables, as are
        the columns behind it.
    metric_version : str
        The definitions behind the number.
    mask_pixels, groups : int or None
        Scored pixels and groups of the plan: the same in all rows.
    unit, note : str
        Of the number, and what to know beside it.
    reference : str
        What the number compares with: "truth", "independent_half", "same_data" or "none".
    amplitude_low, amplitude_high, ... : float or None
        Ends of the interval of each number, where it has one.
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
    reference: str = ""
    amplitude_low: float | None = None
    amplitude_high: float | None = None
    phase_low: float | None = None
    phase_high: float | None = None
    value_low: float | None = None
    value_high: float | None = None


COLUMNS = tuple(each.name for each in fields(MetricRow))
_UPSTREAM = COLUMNS[:5]
_NUMBERS = (*COLUMNS[2:5], *COLUMNS[12:])
_COUNTS = ("mask_pixels", "groups")
_TEXTS = tuple(each for each in COLUMNS if each not in (*_NUMBERS, *_COUNTS))
_ENDS = tuple((part, end) for part in ("amplitude", "phase", "value") for end in ("low", "high"))


def write_metrics_csv(path: Path, scorecard: Scorecard, *, groups: int, seconds: Mapping[str, float]) -> None:
    """Write the scores of all arms.

    First the metrics of every arm in the scorecard's order, then the measured shifts in
    px, then computing times in s, then the gauges, then contrasts with the verdicts. An arm
    without scores keeps its rows, empty and with its reason as the note: no arm is ever missing
    silently.

    Parameters
    ----------
    seconds : mapping of str to float
        Computing time by arm, s; arms may be left out.

    Raises
    ------
    ValueError
        A number is NaN (the message names arm and metric), or `seconds` names an arm
        that the scorecard does not have.
    """
    rows = table_rows(scorecard, groups=groups, seconds=seconds)
    write_table(path, COLUMNS, map(attrgetter(*COLUMNS), rows))


def table_rows(
    scorecard: Scorecard, *, groups: int | None = None, seconds: Mapping[str, float] = MappingProxyType({})
) -> list[MetricRow]:
    """Return the rows that `write_metrics_csv` writes; a ValueError where `seconds` names an arm too many."""
    unknown = set(seconds) - {each.arm for each in scorecard.arms}
    if unknown:
        raise ValueError(f"computing times of arms that were not scored: {', '.join(sorted(unknown))}")
    rows = [
        *_metric_rows(scorecard),
        *(row for arm in scorecard.arms for row in _shift_rows(arm)),
        *(
            _value(arm, "computation_time_s", seconds[arm.arm], "s")
            for arm in scorecard.arms
            if arm.arm in seconds
        ),
        *(row for arm in scorecard.arms for row in _gauge_rows(arm, scorecard.metric_version)),
        *(row for arm in scorecard.arms for row in _contrast_rows(arm)),
    ]
    pixels = int(scorecard.mask.sum())
    return [
        MetricRow(
            arm.arm,
            metric.name,
            metric.amplitude,
            metric.phase,
            metric.value,
            arm.status,
            scorecard.metric_version,
            pixels,
            groups,
            metric.unit,
            metric.note,
            metric.reference or scorecard.reference,
            *interval_ends(metric),
        )
        for arm, metric in rows
    ]


def read_metrics_csv(path: Path) -> list[MetricRow]:
    """Read a table of scores, ours or PtychoPINN's own.

    A cell that says ``nan`` comes back as NaN: to judge it is the reader's business.

    Raises
    ------
    InputError
        The file is missing, has other columns, or a cell that is no number; the message
        names the line.
    """
    rows = []
    for cells, place in read_table(path, needed=_UPSTREAM):
        text = {column: cells.get(column, "") for column in _TEXTS}
        counts = {column: number(int, cells, column, place) for column in _COUNTS}
        numbers = {column: number(float, cells, column, place) for column in _NUMBERS}
        rows.append(MetricRow(**{**text, **counts, **numbers}))  # type: ignore[arg-type]
    return rows


Row = tuple["ArmScore", "Metric"]


def _metric_rows(scorecard: Scorecard) -> Iterator[Row]:
    from ptycho_compare.scoring.metrics.metric import Metric

    for arm in scorecard.arms:
        if arm.status == "ok":
            yield from ((arm, metric) for metric in arm.metrics)
        else:
            for name in _names(scorecard):
                yield arm, Metric(name, None, None, None, "", arm.reason)


def _names(scorecard: Scorecard) -> tuple[str, ...]:
    if scorecard.reference == "none":
        return WITHOUT_TRUTH_NAMES
    return PTYCHOPINN_NAMES if _is_ptychopinn(scorecard.metric_version) else METRIC_NAMES


def _is_ptychopinn(metric_version: str) -> bool:
    return metric_version.startswith("ptychopinn")


def _value(arm: ArmScore, name: str, number: float | None, unit: str = "", note: str = "") -> Row:
    from ptycho_compare.scoring.metrics.metric import Metric

    return arm, Metric(name, None, None, None if number is None else float(number), unit, note)


def _shift_rows(arm: ArmScore) -> Iterator[Row]:
    if arm.shift is None:
        return
    for axis, offset in (("dy", arm.shift.dy), ("dx", arm.shift.dx)):
        if not arm.shift.registered:
            # a 0 here would read as "measured, and in place"
            yield _value(
                arm, f"registration_offset_{axis}", None, "px", f"not registered: {arm.shift.reason}"
            )
        else:
            note = "applied" if arm.moved else "measured, not applied"
            yield _value(arm, f"registration_offset_{axis}", offset, "px", note)


def _gauge_rows(arm: ArmScore, metric_version: str) -> Iterator[Row]:
    """Yield the gauge removed from an arm, what was measured and kept, and how much that changed."""
    if arm.gauge is None:
        return
    from ptycho_compare.scoring.metrics.metric import Metric

    gain, angle = abs(arm.gauge.scale), arm.gauge.phase
    yield arm, Metric("gauge_gain", float(gain), angle, None, "", "amplitude: factor; phase: rad")
    if arm.amplitude_gain is not None:
        yield _value(
            arm, "gauge_gain_amplitude", gain * arm.amplitude_gain, "", "real, of the amplitude alone"
        )
    ramp, note = _ramp(arm, arm.gauge, own_gauge=_is_ptychopinn(metric_version))
    for axis, each in zip(("y", "x"), ramp, strict=True):
        yield _value(arm, f"gauge_ramp_{axis}", each, "rad/px", note)
    yield _value(arm, "overlap_before", arm.gauge.overlap_before)
    yield _value(arm, "overlap_after", arm.gauge.overlap_after)
    if arm.twin is not None:
        yield _value(arm, "twin_overlap", arm.twin.overlap, "", str(arm.twin))
    if arm.distortion is not None:
        yield from _distortion_rows(arm, arm.distortion)


def _distortion_rows(arm: ArmScore, found: Distortion) -> Iterator[Row]:
    rows = (
        ("magnification", found.magnification, found.errors[0], "factor"),
        ("rotation", found.rotation_deg, found.errors[1], "deg"),
    )
    for name, measured, error, unit in rows:
        if found.reason:
            yield _value(arm, name, None, unit, f"not measured: {found.reason}")
        else:
            yield _value(arm, name, measured, unit, f"standard error {error:.2g}; measured, not undone")


def _contrast_rows(arm: ArmScore) -> Iterator[Row]:
    """Yield how much an arm shows, and the verdicts on that."""
    if not arm.contrast:
        return
    from ptycho_compare.scoring.metrics.metric import Metric

    shares = arm.contrast
    note = VERDICTS_BETWEEN.join(map(str, arm.verdicts))
    yield arm, Metric(CONTRAST, shares.get("amplitude"), shares.get("phase"), None, "of the truth's", note)


def verdicts_in(rows: Iterable[MetricRow]) -> list[tuple[str, str]]:
    """Return the verdicts that a table tells of its living arms: pairs of arm and sentence."""
    notes = ((row.model, row.note) for row in rows if row.metric == CONTRAST and row.note)
    return [(arm, verdict) for arm, note in notes for verdict in note.split(VERDICTS_BETWEEN)]


def _ramp(arm: ArmScore, gauge: Gauge, *, own_gauge: bool) -> tuple[tuple[float | None, float | None], str]:
    """Return the ramp along rows and columns, and what became of it."""
    if own_gauge:
        because = ": these definitions have a gauge of their own"
    else:
        because = f": {gauge.because}" if gauge.because else ""
    if gauge.freed:
        return gauge.ramp, f"{'measured, not removed' if own_gauge else 'removed'}{because}"
    if arm.shift is not None and arm.shift.registered:
        return arm.shift.ramp, f"measured, not removed{because}"
    # a 0 here would read as "measured, and none"
    return (None, None), f"not measured: the arm is not registered; not removed{because}"


def interval_ends(metric: Metric) -> list[float | None]:
    """Return low and high of amplitude, phase and value, None where there is no interval."""
    intervals = {str(part): ends for part, ends in metric.intervals.items()}
    return [float(getattr(intervals[part], end)) if part in intervals else None for part, end in _ENDS]
