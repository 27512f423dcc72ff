"""Ring correlation and transfer of all arms on one axis per component, with thresholds and cut-offs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import InputError
from ptycho_compare.reporting.figures.drawing import ALARM, by_defaults, save
from ptycho_compare.reporting.figures.edges import hide_axes, number_edge, round_places, written
from ptycho_compare.reporting.figures.side_by_side import KINDS

if TYPE_CHECKING:  # scoring loads scipy and scikit-image, matplotlib is slower still
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ptycho_compare.scoring.metrics.cutoff import Cutoff
    from ptycho_compare.scoring.metrics.ring_curve import RingCurve
    from ptycho_compare.scoring.scorecard import Scorecard

ARM_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#000000", "#CC79A7", "#882255")
"""One per arm, in the order of the scorecard; also the colour-blind tell them apart."""

ARM_MARKERS = "osD^v<>p"
"""The same."""
_COMPONENTS = ("amplitude", "phase", "complex")
_NYQUIST = 0.5  # cycles/px
_GREY = "#606060"
_PANEL_INCHES = (4.1, 3.4)
_LEFT_INCHES, _RIGHT_INCHES = 0.75, 0.6  # for labels; thresholds are named on the right
_ABOVE_INCHES, _BELOW_INCHES = 1.4, 0.7  # for titles and the period; for the label of the frequency
_ENTRY_INCHES = 0.195
_TICK_SPACING = 0.045  # cycles/px between two labels of the period


@dataclass(frozen=True, eq=False)
class _Entry:
    """A line of the legend, with its curve if there is one."""

    name: str
    curve: RingCurve | None
    arms: tuple[int, ...]  # numbers of the arm, or of the two arms, that it belongs to
    half: bool = False  # between reconstructions of half the data: dashed, and cut off at 1/7
    without: str = ""  # what the legend says without a curve
    alarm: bool = False
    transfer: bool = False  # the curve's transfer is drawn, else its correlation

    @property
    def values(self) -> NDArray[np.float64] | None:
        if self.curve is None:
            return None
        return self.curve.transfer if self.transfer else self.curve.correlation

    @property
    def cutoff(self) -> Cutoff | None:
        if self.curve is None:
            return None
        return self.curve.transfer_cutoff() if self.transfer else self.curve.cutoff(self.criterion)

    @property
    def colours(self) -> list[str]:
        return [ARM_COLOURS[number % len(ARM_COLOURS)] for number in self.arms]

    @property
    def criterion(self) -> float:
        return 1 / 7 if self.half else 0.5


def plot_frc(path: Path, scorecard: Scorecard, *, pixel_nm: float | None = None) -> None:
    """Draw the ring correlations as PNG, 150 dots per inch; see `frc_figure`."""
    save(path, frc_figure(scorecard, pixel_nm=pixel_nm), trimmed=True)


@by_defaults()
def frc_figure(scorecard: Scorecard, *, pixel_nm: float | None = None) -> Figure:
    """Draw all ring correlations, a panel for each component that has any.

    Below the correlations stand the transfers, where they were measured. An arm keeps its colour and
    marker in all panels. A marker shows the cut-off at 0.5, or at 1/7 of a correlation between half
    data sets: these are dashed. Without a truth there is a curve for every two arms, in the colours
    of both.

    Parameters
    ----------
    pixel_nm : float, optional
        Side of a pixel in nm; periods are then in nm as well.

    Returns
    -------
    matplotlib.figure.Figure
        Its horizontal axis is the frequency in cycles/px, the one above it the period.

    Raises
    ------
    InputError
        `pixel_nm` is not positive and finite.
    """
    from matplotlib.figure import Figure

    if pixel_nm is not None and not 0.0 < pixel_nm < np.inf:
        raise InputError(
            f"pixel_nm is {pixel_nm}: a pixel has a positive, finite side; leave it out if not known"
        )
    rows = list(_rows(scorecard))
    across, below = len(rows[0]), _BELOW_INCHES + _ENTRY_INCHES * (max(len(each) for _, each in rows[0]) + 1)
    width = _LEFT_INCHES + _PANEL_INCHES[0] + _RIGHT_INCHES
    high = _ABOVE_INCHES + _PANEL_INCHES[1] + below
    # all sizes are known: a layout engine would measure every label twice to find them
    figure = Figure(figsize=(width * across, high * len(rows)))
    size = _PANEL_INCHES[0] / (width * across), _PANEL_INCHES[1] / (high * len(rows))
    for down, row in enumerate(rows):
        for number, (component, entries) in enumerate(row):
            left = (number * width + _LEFT_INCHES) / (width * across)
            bottom = (below + high * (len(rows) - 1 - down)) / (high * len(rows))
            _draw_panel(figure.add_axes((left, bottom, *size)), component, entries, pixel_nm)
    kind = "agreement between arms, not resolution" if scorecard.agreements else KINDS[scorecard.reference]
    figure.suptitle(
        f"Fourier ring correlation{' and transfer' if len(rows) > 1 else ''}: {kind}\n"
        f"one mask of {scorecard.mask.sum():,} px; metrics: {scorecard.metric_version}",
        fontsize=11,
    )
    return figure


def _rows(scorecard: Scorecard) -> Iterator[list[tuple[str, list[_Entry]]]]:
    """Yield the rows of panels: correlations, and transfers if any was measured."""
    panels = {name: list(_entries(scorecard, name)) for name in _COMPONENTS}
    shown = [(name, found) for name, found in panels.items() if any(each.curve for each in found)]
    yield shown or [("", panels["complex"])]
    transfers = [
        (name, [replace(each, transfer=True) for each in found if not each.half]) for name, found in shown
    ]
    if any(each.values is not None for _, found in transfers for each in found):
        yield transfers


def _entries(scorecard: Scorecard, component: str) -> Iterator[_Entry]:
    """Yield what a panel shows: every arm, its half data if any, then every two arms."""
    numbers = {arm.arm: number for number, arm in enumerate(scorecard.arms)}
    for arm in scorecard.arms:
        number = (numbers[arm.arm],)
        name = f"{arm.arm} (TWIN)" if arm.twin else arm.arm
        half = arm.curves.get(f"half_{component}")
        if arm.status == "failed":
            yield _Entry(name, None, number, without="FAILED, no curve", alarm=True)
            continue
        if component in arm.curves or not (half or scorecard.agreements):
            curve = arm.curves.get(component)
            yield _Entry(name, curve, number, without="no curve", alarm=arm.twin is not None)
        if half:
            yield _Entry(f"{name}, half data", half, number, half=True, alarm=arm.twin is not None)
    for pair in scorecard.agreements:
        both = numbers[pair.first], numbers[pair.second]
        yield _Entry(f"{pair.first} and {pair.second}", pair.curves.get(component), both, without="no curve")


def _draw_panel(axis: Axes, component: str, entries: Sequence[_Entry], pixel_nm: float | None) -> None:
    curves = [each.curve for each in entries if each.curve is not None]
    values = [each.values for each in entries if each.values is not None]
    transfer = any(each.transfer for each in entries)
    right = max([_NYQUIST, *(float(curve.frequency[-1]) for curve in curves)]) * 1.06
    lowest = min([0.0, *(float(np.nanmin(each, initial=0.0)) for each in values)])
    highest = max([1.0, *(float(np.nanmax(each, initial=1.0)) for each in values)])
    axis.set(xlim=(0.0, right), ylim=(max(lowest, -1.0) - 0.06, min(highest, 2.0) + 0.06))
    above = _label_axes(axis, right, "ring transfer" if transfer else "ring correlation", pixel_nm)
    title = {"complex": "complex field"}.get(component, component)
    axis.set_title(f"{title}, transfer" if transfer else title, fontweight="bold", y=1.0, pad=above + 7)
    if transfer:
        axis.axhline(0.5, color=_GREY, linewidth=0.9, zorder=1.5)
        axis.axvline(_NYQUIST, color=_GREY, linewidth=0.9, linestyle="--", zorder=1.5)
    elif curves:
        _draw_thresholds(axis, curves[0])
    else:
        axis.text(0.5, 0.5, "no ring correlation", transform=axis.transAxes, ha="center", fontsize=12)
    for entry in entries:
        _draw_entry(axis, entry)
    _draw_legend(axis, entries, pixel_nm)


def _draw_thresholds(axis: Axes, curve: RingCurve) -> None:
    """Draw thresholds and Nyquist, labelled beside the panel, where no curve runs."""
    inside = curve.frequency <= _NYQUIST
    frequency, half_bit = curve.frequency[inside], curve.threshold("half_bit")[inside]
    axis.plot(frequency, half_bit, color=_GREY, linewidth=1.0, linestyle=":", zorder=1.5)
    for level in (0.5, 1 / 7):
        axis.axhline(level, color=_GREY, linewidth=0.9, zorder=1.5)
    axis.axvline(_NYQUIST, color=_GREY, linewidth=0.9, linestyle="--", zorder=1.5)
    # upwards and downwards: half-bit and 1/7 end close to each other
    for level, name, align in (
        (0.5, "0.5", "center"),
        (half_bit[-1], "half-bit", "bottom"),
        (1 / 7, "1/7", "top"),
    ):
        axis.annotate(
            name,
            xy=(1.0, level),
            xycoords=("axes fraction", "data"),
            xytext=(3, 0),
            textcoords="offset points",
            va=align,
            fontsize=8.5,
            color=_GREY,
        )
    axis.annotate(
        "Nyquist",
        xy=(_NYQUIST, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(1, -4),
        textcoords="offset points",
        va="top",
        rotation=90,
        fontsize=8.5,
        color=_GREY,
    )


def _draw_entry(axis: Axes, entry: _Entry) -> None:
    """Draw a curve and a marker where it is cut off."""
    if entry.curve is None or entry.values is None:
        return
    axis.plot(entry.curve.frequency, entry.values, zorder=3, **_style(entry))
    cutoff = entry.cutoff
    if cutoff is not None and cutoff.frequency is not None and not cutoff.end:
        axis.plot([cutoff.frequency], [entry.criterion], linestyle="none", zorder=5, **_marker(entry))


def _style(entry: _Entry) -> dict[str, Any]:
    colour, *second = entry.colours
    pair: dict[str, Any] = {"linestyle": (0, (5, 5)), "gapcolor": second[0]} if second else {}
    return {"color": colour, "linewidth": 1.6, "linestyle": (0, (4, 1.6)) if entry.half else "-"} | pair


def _marker(entry: _Entry) -> dict[str, Any]:
    colours = entry.colours
    return {
        "marker": ARM_MARKERS[entry.arms[0] % len(ARM_MARKERS)],
        "markersize": 8,
        "markerfacecolor": "white" if entry.half else colours[0],
        "markeredgecolor": colours[0] if entry.half else "white" if len(colours) == 1 else colours[1],
        "markeredgewidth": 1.0,
    }


def _label_axes(axis: Axes, right: float, name: str, pixel_nm: float | None) -> float:
    """Draw a grid, number it, and say how far that goes on above the panel, points."""
    hide_axes(axis)
    low, high = axis.get_ylim()
    up = {step / 5: written(step / 5, 1) for step in range(-5, 11) if low <= step / 5 <= high}
    along = {place: written(place, 1) for place in round_places(0.0, right, _PANEL_INCHES[0], side="bottom")}
    grid: dict[str, Any] = {"color": "#ececec", "linewidth": 0.6, "zorder": 0.5}
    axis.vlines(list(along), 0.0, 1.0, transform=axis.get_xaxis_transform(), **grid)
    axis.hlines(list(up), 0.0, 1.0, transform=axis.get_yaxis_transform(), **grid)
    number_edge(axis, "left", up, name, size=10)
    number_edge(axis, "bottom", along, "spatial frequency (cycles/px)", size=10)
    unit = "px" if pixel_nm is None else "nm"
    return number_edge(axis, "top", _periods(right, pixel_nm), f"period ({unit})", size=10)


def _periods(right: float, pixel_nm: float | None) -> dict[float, str]:
    """Return full periods, in px, or in nm if known, by their frequency, in cycles/px."""
    side = 1.0 if pixel_nm is None else pixel_nm
    ticks: dict[float, str] = {}
    for period in _round_numbers(from_=side / right, to=side / _TICK_SPACING):
        frequency = side / period
        if all(abs(frequency - other) >= _TICK_SPACING for other in ticks):
            ticks[frequency] = f"{period:.12g}"
    return ticks


def _round_numbers(*, from_: float, to: float) -> Iterator[float]:
    """Yield numbers that read well, rising."""
    decade = 10.0 ** np.floor(np.log10(from_))
    while decade <= to:
        yield from (step * decade for step in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8) if from_ <= step * decade <= to)
        decade *= 10.0


def _draw_legend(axis: Axes, entries: Sequence[_Entry], pixel_nm: float | None) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.transforms import ScaledTranslation

    # below the label of the axis, however high the panel is
    below = ScaledTranslation(0.0, -0.5, axis.figure.dpi_scale_trans)
    handles = [Line2D([], [], **_style(each), **_marker(each)) for each in entries]
    half = ", between half data at 1/7" if any(each.half for each in entries) else ""
    legend = axis.legend(
        handles,
        [_legend_text(each, pixel_nm) for each in entries],
        title=f"cut-off at 0.5{half}",
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        bbox_transform=axis.transAxes + below,
        frameon=False,
        fontsize=9,
        title_fontsize=9,
        handlelength=3.2,
    )
    for text, line, entry in zip(legend.get_texts(), legend.get_lines(), entries, strict=True):
        text.set_parse_math(False)  # an arm's name may hold a dollar sign
        text.set_color(ALARM if entry.alarm else "black")
        line.set_visible(entry.values is not None)


def _legend_text(entry: _Entry, pixel_nm: float | None) -> str:
    cutoff = entry.cutoff
    if cutoff is None:
        without = entry.without if entry.curve is None else "no transfer"
        return f"{entry.name}: {without}"
    if cutoff.frequency is None or cutoff.period_px is None:
        return f"{entry.name}: beyond Nyquist"
    end = "at least " if cutoff.beyond_measured else "at most " if cutoff.below_first_ring else ""
    nm = "" if pixel_nm is None else f" = {_three_digits(cutoff.period_px * pixel_nm)} nm"
    return f"{entry.name}: {end}{cutoff.frequency:.3f} cycles/px = {cutoff.period_px:.1f} px{nm}"


def _three_digits(number: float) -> str:
    return np.format_float_positional(number, precision=3, fractional=False, trim="-")
