"""What the study says as a whole, on the page: its paragraph, its curves to be drawn, its crossings."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ptycho_compare.errors import InputError
from ptycho_compare.hub import Hub
from ptycho_compare.records.study_answers import StudyAnswers, read_answers
from ptycho_compare.records.study_conditions import levels_text
from ptycho_compare.records.study_costs import costs_of
from ptycho_compare.records.trials import Ends
from ptycho_compare.reporting.page.provenance import link_to
from ptycho_compare.reporting.page.words import number_text
from ptycho_compare.reporting.study.series import ResponsePanel, Series, arms_of_study, panels_of
from ptycho_compare.reporting.study.study_text import cost_text, crossing_sentence, number_of, paragraph
from ptycho_compare.study import Study

_MOST_LINES = 6
"""Lines whose curves are drawn; the table holds all."""
_MOST_TICKS = 6
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class ResponseAxes:
    """Where numbers lie in a drawing of fixed size, px; y goes down."""

    ends_x: Ends
    ends_y: Ends
    logarithmic: bool
    powers: bool
    width: int = 360
    height: int = 240
    left: int = 48
    right: int = 350
    top: int = 10
    bottom: int = 196

    def x(self, place: float) -> float:
        """Of a level of the factor."""
        share = _share(place, self.ends_x, logarithmic=self.logarithmic)
        return round(self.left + 8 + (self.right - self.left - 16) * share, 1)

    def y(self, value: float) -> float:
        """Of a score."""
        share = _share(value, self.ends_y, logarithmic=self.powers)
        return round(self.bottom - 8 - (self.bottom - self.top - 16) * share, 1)

    @property
    def ticks_y(self) -> list[tuple[float, str]]:
        """Place and text of round numbers."""
        low, high = self.ends_y
        places = [each for each in _decades(low, high) if low <= each <= high] if self.powers else []
        if len(places) <= 1:
            least = (high - low) / 4
            step = 10 ** math.floor(math.log10(least))
            step *= next(each for each in _STEPS if each * step >= least)
            places = [step * at for at in range(math.ceil(low / step), math.floor(high / step) + 1)]
        return [(self.y(each), f"{each:.4g}") for each in places]


def _decades(low: float, high: float) -> list[float]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [step * 10.0**power for power in powers for step in (1, 2, 5)]


@dataclass(frozen=True)
class ResponseCurve:
    """One arm: points of its line, dots, and bars of both kinds, each (x, top, bottom)."""

    arm: str
    number: int
    line: str
    dots: tuple[tuple[float, float, str], ...]
    trials: tuple[tuple[float, float, float], ...]
    pixels: tuple[tuple[float, float, float], ...]


@dataclass(frozen=True)
class ResponsePlot:
    """One score along one line."""

    title: str
    better: str
    axis_name: str
    axes: ResponseAxes
    ticks_x: tuple[tuple[float, str], ...]
    curves: tuple[ResponseCurve, ...]


@dataclass(frozen=True)
class StudyPart:
    """The study on the page.

    Attributes
    ----------
    sentences : tuple of str
        The paragraph.
    lines : tuple
        Where each line runs, and its plots.
    left_out : int
        Lines that are not drawn.
    crossings : tuple of str
    conditions : tuple
        For studies with trials: conditions, the verdict and why.
    links : dict
        To the files that `ptycho-hub study` wrote.
    trouble : str
        Why there is nothing to see.
    """

    arms: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()
    lines: tuple[tuple[str, tuple[ResponsePlot, ...]], ...] = ()
    left_out: int = 0
    crossings: tuple[str, ...] = ()
    conditions: tuple[tuple[str, str, str], ...] = ()
    costs: tuple[tuple[str, ...], ...] = ()
    cost_score: str = ""
    hosts: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    trouble: str = ""


def read_study(hub: Hub, study: Study, *, page: Path) -> StudyPart | None:
    """Read what a study says; None where it has one condition or none, and its comparison says it all."""
    try:
        answers = read_answers(hub, study)
    except InputError as error:
        return StudyPart(trouble=str(error))
    if len(answers.conditions) <= 1:
        return None
    links = [(path.name, link_to(hub, path, page=page)) for path in hub.answers() if path.is_file()]
    return replace(study_part(answers), links=tuple(links))


def study_part(answers: StudyAnswers) -> StudyPart:
    """Lay out what a study says."""
    drawn = [
        (panels[0].fixed, tuple(map(_plot, panels)))
        for line in answers.lines[:_MOST_LINES]
        if (panels := panels_of(answers, line))
    ]
    crossings = [
        f"{each.score.name}{f', {levels_text(each.line.fixed)}' if each.line.fixed else ''}: "
        f"{crossing_sentence(each)}"
        for each in answers.crossings
    ]
    averaged = any(len(condition.trials) > 1 for condition in answers.conditions)
    conditions = [
        (levels_text(condition.levels), condition.answer.verdict, condition.answer.why)
        for condition in answers.conditions
    ]
    return StudyPart(
        tuple(arms_of_study(answers)),
        tuple(paragraph(answers)),
        tuple(drawn),
        len(answers.lines) - len(drawn),
        tuple(crossings),
        tuple(conditions) if averaged else (),
        **_costs(answers),
    )


def _costs(answers: StudyAnswers) -> dict[str, Any]:
    found = costs_of(answers)
    scores = {each.score.name for each in found if each.score is not None}
    lines = [
        (
            *(levels_text(each.condition.levels), each.arm),
            *map(cost_text, (each.seconds_per_image, each.training_s)),
            number_text(each.number),
            {None: "not known", "": "nobody"}.get(each.beaten_by, each.beaten_by or ""),
            each.note,
        )
        for each in found
    ]
    hosts = {host for each in found for host in (*each.hosts, *each.training_hosts)}
    name = scores.pop() if len(scores) == 1 else ""
    return {"costs": tuple(lines), "cost_score": name, "hosts": tuple(sorted(hosts))}


def _plot(panel: ResponsePanel) -> ResponsePlot:
    axes = ResponseAxes(
        (panel.places[0], panel.places[-1]), _widened(panel), panel.line.logarithmic, panel.powers
    )
    step = -(-len(panel.places) // _MOST_TICKS)
    return ResponsePlot(
        panel.score.name,
        "higher" if panel.score.higher_is_better else "lower",
        panel.axis_name,
        axes,
        tuple((axes.x(place), number_of(place)) for place in panel.places[::step]),
        tuple(_curve(each, axes) for each in panel.series),
    )


def _widened(panel: ResponsePanel) -> Ends:
    """Range of a panel; one number alone has room around it."""
    low, high = panel.range
    if low < high:
        return low, high
    return (low / 2, high * 2) if panel.powers else (low - 0.5 * abs(low or 1), high + 0.5 * abs(high or 1))


def _curve(each: Series, axes: ResponseAxes) -> ResponseCurve:
    dots = [(axes.x(p.place), axes.y(p.mean), number_text(p.mean)) for p in each.points]
    bars: dict[str, list[tuple[float, float, float]]] = {"trials": [], "pixels": []}
    for point in each.points:
        for kind, ends in (("trials", point.trials), ("pixels", point.pixels)):
            if ends is not None:
                bars[kind].append((axes.x(point.place), axes.y(ends[1]), axes.y(ends[0])))
    line = " ".join(f"{x},{y}" for x, y, _ in dots) if len(dots) > 1 else ""
    return ResponseCurve(
        each.arm, each.number, line, tuple(dots), tuple(bars["trials"]), tuple(bars["pixels"])
    )


def _share(value: float, ends: Ends, *, logarithmic: bool) -> float:
    low, high = ends
    if logarithmic:  # an interval may reach down to zero and below
        value, low, high = math.log(max(value, low)), math.log(low), math.log(high)
    return min(max((value - low) / (high - low), 0.0), 1.0)
