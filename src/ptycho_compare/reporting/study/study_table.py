"""The table of a study's scores: arms in every condition, scores beside each other, the best marked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from ptycho_compare.records.deciding import Deciding, digits
from ptycho_compare.records.study_answers import StudyAnswers
from ptycho_compare.records.study_conditions import SHOWN, ConditionScore, StudyCondition
from ptycho_compare.records.trials import Spread
from ptycho_compare.reporting.study.paper_table import Mark, MarkedText, PaperTable, mean_text

EXPLAINED = (
    "{bold}: the best number of a condition, told apart from those without a mark; {dagger}: cannot be told "
    "apart from it. Nothing is marked where that is not known. Of several trials mean ± standard deviation."
)

OVER_TRIALS = (
    "Means over trials, and their LEVEL % intervals by Student's t: how far a mean would move with other "
    "seeds. {bold}: the best number, told apart from those without a mark; {dagger}: cannot be told apart "
    "from it."
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
    return PaperTable((*answers.factors, "arm"), _columns(shown), tuple(rows), EXPLAINED, "study_curves.csv")


def trials_table(answers: StudyAnswers) -> PaperTable | None:
    """Make a table of means over trials and their intervals; None without trials, or where curves show it."""
    held = [(each, list(each.scores())) for each in answers.conditions if len(each.trials) > 1]
    if answers.lines or not held:
        return None
    found = {each.score for _, scores in held for each in scores}
    shown = tuple(score for score in SHOWN if score in found)
    rows = tuple(
        ((*labels, str(len(condition.trials))), texts)
        for condition, scores in held
        for labels, texts in _rows(condition, scores, answers.factors, shown, text=_with_ends)
    )
    note = OVER_TRIALS.replace("LEVEL", f"{100 * answers.level:g}")
    return PaperTable((*answers.factors, "arm", "trials"), _columns(shown), rows, note, "study_curves.csv")


def _columns(shown: Sequence[Deciding]) -> tuple[tuple[str, str], ...]:
    return tuple((score.name, "higher" if score.higher_is_better else "lower") for score in shown)


def _with_ends(spread: Spread) -> str:
    if spread.interval is None:
        return digits(spread.mean)
    low, high = map(digits, spread.interval)
    return f"{digits(spread.mean)} [{low}, {high}]"


def _rows(
    condition: StudyCondition,
    scores: Sequence[ConditionScore],
    factors: Sequence[str],
    shown: Sequence[Deciding],
    *,
    text: Callable[[Spread], str] = mean_text,
) -> Iterator[tuple[tuple[str, ...], tuple[MarkedText, ...]]]:
    marks = {score: marks_of(condition, score) for score in shown}
    texts = {(each.arm, each.score): text(each.over_trials) for each in scores}
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
