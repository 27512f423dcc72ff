"""``study_curves.csv`` and ``study_answers.csv``: what the numbers of a study come to, for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ptycho_compare.records.compared import OVERLAP
from ptycho_compare.records.study_answers import StudyAnswers
from ptycho_compare.records.study_costs import costs_of
from ptycho_compare.records.tables.csv_cells import table_text
from ptycho_compare.records.trials import Ends
from ptycho_compare.study import Level

_CURVES = (
    OVERLAP, "arm", "metric", "component", "mean", "sd", "trials",
    "trials_low", "trials_high", "pixels_low", "pixels_high", "unit", "reference",
)  # fmt: skip
_ANSWERS = (
    "axis", "first", "second", "metric", "component", "value", "low", "high", "over", "trials", "told_apart",
)  # fmt: skip
_COSTS = (
    "arm", "images", "seconds_per_image", "images_per_second", "training_s", "training_cpu_s",
    "hosts", "training_hosts", "metric", "component", "value", "beaten_by", "note",
)  # fmt: skip
_NOTHING: Ends | tuple[None, None] = (None, None)
Line = tuple[object, ...]


def curves_csv(answers: StudyAnswers) -> str:
    """Return the text of ``study_curves.csv``: scores of every arm in every condition, over its trials."""
    factors = answers.factors
    return table_text(("tier", *factors, *_CURVES), _curves(answers, factors))


def _curves(answers: StudyAnswers, factors: Sequence[str]) -> Iterator[Line]:
    for condition in answers.conditions:
        for each in condition.scores():
            spread = each.over_trials
            yield (
                *(condition.tier, *_levels(condition.levels, factors), condition.overlap, each.arm),
                *(each.score.metric, each.score.component, spread.mean, spread.sd, spread.count),
                *(*(spread.interval or _NOTHING), *(each.over_pixels or _NOTHING)),
                *(each.unit, each.reference),
            )


def answers_csv(answers: StudyAnswers) -> str:
    """Return the text of ``study_answers.csv``.

    A line is a ``difference`` (first arm minus second, once over trials and once over pixels), a ``rank``
    (of the first arm, by the score that decides), a ``crossing`` (from the first arm, ahead below, to the
    second), a ``slope`` (of the logarithm of the first arm's error over that of the axis), or a count: of
    comparisons, of conditions, and of those in which the first arm is best.
    """
    factors = answers.factors
    columns = ("question", "tier", *factors, *_ANSWERS)
    lines = (*_counts(answers), *_ranks(answers), *_differences(answers), *_crossings(answers))
    return table_text(
        columns,
        (
            (question, answers.tier, *_levels(levels, factors), *cells)
            for question, levels, cells in (*lines, *_slopes(answers))
        ),
    )


Found = tuple[str, Mapping[str, Level], Line]


def _counts(answers: StudyAnswers) -> Iterator[Found]:
    held = {
        "comparisons": sum(len(condition.trials) for condition in answers.conditions),
        "comparisons_asked": answers.asked,
        "interval_percent": round(100 * answers.level, 6),
        "conditions": len(answers.conditions),
    }
    counts = [(name, "", count) for name, count in held.items()]
    counts += [
        ("conditions_won" if arm else "conditions_without_winner", arm, n) for arm, n in answers.wins.items()
    ]
    for name, arm, count in sorted(counts):
        yield name, {}, ("", arm, "", "", "", count, None, None, "", None, None)


def _ranks(answers: StudyAnswers) -> Iterator[Found]:
    for condition in answers.conditions:
        found = condition.answer
        for rank, arm in enumerate(found.numbers, start=1):
            score = found.score
            names = ("", "") if score is None else (score.metric, score.component)
            told = {"best": True, "behind": True, "not told apart": False}.get(found.standing(arm))
            yield (
                "rank",
                condition.levels,
                ("", arm, "", *names, rank, None, None, "", len(condition.trials), told),
            )


def _differences(answers: StudyAnswers) -> Iterator[Found]:
    for condition in answers.conditions:
        for each in condition.differences:
            spread = each.over_trials
            pair = ("", each.first, each.second, each.score.metric, each.score.component, spread.mean)
            if spread.interval is not None:
                ends = (*spread.interval, "trials", spread.count, each.told_by_trials)
                yield "difference", condition.levels, (*pair, *ends)
            if each.over_pixels is not None or spread.interval is None:
                ends = (*(each.over_pixels or _NOTHING), "pixels", spread.count, each.told_by_pixels)
                yield "difference", condition.levels, (*pair, *ends)


def _crossings(answers: StudyAnswers) -> Iterator[Found]:
    for each in answers.crossings:
        ends = each.ends or _NOTHING
        yield (
            "crossing",
            each.line.fixed,
            (
                *(each.line.axis, each.below, each.above, each.score.metric, each.score.component),
                *(each.place, *ends, "levels", None, each.ends is not None),
            ),
        )


def _slopes(answers: StudyAnswers) -> Iterator[Found]:
    for each in answers.slopes:
        yield (
            "slope",
            each.line.fixed,
            (
                *(each.line.axis, each.arm, "", each.score.metric, each.score.component),
                *(each.value, *each.ends, "levels", None, None),
            ),
        )


def costs_csv(answers: StudyAnswers) -> str:
    """Return the text of ``study_costs.csv``: what every arm takes in every condition, beside its score.

    ``beaten_by`` names an arm that is faster and is told apart as better; "nobody" where there is none.
    """
    factors = answers.factors
    return table_text(("tier", *factors, *_COSTS), _costs(answers, factors))


def _costs(answers: StudyAnswers, factors: Sequence[str]) -> Iterator[Line]:
    for each in costs_of(answers):
        time, score = each.seconds_per_image, each.score
        yield (
            *(each.condition.tier, *_levels(each.condition.levels, factors), each.arm, each.images, time),
            *(None if time is None else 1 / time, each.training_s, each.training_cpu_s),
            *(" ".join(each.hosts), " ".join(each.training_hosts)),
            *(("", "") if score is None else (score.metric, score.component)),
            *(each.number, None if each.beaten_by is None else each.beaten_by or "nobody", each.note),
        )


def _levels(levels: Mapping[str, Level], factors: Sequence[str]) -> Line:
    return tuple(levels.get(name) for name in factors)
