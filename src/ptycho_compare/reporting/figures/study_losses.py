"""Losses of networks and of the iterative code in one plot: against epochs, and against seconds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ptycho_compare.records.study_answers import StudyAnswers
from ptycho_compare.records.study_losses import LossCurve
from ptycho_compare.reporting.figures.drawing import by_defaults, save_both
from ptycho_compare.reporting.figures.frc import ARM_COLOURS
from ptycho_compare.reporting.study.series import arms_of_study

if TYPE_CHECKING:  # matplotlib is slow to load
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_DOSES = 4
_WIDE = 30
"""Times so far apart are laid out by their logarithm."""
_SIZE = (3.6, 2.3)  # in
Style = Literal["-", "--", "-.", ":"]
_STYLES: tuple[Style, ...] = ("-", "--", "-.", ":")


def plot_losses(png: Path, pdf: Path, answers: StudyAnswers) -> list[Path]:
    """Draw losses as PNG and as PDF; see `loss_figure`. Returns what was written."""
    return save_both(png, pdf, loss_figure(answers))


@by_defaults()
def loss_figure(answers: StudyAnswers) -> Figure | None:
    """Draw how trainings and reconstructions come down, a row per dose; None where nothing came down.

    Upwards lies the part of the decrease from the first to the lowest loss that is still to come: losses are
    of different quantities, and their sizes do not compare. Views have line styles.
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    curves = [each for each in answers.losses if each.course(seconds=False)]
    doses = list(dict.fromkeys(each.levels["dose"] for each in curves))
    if not doses:
        return None
    shown, arms = doses[:_MOST_DOSES], arms_of_study(answers)
    views = list(dict.fromkeys(str(each.levels["view"]) for each in curves if "view" in each.levels))
    figure = Figure(figsize=(2 * _SIZE[0], 0.7 + _SIZE[1] * len(shown)), layout="constrained")
    for row, dose in zip(figure.subplots(len(shown), 2, squeeze=False), shown, strict=True):
        there = [each for each in curves if each.levels["dose"] == dose]
        for axis, seconds in zip(row, (False, True), strict=True):
            _draw(axis, there, arms, views, seconds=seconds)
        row[0].set_title(f"dose {dose}", fontsize=9, loc="left", parse_math=False)
    drawn = [arm for arm in arms if any(each.arm == arm for each in curves)]
    handles = [Line2D([], [], color=_colour(arms, arm)) for arm in drawn]
    names = list(drawn)
    if len(views) > 1:
        handles += [Line2D([], [], color="0.3", linestyle=_style(views, view)) for view in views]
        names += views
    legend = figure.legend(handles, names, loc="outside lower center", ncols=5, frameon=False, fontsize=9)
    for text in legend.get_texts():
        text.set_parse_math(False)
    more = f"; {len(doses) - len(shown)} more doses in study_losses.csv" if len(doses) > len(shown) else ""
    figure.suptitle(f"{answers.study.name}\ndecrease of losses{more}", fontsize=10)
    figure.texts[-1].set_parse_math(False)
    return figure


def _draw(
    axis: Axes, curves: Sequence[LossCurve], arms: Sequence[str], views: Sequence[str], *, seconds: bool
) -> None:
    from matplotlib.ticker import NullFormatter

    for each in curves:
        points = each.course(seconds=seconds)
        if points:
            axis.plot(
                [place for place, _ in points],
                [left for _, left in points],
                color=_colour(arms, each.arm),
                linestyle=_style(views, str(each.levels.get("view", ""))),
                linewidth=1.2,
                marker="." if len(points) == 1 else "",
            )
    places = [place for each in curves for place, _ in each.course(seconds=seconds)]
    if seconds and places and max(places) > _WIDE * min(places):
        axis.set_xscale("log")
        axis.xaxis.set_minor_formatter(NullFormatter())  # decades alone have room for numbers
    axis.set(xlabel="computing time (s)" if seconds else "epoch", ylim=(-0.03, 1.03))
    if not seconds:
        axis.set_ylabel("decrease still to come")
    axis.grid(alpha=0.3, linewidth=0.5)


def _colour(arms: Sequence[str], arm: str) -> str:
    return ARM_COLOURS[arms.index(arm) % len(ARM_COLOURS)]


def _style(views: Sequence[str], view: str) -> Style:
    return _STYLES[views.index(view) % len(_STYLES)] if view in views else _STYLES[0]
