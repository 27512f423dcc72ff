"""The comparison as one figure: phase, amplitude and error of all arms, a column each."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.reporting.figures.drawing import (
    LINE_CHARACTERS,
    Box,
    Image,
    Limits,
    Line,
    PlotLimits,
    by_defaults,
    draw_image,
    draw_nothing,
    own_gauge,
    save,
    widened,
    write_above,
)
from ptycho_compare.reporting.figures.grid import PanelGrid, panel_grid

if TYPE_CHECKING:  # scoring loads scipy and scikit-image, matplotlib is slower still
    from matplotlib.figure import Figure

    from ptycho_compare.scoring.metrics.metric import Metric, ReferenceKind
    from ptycho_compare.scoring.scorecard import ArmScore, Scorecard

GROUND_TRUTH = "Ground Truth"
KINDS: dict[ReferenceKind, str] = {
    "truth": "against the truth",
    "independent_half": "against an independent half",
    "same_data": "against a reconstruction of the same data: agreement, not resolution",
    "none": "no truth",
}
"""What the arms were compared with, in words."""

_REFERENCE_NAMES: dict[ReferenceKind, str] = {"independent_half": "Other Half", "same_data": "Reference"}
_MOST_COLUMNS = 5
_REASON_LINES = 3
_COLOURS = ("viridis", "gray", "magma")


@dataclass(frozen=True, eq=False)
class _Column:
    """One arm, or the truth, as it is drawn.

    Panels are phase in rad, amplitude and error, (h, w), NaN outside the mask; None where there is
    nothing to show, `missing` says why.
    """

    name: str
    lines: tuple[Line, ...]  # below the name
    panels: tuple[NDArray[np.float64] | None, ...]
    missing: str
    comparable: bool  # not dead: its pixels set the colours of the rows
    own_phase: Limits | None  # rad


def plot_comparison(path: Path, scorecard: Scorecard, truth: Image | None, limits: PlotLimits) -> None:
    """Draw a comparison as PNG, 150 dots per inch; see `comparison_figure`."""
    save(path, comparison_figure(scorecard, truth, limits), trimmed=True)


@by_defaults()
def comparison_figure(scorecard: Scorecard, truth: Image | None, limits: PlotLimits) -> Figure:
    """Draw phase, amplitude and error of all arms, a column each, the truth last.

    Parameters
    ----------
    scorecard : Scorecard
        Images of scored arms are in the truth's gauge.
    truth : ndarray, (H, W), complex, or None
        What the arms were scored against. None gives a panel that says so, and no row of
        errors; amplitudes are then in units of their own rms.

    Returns
    -------
    matplotlib.figure.Figure
        Cropped to the mask and a margin; axes in pixels of the truth's grid. More than five
        columns go on below, under the same colours.
    """
    view = _View(scorecard.mask, truth, widened(scorecard.box, scorecard.mask.shape))
    columns = [view.arm(arm, limits) for arm in scorecard.arms]
    columns.append(view.truth_column(scorecard.reference, limits))
    labels = view.labels(scorecard.reference)
    room = max(len(column.lines) for column in columns)
    grid = panel_grid(
        view.box,
        len(columns),
        most=_MOST_COLUMNS,
        rows=len(labels),
        room=room,
        bars_below=any(column.own_phase for column in columns),
    )
    across = grid.axes.shape[1]
    for row, label in enumerate(labels):
        common = _common_limits(columns, row, limits)
        for band in range(0, len(grid.axes), len(labels)):
            first = band // len(labels) * across
            _draw_row(grid, band, columns[first : first + across], row, label, common, view.box)
    for number, column in enumerate(columns):
        axis = grid.axes[number // across * len(labels)][number % across]
        write_above(axis, column.name, column.lines, room=room)
    grid.label_edges(len(columns), [f"{label}\n\ny (px)" for label in labels])
    grid.write_title(
        f"Reconstructions: {KINDS[scorecard.reference]}\n"
        f"one mask of {scorecard.mask.sum():,} px for all arms; hatched: not scored; "
        f"metrics: {scorecard.metric_version}"
    )
    return grid.figure


@dataclass(frozen=True, eq=False)
class _View:
    """The part of the grid that is shown, and what it is shown against."""

    mask: NDArray[np.bool_]
    truth: Image | None
    box: Box

    def labels(self, kind: ReferenceKind) -> tuple[str, ...]:
        """Return the names of the rows."""
        if self.truth is None:
            return "phase (rad)", "amplitude / rms"
        return "phase (rad)", "amplitude", f"|image - {_REFERENCE_NAMES.get(kind, 'truth').lower()}|"

    def arm(self, arm: ArmScore, limits: PlotLimits) -> _Column:
        scored = arm.status == "ok"
        # an arm that was not gauged has a phase of its own: it is turned to its own mean
        reference = self.truth if scored and self.truth is not None else arm.image
        phase, amplitude = self._parts(arm.image, reference)
        error = None
        if scored and self.truth is not None:
            with np.errstate(over="ignore", invalid="ignore"):
                error = self._shown(np.abs(arm.image - self.truth))
        missing = "" if np.isfinite(amplitude).any() else "no finite pixel"
        return _Column(
            name=arm.arm,
            lines=arm_lines(arm, against_truth=self.truth is not None),
            panels=(None, None, None) if missing else (phase, amplitude, error),
            missing=missing or "not scored",
            comparable=arm.status != "failed",
            own_phase=limits.phase.get(arm.arm),
        )

    def truth_column(self, kind: ReferenceKind, limits: PlotLimits) -> _Column:
        own, name = limits.phase.get(GROUND_TRUTH), _REFERENCE_NAMES.get(kind, GROUND_TRUTH)
        if self.truth is None:
            return _Column(name, (), (None, None, None), "No Ground Truth", False, own)
        return _Column(name, (), (*self._parts(self.truth, self.truth), None), "", True, own)

    def _parts(self, image: Image, reference: Image) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return phase and amplitude, the reference's mean phase at 0."""
        turn, rms = own_gauge(reference, self.mask)
        with np.errstate(over="ignore", invalid="ignore"):  # a dead arm is shown as dead
            phase, amplitude = self._shown(np.angle(image * turn)), self._shown(np.abs(image))
        return phase, amplitude / (rms if self.truth is None else 1.0)

    def _shown(self, values: NDArray[Any]) -> NDArray[np.float64]:
        return np.where(self.mask & np.isfinite(values), values, np.nan)[self.box].astype(np.float64)


