"""Losses of networks and of the iterative code on the page, to be drawn: against epochs and seconds."""

from __future__ import annotations

from collections.abc import Sequence

from ptycho_compare.records.study_answers import StudyAnswers
from ptycho_compare.records.study_losses import LossCurve
from ptycho_compare.reporting.page.drawn import ResponseAxes, ResponseCurve, ResponsePlot
from ptycho_compare.reporting.study.series import arms_of_study
from ptycho_compare.reporting.study.study_text import number_of

_MOST_DOSES = 4
_AXES = {False: "epoch", True: "computing time (s)"}


def loss_plots(answers: StudyAnswers) -> tuple[ResponsePlot, ...]:
    """Lay out two plots per dose; those of the first doses."""
    curves = [each for each in answers.losses if each.course(seconds=False)]
    doses = list(dict.fromkeys(each.levels["dose"] for each in curves))[:_MOST_DOSES]
    arms = arms_of_study(answers)
    return tuple(
        plot
        for dose in doses
        for seconds in _AXES
        if (plot := _plot(str(dose), [each for each in curves if each.levels["dose"] == dose], arms, seconds))
    )


def _plot(dose: str, curves: Sequence[LossCurve], arms: Sequence[str], seconds: bool) -> ResponsePlot | None:
    held = [(each, course) for each in curves if (course := each.course(seconds=seconds))]
    places = [place for _, course in held for place, _ in course]
    if not places or min(places) == max(places):
        return None
    axes = ResponseAxes((min(places), max(places)), (0.0, 1.0), logarithmic=seconds, powers=False)
    drawn = [
        ResponseCurve(
            each.arm,
            arms.index(each.arm),
            " ".join(f"{axes.x(place)},{axes.y(left)}" for place, left in course),
        )
        for each, course in held
    ]
    ends = [(axes.x(place), number_of(place)) for place in axes.ends_x]
    title = f"decrease of losses still to come, dose {dose}"
    return ResponsePlot(title, "lower", _AXES[seconds], axes, tuple(ends), tuple(drawn))
