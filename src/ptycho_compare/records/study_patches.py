"""Patches before stitching over a study: how the scores of single patches spread in every condition."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ptycho_compare.records.deciding import Deciding
from ptycho_compare.records.study_conditions import StudyCondition
from ptycho_compare.records.tables.csv_cells import finite
from ptycho_compare.records.tables.patches_csv import GAUGES, PATCH_SCORES
from ptycho_compare.study import Level


@dataclass(frozen=True)
class PatchMeasure:
    """A score of patches.

    Attributes
    ----------
    gauge : {"own", "stitched", ""}
        Of the patch, or of the stitched image; "" for a score that no gain changes.
    column : str
        In ``patch_scores.csv``.
    """

    score: Deciding
    gauge: str
    column: str


def _measures() -> Iterator[PatchMeasure]:
    yield PatchMeasure(Deciding("fienup", "value"), "", "fienup")
    for name in PATCH_SCORES:
        metric, _, component = name.partition("_")
        for gauge in GAUGES:
            yield PatchMeasure(Deciding(metric, component), gauge, f"{gauge}_{name}")


MEASURED = tuple(_measures())
"""All of them; both gauges of a score beside each other."""


@dataclass(frozen=True)
class PatchSpread:
    """How a score spreads over the patches of a network in a condition, those of all trials together.

    Attributes
    ----------
    trials : int
        Comparisons whose patches these are.
    patches : int
        That have the score.
    sd : float or None
        Standard deviation between patches, divisor n - 1; None of one.
    quartiles : tuple of float
        Lower quartile, median, upper quartile, interpolated between patches.
    stitched : float or None
        The same score of the stitched image, the mean of the trials'.
    """

    levels: dict[str, Level]
    arm: str
    measure: PatchMeasure
    trials: int
    patches: int
    mean: float
    sd: float | None
    quartiles: tuple[float, float, float]
    stitched: float | None


def patch_spreads(conditions: Iterable[StudyCondition]) -> list[PatchSpread]:
    """Gather the patches of every condition and network; empty where none were asked for."""
    return [
        _spread(condition, arm, measure, numbers)
        for condition in conditions
        for arm in dict.fromkeys(row.arm for each in condition.trials for row in each.patches)
        for measure in MEASURED
        if (numbers := list(_numbers(condition, arm, measure)))
    ]


def _numbers(condition: StudyCondition, arm: str, measure: PatchMeasure) -> Iterator[float]:
    for each in condition.trials:
        for row in each.patches:
            if row.arm == arm and (number := finite(row.numbers[measure.column])) is not None:
                yield number


def _spread(condition: StudyCondition, arm: str, measure: PatchMeasure, numbers: list[float]) -> PatchSpread:
    several = len(numbers) > 1
    low, middle, high = statistics.quantiles(numbers, n=4, method="inclusive") if several else 3 * numbers
    whole = (measure.score.number_in(row) for row in condition.rows if row.model == arm)
    return PatchSpread(
        condition.levels,
        arm,
        measure,
        sum(any(row.arm == arm for row in each.patches) for each in condition.trials),
        len(numbers),
        statistics.fmean(numbers),
        statistics.stdev(numbers) if several else None,
        (low, middle, high),
        next((number for number in whole if number is not None), None),
    )
