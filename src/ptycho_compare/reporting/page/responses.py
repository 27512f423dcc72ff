"""What the study says as a whole, on the page: its paragraph, its curves to be drawn, its crossings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ptycho_compare.hub import Hub
from ptycho_compare.records.study_answers import StudyAnswers
from ptycho_compare.records.study_conditions import levels_text
from ptycho_compare.records.study_costs import costs_of
from ptycho_compare.records.trials import Ends
from ptycho_compare.reporting.page.courses import loss_plots
from ptycho_compare.reporting.page.drawn import ResponseAxes, ResponseCurve, ResponsePlot
from ptycho_compare.reporting.page.provenance import link_to
from ptycho_compare.reporting.page.words import number_text
from ptycho_compare.reporting.study.losses_table import losses_table
from ptycho_compare.reporting.study.paper_table import PaperTable
from ptycho_compare.reporting.study.patches_table import patches_table
from ptycho_compare.reporting.study.series import ResponsePanel, Series, arms_of_study, panels_of
from ptycho_compare.reporting.study.stitched_table import stitched_table
from ptycho_compare.reporting.study.study_table import trials_table
from ptycho_compare.reporting.study.study_text import (
    cost_text,
    crossing_sentence,
    number_of,
    paragraph,
    told_over_trials,
)
from ptycho_compare.reporting.study.transfer_table import transfer_table

_MOST_LINES = 6
"""Lines whose curves are drawn; the table holds all."""
_MOST_TICKS = 6


@dataclass(frozen=True)
class PageTable:
    """A table of the study: what stands above it, and in its fields."""

    title: str
    table: PaperTable


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
    losses : tuple of ResponsePlot
        Of trainings and reconstructions.
    tables : tuple of PageTable
        Other tables of the study.
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
    losses: tuple[ResponsePlot, ...] = ()
    tables: tuple[PageTable, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    trouble: str = ""


def part_of(hub: Hub, answers: StudyAnswers, *, page: Path) -> StudyPart | None:
    """Lay out what a study says; None where it has one comparison or none, which says it all itself."""
    if sum(len(each.trials) for each in answers.conditions) <= 1 and not answers.patches:
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
    return StudyPart(
        tuple(arms_of_study(answers)),
        tuple(paragraph(answers)),
        tuple(drawn),
        len(answers.lines) - len(drawn),
        tuple(crossings),
        tuple(told_over_trials(answers)),
        losses=loss_plots(answers),
        tables=tuple(PageTable(title, table) for title, table in _tables(answers) if table is not None),
        **_costs(answers),
    )


def _tables(answers: StudyAnswers) -> Iterator[tuple[str, PaperTable | None]]:
    yield "Scores over trials", trials_table(answers)
    yield "Losses", losses_table(answers.losses, level=answers.level)
    yield "Patches before stitching", patches_table(answers.patches, factors=answers.factors)
    yield "Both halves as one object", stitched_table(answers.stitched, level=answers.level)
    yield "Transfer", transfer_table(answers.transfers)


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
