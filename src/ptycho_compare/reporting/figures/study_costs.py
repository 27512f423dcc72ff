"""Cost against quality: time per image, the score that decides upwards, a mark per arm and condition."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ptycho_compare.records.study_answers import StudyAnswers
from ptycho_compare.records.study_costs import CostOfArm, costs_of
from ptycho_compare.reporting.figures.drawing import by_defaults, save_both
from ptycho_compare.reporting.figures.frc import ARM_COLOURS, ARM_MARKERS
from ptycho_compare.reporting.study.series import arms_of_study

if TYPE_CHECKING:  # matplotlib is slow to load
    from matplotlib.figure import Figure

_SIZE = (5.6, 4.2)  # in


def plot_costs(png: Path, pdf: Path, answers: StudyAnswers) -> list[Path]:
    """Draw costs as PNG and as PDF; see `cost_figure`. Returns what was written."""
    return save_both(png, pdf, cost_figure(answers), trimmed=False)


def shown_costs(answers: StudyAnswers) -> list[tuple[CostOfArm, float, float]]:
    """Costs that can be drawn, with time and number: of conditions that are decided by the score of most."""
    known = [
        (each, time, number)
        for each in costs_of(answers)
        if (time := each.seconds_per_image) is not None and (number := each.number) is not None
    ]
    scores = [each.score for each, _, _ in known]
    if len({each.arm for each, _, _ in known}) <= 1:  # nothing to weigh against each other
        return []
    return [mark for mark in known if mark[0].score == max(scores, key=scores.count)]


@by_defaults()
def cost_figure(answers: StudyAnswers) -> Figure | None:
    """Draw what the arms cost and what they give; None where fewer than two have a recorded time.

    A mark is filled where no arm of its condition is both faster and told apart as better.
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    shown = shown_costs(answers)
    if not shown or (score := shown[0][0].score) is None:
        return None
    figure = Figure(figsize=_SIZE, layout="constrained")
    axis = figure.subplots()
    arms = arms_of_study(answers)
    for each, time, number in shown:
        at = arms.index(each.arm)
        colour = ARM_COLOURS[at % len(ARM_COLOURS)]
        axis.plot(
            [time],
            [number],
            linestyle="none",
            marker=ARM_MARKERS[at % len(ARM_MARKERS)],
            markersize=6,
            color=colour,
            markerfacecolor="white" if each.beaten_by else colour,
        )
    positive = all(number > 0 for _, _, number in shown)
    axis.set_xscale("log")
    axis.set_yscale("log" if positive and not score.higher_is_better else "linear")
    way = "higher" if score.higher_is_better else "lower"
    axis.set(xlabel="computing time (s per image)", ylabel=f"{score.name} ({way} is better)")
    axis.grid(alpha=0.3, which="both", linewidth=0.5)
    drawn = [arm for arm in arms if any(each.arm == arm for each, _, _ in shown)]
    handles = [
        Line2D(
            [],
            [],
            linestyle="none",
            marker=ARM_MARKERS[arms.index(arm) % len(ARM_MARKERS)],
            color=ARM_COLOURS[arms.index(arm) % len(ARM_COLOURS)],
        )
        for arm in drawn
    ]
    legend = axis.legend(handles, drawn, fontsize=9, frameon=False)
    for text in legend.get_texts():
        text.set_parse_math(False)
    hosts = sorted({host for each, _, _ in shown for host in each.hosts})
    on = f"; times of {len(hosts)} machines, which do not compare" if len(hosts) > 1 else ""
    axis.set_title(
        f"{answers.study.name}\nhollow: another arm is faster and better{on}", fontsize=10, parse_math=False
    )
    return figure
