"""The table of a study's scores: arms in every condition, scores beside each other, the best marked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ptycho_compare.records.deciding import Deciding
from ptycho_compare.records.study_answers import StudyAnswers
from ptycho_compare.records.study_conditions import SHOWN, ConditionScore, StudyCondition
from ptycho_compare.reporting.study.paper_table import Mark, MarkedText, PaperTable, mean_text

EXPLAINED = (
    "{bold}: the best number of a condition, told apart from those without a mark; {dagger}: cannot be told "
    "apart from it. Nothing is marked where that is not known. Of several trials mean ± standard deviation."
)


def study_table(answers: StudyAnswers) -> PaperTable:
    """Make the table of a study."""
    held = {id(condition): list(condition.scores()) for condition in answers.conditions}
    found = {each.score for scores in held.values() for each in scores}
    shown = tuple(score for score in SHOWN if score in found)
    rows = [
        row
        for condition in answers.conditions
        for row in _rows(condition, held[id(condition)], answers.factors, shown)
    ]
    columns = tuple((score.name, "higher" if score.higher_is_better else "lower") for score in shown)
    return PaperTable((*answers.factors, "arm"), columns, tuple(rows), EXPLAINED, "study_curves.csv")


def _rows(
    condition: StudyCondition,
    scores: Sequence[ConditionScore],
    factors: Sequence[str],
    shown: Sequence[Deciding],
) -> Iterator[tuple[tuple[str, ...], tuple[MarkedText, ...]]]:
    marks = {score: marks_of(condition, score) for score in shown}
    texts = {(each.arm, each.score): mean_text(each.over_trials) for each in scores}
    levels = tuple(str(condition.levels.get(name, "")) for name in factors)
    for arm in dict.fromkeys(row.model for row in condition.rows):
        yield (
            (*levels, arm),
            tuple(MarkedText(texts.get((arm, score), ""), marks[score].get(arm, "")) for score in shown),
        )


def marks_of(condition: StudyCondition, score: Deciding) -> Mapping[str, Mark]:
    """Mark the best arm of a condition in a score, and those that are not told apart from it.

    Nothing is marked where one arm alone has the number, where the first one shows nothing, or where an
    interval that would tell is not known.
    """
    first, *others = condition.standings.ranking(score) or [""]
    told = {arm: condition.standings.margin(score, first, arm).told_apart for arm in others}
    if not others or first in condition.answer.flat or None in told.values():
        return {}
    alike: dict[str, Mark] = {arm: "not told apart" for arm, apart in told.items() if not apart}
    return {first: "best", **alike}
