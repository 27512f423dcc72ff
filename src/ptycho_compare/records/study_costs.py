"""Cost beside quality: time per image of every arm in every condition, its score, and who is worth it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from ptycho_compare.records.arm_costs import ArmCost
from ptycho_compare.records.deciding import Deciding
from ptycho_compare.records.study_answers import StudyAnswers
from ptycho_compare.records.study_conditions import StudyCondition


@dataclass(frozen=True)
class CostOfArm:
    """An arm in a condition: means over its trials.

    Attributes
    ----------
    seconds_per_image : float or None
        None where one trial does not know it.
    training_s, training_cpu_s : float or None
        Wall and processor time of the training of its network.
    hosts, training_hosts : tuple of str
        Where that ran.
    score : Deciding or None
        The score that decides the condition, and the arm's number.
    beaten_by : str or None
        An arm that is faster and is told apart as better; "" where there is none, None where nobody knows.
    note : str
        What is not known.
    """

    condition: StudyCondition
    arm: str
    images: float | None
    seconds_per_image: float | None
    training_s: float | None
    training_cpu_s: float | None
    hosts: tuple[str, ...]
    training_hosts: tuple[str, ...]
    score: Deciding | None
    number: float | None
    beaten_by: str | None
    note: str


def costs_of(answers: StudyAnswers) -> list[CostOfArm]:
    """Return the costs of all arms in all conditions."""
    return [each for condition in answers.conditions for each in _of_condition(condition)]


def _of_condition(condition: StudyCondition) -> Iterator[CostOfArm]:
    held: dict[str, list[ArmCost]] = {}
    for trial in condition.trials:
        for cost in trial.costs:
            held.setdefault(cost.arm, []).append(cost)
    times = {arm: _mean([each.seconds_per_image for each in costs]) for arm, costs in held.items()}
    for arm, costs in held.items():
        trainings = [each.training for each in costs if each.training is not None]
        yield CostOfArm(
            condition,
            arm,
            _mean([each.images for each in costs]),
            times[arm],
            _mean([each.seconds for each in trainings]),
            _mean([each.cpu_s for each in trainings]),
            _names(each.host for each in costs),
            _names(each.host for each in trainings),
            condition.answer.score,
            condition.answer.numbers.get(arm),
            _beaten_by(condition, arm, times),
            "; ".join(dict.fromkeys(each.note for each in costs if each.note)),
        )


def _names(hosts: Iterator[str]) -> tuple[str, ...]:
    return tuple(sorted({host for host in hosts if host}))


def _mean(numbers: list[float | None] | list[int | None]) -> float | None:
    known = [number for number in numbers if number is not None]
    return math.fsum(known) / len(known) if known and len(known) == len(numbers) else None


def _beaten_by(condition: StudyCondition, arm: str, times: dict[str, float | None]) -> str | None:
    """Find an arm that is faster and is told apart as better, by the score that decides."""
    score, own = condition.answer.score, times[arm]
    if score is None or own is None or arm not in condition.answer.numbers:
        return None
    for other in condition.answer.numbers:
        time = times.get(other)
        if other != arm and time is not None and time <= own and score in condition.standings.numbers:
            margin = condition.standings.margin(score, other, arm)
            if margin.by > 0 and margin.told_apart:
                return other
    return ""
