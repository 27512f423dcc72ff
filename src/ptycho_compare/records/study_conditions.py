"""Conditions of a study: comparisons that differ in their trials alone, and what these come to on average.

An interval over trials and one over pixels answer different questions, and are kept apart: how far a mean
would move with other seeds, and how far a score would move with another part of the object.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from ptycho_compare.records.answer import Answer
from ptycho_compare.records.answering import answer_of
from ptycho_compare.records.compared import Compared
from ptycho_compare.records.deciding import (
    CHECKS,
    FIENUP,
    ORDER,
    RESIDUAL,
    Deciding,
    Standings,
    leaves_out_zero,
    told_apart,
)
from ptycho_compare.records.measures import HIGHER_IS_BETTER
from ptycho_compare.records.tables.csv_cells import finite
from ptycho_compare.records.tables.metrics_csv import CONTRAST, MetricRow
from ptycho_compare.records.tables.pairs_csv import DifferenceRow
from ptycho_compare.records.tables.tidy_rows import COMPONENTS
from ptycho_compare.records.trials import Ends, Spread, mean_ends, spread_of
from ptycho_compare.study import Level

SHOWN = (FIENUP, *CHECKS, Deciding("frc50", "phase"), Deciding("frc50", "value"), RESIDUAL)
"""Scores of which a study has curves, tables and differences."""

_COMPARED = tuple(dict.fromkeys((*SHOWN, *ORDER)))
_KEPT = (*HIGHER_IS_BETTER, CONTRAST)
"""Rows of which a mean says anything; a mean of gauges does not."""


@dataclass(frozen=True)
class ConditionScore:
    """A score of one arm in a condition.

    Attributes
    ----------
    over_trials : Spread
        Its mean, and how it varies between trials.
    over_pixels : tuple of float, or None
        Its interval over pixels, the mean of the trials'.
    """

    arm: str
    score: Deciding
    over_trials: Spread
    over_pixels: Ends | None
    unit: str
    reference: str


@dataclass(frozen=True)
class ConditionDifference:
    """First arm minus second in a condition, with both intervals."""

    first: str
    second: str
    score: Deciding
    over_trials: Spread
    over_pixels: Ends | None
    told_by_pixels: bool | None

    @property
    def told_by_trials(self) -> bool | None:
        """Whether the interval over trials leaves out zero."""
        return leaves_out_zero(self.over_trials.interval)

    @property
    def told_apart(self) -> bool | None:
        """Whether the two are told apart, by all intervals that are known."""
        return told_apart(self.told_by_trials, self.told_by_pixels)

    @property
    def row(self) -> DifferenceRow:
        """As a row of a comparison's table; its interval is that over trials, where there are any."""
        low, high = self.over_trials.interval or self.over_pixels or (None, None)
        mean = self.over_trials.mean
        place = (self.first, self.second, self.score.metric, self.score.component)
        return DifferenceRow(*place, mean, low, high, self.told_apart)


@dataclass(frozen=True)
class StudyCondition:
    """Comparisons that differ in their trials alone.

    Attributes
    ----------
    levels : dict
        Level of each factor that is no trial.
    trials : tuple of Compared
        At least one.
    level : float
        Of intervals over trials.
    """

    tier: str
    levels: dict[str, Level]
    trials: tuple[Compared, ...]
    level: float

    @property
    def overlap(self) -> float | None:
        """Measured overlap, the mean of the trials'; None where one has none."""
        known = [each.overlap for each in self.trials if each.overlap is not None]
        return sum(known) / len(known) if len(known) == len(self.trials) else None

    @cached_property
    def rows(self) -> tuple[MetricRow, ...]:
        """Rows of the table of scores; of several trials their means, where every trial has the number."""
        if len(self.trials) == 1:
            return self.trials[0].rows
        tables = [{(row.model, row.metric): row for row in each.rows} for each in self.trials]
        keys = dict.fromkeys(key for table in tables for key in table if key[1] in _KEPT)
        return tuple(_mean_row(key, [table.get(key) for table in tables]) for key in keys)

    @cached_property
    def differences(self) -> tuple[ConditionDifference, ...]:
        """Differences between every two arms that are alive in every trial."""
        tables = [dict(_by_pair(each.differences)) for each in self.trials]
        pairs = [key for key in tables[0] if key[2] in _COMPARED]
        return tuple(
            _mean_difference(key, [table[key] for table in tables], self.level)
            for key in pairs
            if all(key in table for table in tables)
        )

    @cached_property
    def standings(self) -> Standings:
        """How the arms stand to each other in every score that is shown."""
        living = [row for row in self.rows if row.status in ("ok", "")]
        return Standings.of(living, [each.row for each in self.differences], SHOWN)

    @cached_property
    def answer(self) -> Answer:
        """Who is best here, by the rule of every comparison."""
        return answer_of(self.rows, [each.row for each in self.differences])

    def scores(self) -> Iterator[ConditionScore]:
        """Yield the scores that are shown of every arm that has them in every trial."""
        tables = [{(row.model, row.metric): row for row in each.rows} for each in self.trials]
        for arm in dict.fromkeys(row.model for row in self.rows):
            for score in SHOWN:
                rows = [row for table in tables if (row := table.get((arm, score.metric))) is not None]
                numbers = [n for row in rows if (n := score.number_in(row)) is not None]
                if numbers and len(numbers) == len(self.trials):
                    ends = mean_ends(_ends(row, score.component) for row in rows)
                    spread = spread_of(numbers, level=self.level)
                    yield ConditionScore(arm, score, spread, ends, rows[0].unit, rows[0].reference)


