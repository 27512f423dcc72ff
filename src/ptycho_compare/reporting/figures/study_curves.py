"""Response curves of a study: a score against one factor, a line per arm, a row per set of others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ptycho_compare.records.study_answers import StudyAnswers
from ptycho_compare.records.trials import Ends
from ptycho_compare.reporting.figures.drawing import by_defaults, save_both
from ptycho_compare.reporting.figures.edges import hide_axes, number_edge, round_places, written
from ptycho_compare.reporting.figures.frc import ARM_COLOURS, ARM_MARKERS
from ptycho_compare.reporting.study.series import ResponsePanel, Series, arms_of_study, panels_of

if TYPE_CHECKING:  # matplotlib is slow to load
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.transforms import Transform

_MOST_LINES = 4
"""Rows of the figure; the table holds all lines."""
_PANEL = (2.9, 1.9)  # in
_LEFT, _RIGHT, _ABOVE, _BELOW, _TOP, _LEGEND = 0.95, 0.15, 0.3, 0.6, 0.5, 0.4  # in
_MOST_TICKS = 6
_CAP = 3.0  # points
_GRID = "#ececec"


def plot_responses(png: Path, pdf: Path, answers: StudyAnswers) -> list[Path]:
    """Draw the curves of a study as PNG and as PDF; see `response_figure`. Returns what was written."""
    return save_both(png, pdf, response_figure(answers))


@by_defaults()
def response_figure(answers: StudyAnswers) -> Figure | None:
    """Draw the curves of a study; None where it has no line of two levels.

    Thick bars are intervals over trials, thin ones with caps those over pixels. Doses lie on a logarithmic
    axis, and errors along it too.
    """
    from matplotlib.figure import Figure

    rows = [panels for line in answers.lines[:_MOST_LINES] if (panels := panels_of(answers, line))]
    if not rows:
        return None
    scores = list(dict.fromkeys(panel.score for panels in rows for panel in panels))
    wide, high = _LEFT + _PANEL[0] + _RIGHT, _ABOVE + _PANEL[1] + _BELOW
    width, height = wide * len(scores), _TOP + high * len(rows) + _LEGEND
    figure = Figure(figsize=(width, height))
    for down, panels in enumerate(rows):
        bottom = (height - _TOP - high * (down + 1) + _BELOW) / height
        for panel in panels:
            left = (wide * scores.index(panel.score) + _LEFT) / width
            axis = figure.add_axes((left, bottom, _PANEL[0] / width, _PANEL[1] / height))
            _draw_panel(axis, panel, title=panel.fixed if panel is panels[0] else "")
    _draw_legend(figure.add_axes((0, 0, 1, _LEGEND / height)), answers)
    left_out = len(answers.lines) - len(rows)
    more = f"; {left_out} more in study_curves.csv" if left_out else ""
    level = f"{100 * answers.level:g} % intervals: thick over trials, thin over pixels"
    figure.suptitle(
        f"{answers.study.name}\n{level}{more}", fontsize=10, y=1 - 0.1 / height, va="top", parse_math=False
    )
    return figure


def _draw_panel(axis: Axes, panel: ResponsePanel, *, title: str) -> None:
    hide_axes(axis)
    axis.set_xscale("log" if panel.line.logarithmic else "linear")
    axis.set_yscale("log" if panel.powers else "linear")
    low, high = panel.range
    if panel.powers:
        axis.set_ylim(low / 1.25, high * 1.25)
    else:
        margin = 0.07 * (high - low or abs(high) or 1.0)
        axis.set_ylim(low - margin, high + margin)
    first, last = panel.places[0], panel.places[-1]
    if panel.line.logarithmic:
        margin = (last / first) ** 0.06
        axis.set_xlim(first / margin, last * margin)
    else:
        axis.set_xlim(first - 0.06 * (last - first), last + 0.06 * (last - first))
    for each in panel.series:
        _draw_series(axis, each)
    _number(axis, panel)
    if title:
        axis.set_title(title, fontsize=9, loc="left", parse_math=False)


def _draw_series(axis: Axes, each: Series) -> None:
    colour = ARM_COLOURS[each.number % len(ARM_COLOURS)]
    places, means = [point.place for point in each.points], [point.mean for point in each.points]
    for kind, width in (("pixels", 0.8), ("trials", 2.6)):
        bars = [(point.place, ends) for point in each.points if (ends := getattr(point, kind)) is not None]
        if bars:
            alpha = 0.55 if kind == "trials" else 1.0
            _draw_strokes(axis, bars, axis.transData, color=colour, linewidth=width, alpha=alpha)
        if bars and kind == "pixels":
            ends = [end for _, pair in bars for end in pair]
            beside = [place for place, _ in bars for _ in range(2)]
            axis.plot(beside, ends, color=colour, linestyle="none", marker="_", markersize=2 * _CAP)
    marker = ARM_MARKERS[each.number % len(ARM_MARKERS)]
    axis.plot(places, means, color=colour, marker=marker, markersize=4.5, linewidth=1.3, zorder=4)


def _number(axis: Axes, panel: ResponsePanel) -> None:
    along = {place: written(place) for place in _thinned(panel.places)}
    powers = _thinned(_round_powers(*axis.get_ylim())) if panel.powers else []
    up = {place: written(place) for place in powers}
    if len(up) <= 1:
        up = round_places(*axis.get_ylim(), _PANEL[1], side="left")
    whole = (0.0, 1.0)
    for upright, places in ((True, along), (False, up)):
        transform = axis.get_xaxis_transform() if upright else axis.get_yaxis_transform()
        strokes = [(place, whole) for place in places]
        _draw_strokes(axis, strokes, transform, upright=upright, color=_GRID, linewidth=0.6, zorder=0.5)
    number_edge(axis, "bottom", along, panel.axis_name, size=9)
    name = panel.score.name.replace(" of ", "\nof ", 1)
    number_edge(axis, "left", up, name, size=9)


def _draw_strokes(
    axis: Axes,
    strokes: Sequence[tuple[float, Ends]],
    transform: Transform,
    *,
    upright: bool = True,
    **look: Any,
) -> None:
    """Draw parallel strokes, each at its place between two ends, as one line with gaps.

    A collection of as many lines takes ten times as long to make and to write into a PDF.
    """
    from matplotlib.lines import Line2D

    across = [each for place, _ in strokes for each in (place, place, math.nan)]
    along = [each for _, ends in strokes for each in (*ends, math.nan)]
    x, y = (across, along) if upright else (along, across)
    line = Line2D(x, y, transform=transform, solid_capstyle="butt", **look)
    axis.add_artist(line)  # the limits are set, and are not to be looked for


def _thinned(places: Sequence[float]) -> list[float]:
    step = -(-len(places) // _MOST_TICKS)
    return list(places[::step])


def _round_powers(low: float, high: float) -> list[float]:
    """1, 2 and 5 of every decade between two numbers; the decades alone where there are many."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1, 2, 5) if len(decades) <= 3 else (1,)
    return [step * 10.0**power for power in decades for step in steps if low <= step * 10.0**power <= high]


def _draw_legend(axis: Axes, answers: StudyAnswers) -> None:
    """Fill an axis with the legend: one of a figure moves when what is drawn is cut out."""
    from matplotlib.lines import Line2D

    arms = arms_of_study(answers)
    handles = [
        Line2D(
            [],
            [],
            color=ARM_COLOURS[number % len(ARM_COLOURS)],
            marker=ARM_MARKERS[number % len(ARM_MARKERS)],
            markersize=5,
            linewidth=1.3,
        )
        for number in range(len(arms))
    ]
    axis.set_axis_off()
    legend = axis.legend(handles, arms, loc="center", ncols=min(len(arms), 4), frameon=False, fontsize=9)
    for text in legend.get_texts():
        text.set_parse_math(False)