def _common_limits(columns: Sequence[_Column], row: int, limits: PlotLimits) -> Limits:
    panels = [(column.panels[row], column.comparable) for column in columns]
    alive = [panel for panel, comparable in panels if panel is not None and comparable]
    return limits.of(alive or [panel for panel, _ in panels if panel is not None])


def _draw_row(
    grid: PanelGrid,
    band: int,
    columns: Sequence[_Column],
    row: int,
    label: str,
    common: Limits,
    box: Box,
) -> None:
    axes, sharing = grid.axes[band + row], []
    for axis, column in zip(axes, columns, strict=False):
        panel = column.panels[row]
        own = column.own_phase if row == 0 else None
        if panel is not None:
            draw_image(axis, panel, colours=_COLOURS[row], limits=own or common, box=box)
        elif column.missing:
            draw_nothing(axis, column.missing, box=box)
        else:  # the truth has no error: an empty place, not a grey one
            axis.set_axis_off()
        if panel is not None and own:
            grid.add_bar_below(axis)
        elif panel is not None:
            sharing.append(axis)
    if sharing:
        grid.add_bar(sharing[0].images[0], band + row, band + row, label=label)


def arm_lines(arm: ArmScore, *, against_truth: bool) -> tuple[Line, ...]:
    """Describe one arm in a few lines, the alarming ones first; without a truth by its R-factor."""
    lines = list(_alarms(arm))
    error, label = ("fienup", "Fienup error") if against_truth else ("r_factor", "R-factor")
    if arm.status == "ok":
        lines += [Line(_with_interval(label, row)) for row in arm.metrics if row.name == error]
    if arm.gauge is not None:
        scale = arm.gauge.scale
        lines.append(Line(f"gain {_three_digits(abs(scale))}, phase {_signed(np.angle(scale), 3)} rad"))
    lines += _place(arm)
    return tuple(lines)


def _alarms(arm: ArmScore) -> Iterator[Line]:
    if arm.status != "ok":
        failed = arm.status == "failed"
        text = f"{'FAILED' if failed else 'not scored'}: {arm.reason}"
        for line in textwrap.wrap(text, LINE_CHARACTERS, max_lines=_REASON_LINES, placeholder=" ..."):
            yield Line(line, alarm=failed)
    yield from (Line(each.kind.upper(), alarm=True) for each in arm.verdicts)
    if arm.twin is not None:
        yield Line(f"TWIN: overlap {arm.twin.overlap:.2f}, itself {arm.twin.direct_overlap:.2f}", alarm=True)


def _with_interval(label: str, row: Metric) -> str:
    if row.value is None:
        return f"{label} not known"
    ends = row.intervals.get("value")
    interval = "" if ends is None else f" [{_three_digits(ends.low)}, {_three_digits(ends.high)}]"
    return f"{label} {_three_digits(row.value)}{interval}"


def _place(arm: ArmScore) -> Iterator[Line]:
    """Say where the arm lay, and how its phase was tilted."""
    gauge, shift = arm.gauge, arm.shift
    if shift is not None and not shift.registered:
        yield Line("shift not registered")
    elif shift is not None:
        how = "applied" if arm.moved else "measured"
        yield Line(f"shift {_pair((shift.dy, shift.dx), digits=2)} px, {how}")
    if gauge is not None and gauge.freed:
        yield Line(f"ramp {_pair(gauge.ramp, digits=4)} rad/px, removed")
    elif shift is not None and shift.registered:
        yield Line(f"ramp {_pair(shift.ramp, digits=4)} rad/px, measured")


def _three_digits(number: float) -> str:
    return f"{number:#.3g}".removesuffix(".")


def _pair(numbers: tuple[float, float], *, digits: int) -> str:
    return f"({_signed(numbers[0], digits)}, {_signed(numbers[1], digits)})"


def _signed(number: float, digits: int) -> str:
    return f"{number:+z.{digits}f}"