def conditions_in(compared: Iterable[Compared], *, level: float) -> list[StudyCondition]:
    """Gather comparisons into conditions, in the order in which they come."""
    found: dict[tuple[Any, ...], list[Compared]] = {}
    for each in compared:
        found.setdefault((each.comparison.tier, *levels_without_trials(each).items()), []).append(each)
    return [
        StudyCondition(trials[0].comparison.tier, levels_without_trials(trials[0]), tuple(trials), level)
        for trials in found.values()
    ]


def levels_without_trials(each: Compared) -> dict[str, Level]:
    """Levels of a comparison without those of its trials."""
    trials = {name for name, _ in each.comparison.trial}
    return {name: level for name, level in each.levels.items() if name not in trials}


def _mean_row(key: tuple[str, str], rows: Sequence[MetricRow | None]) -> MetricRow:
    """Average a row over trials; of one that a trial lacks there is no number."""
    there = [row for row in rows if row is not None]
    first = next((row for row in there if row.status not in ("ok", "")), there[0])
    means: dict[str, float | None] = {}
    for part in COMPONENTS:
        numbers = [number for row in there if (number := finite(getattr(row, part))) is not None]
        whole = len(numbers) == len(rows)
        means[part] = sum(numbers) / len(numbers) if whole else None
        ends = mean_ends(_ends(row, part) for row in there) if whole else None
        means[f"{part}_low"], means[f"{part}_high"] = ends or (None, None)
    pixels = {row.mask_pixels for row in there}
    return MetricRow(
        model=key[0],
        metric=key[1],
        status=first.status,
        metric_version=first.metric_version,
        mask_pixels=pixels.pop() if len(pixels) == 1 else None,
        unit=first.unit,
        note=first.note,
        reference=first.reference,
        **means,  # type: ignore[arg-type]
    )


def _ends(row: MetricRow | DifferenceRow, part: str = "") -> Ends | None:
    before = f"{part}_" if part else ""
    low, high = (finite(getattr(row, f"{before}{end}")) for end in ("low", "high"))
    return None if low is None or high is None else (low, high)


_Pair = tuple[str, str, Deciding]


def _by_pair(rows: Iterable[DifferenceRow]) -> Iterator[tuple[_Pair, DifferenceRow]]:
    """Yield differences, the first arm by name: tables of other trials may have another order."""
    for row in rows:
        if (value := finite(row.difference)) is None:
            continue
        score, turned = Deciding(row.metric, row.component), row.first > row.second
        if turned:
            low, high = (None if end is None else -end for end in (row.high, row.low))
            row = replace(row, first=row.second, second=row.first, difference=-value, low=low, high=high)
        yield (row.first, row.second, score), row


def _mean_difference(key: _Pair, rows: Sequence[DifferenceRow], level: float) -> ConditionDifference:
    spread = spread_of([row.difference for row in rows if row.difference is not None], level=level)
    ends = mean_ends(map(_ends, rows))
    told = rows[0].told_apart if len(rows) == 1 else leaves_out_zero(ends)
    return ConditionDifference(*key, spread, ends, told)


def levels_text(levels: Mapping[str, Level]) -> str:
    """Levels as a person says them, e.g. ``dose 1000, dense, test, training_images 512``."""
    words = [str(levels[name]) if name in ("view", "split") else f"{name} {levels[name]}" for name in levels]
    return ", ".join(words)
