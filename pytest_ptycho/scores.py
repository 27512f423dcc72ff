"""Scores of a comparison for tests of one's own: numbers that say where they come from when they fail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

import pytest

from ptycho_compare.errors import did_you_mean

if TYPE_CHECKING:
    from pathlib import Path

    from ptycho_compare.records.tables.metrics_csv import MetricRow
    from pytest_ptycho.run_comparison import Evidence

_PARTS = ("amplitude", "phase", "value")


@dataclass(frozen=True)
class _Origin:
    comparison: str
    level: float
    picture: Path


class ScoredNumber(float):
    """A score.

    Attributes
    ----------
    name : str
        Metric, component and arm, as a person says it.
    low, high : float or None
        Ends of its interval, where it has one.
    unit, reference : str
        Of the number; what it compares with: "truth", "independent_half", "same_data" or "none".
    mask_pixels : int or None
        Scored pixels, the same for every arm.
    """

    name: str
    low: float | None
    high: float | None
    unit: str
    reference: str
    mask_pixels: int | None
    _origin: _Origin

    @classmethod
    def of(cls, row: MetricRow, part: str, origin: _Origin) -> ScoredNumber:
        """Take a component of a row of the table."""
        number = cls(getattr(row, part))
        number.name = (
            f"{row.metric} of {row.model}" if part == "value" else f"{row.metric} {part} of {row.model}"
        )
        number.low, number.high = getattr(row, f"{part}_low"), getattr(row, f"{part}_high")
        number.unit, number.reference, number.mask_pixels = row.unit, row.reference, row.mask_pixels
        number._origin = origin
        return number

    def lines(self) -> Iterator[str]:
        """Yield what to know of the number: interval, mask, reference, and where to look."""
        from ptycho_compare.records.measures import REFERENCES

        text = f"{self.name} in {self._origin.comparison}: {float(self):.6g}"
        unit = f" {self.unit}" if self.unit else ""
        if self.low is None or self.high is None:
            yield f"{text}{unit}, without an interval"
        else:
            yield f"{text}{unit}, {self._origin.level:.0%} interval [{self.low:.6g}, {self.high:.6g}]"
        against = f", compared with {REFERENCES[self.reference]}" if self.reference in REFERENCES else ""
        yield f"mask: {self.mask_pixels} pixels, those that every arm covers{against}"
        yield f"picture: {self._origin.picture}"


class PartScores:
    """Scores of an arm in one component: the metrics are attributes."""

    def __init__(self, arm: str, part: str, numbers: Mapping[str, ScoredNumber], why: str) -> None:
        self._arm, self._part, self._numbers, self._why = arm, part, numbers, why

    def __getattr__(self, metric: str) -> ScoredNumber:
        __tracebackhide__ = True
        if metric.startswith("_"):
            raise AttributeError(metric)
        if metric not in self._numbers:
            self._refuse(metric)
        return self._numbers[metric]

    def _refuse(self, metric: str) -> NoReturn:
        __tracebackhide__ = True
        if self._why:
            pytest.fail(f"{self._arm} has no scores: {self._why}")
        near = did_you_mean(metric, self._numbers)
        pytest.fail(f"no {metric} of {self!r}; there are {', '.join(self._numbers) or 'none'}{near}")

    def __dir__(self) -> list[str]:
        return sorted(self._numbers)

    def __repr__(self) -> str:
        return f"{self._part} of {self._arm}"


class ArmScores:
    """Scores of one arm.

    Attributes
    ----------
    amplitude, phase, value : PartScores
        Of a component, of the complex field or of neither: the columns of ``comparison_metrics.csv``.
    """

    def __init__(self, arm: str, rows: Sequence[MetricRow], origin: _Origin) -> None:
        self._arm = arm
        why = next((row.note or row.status for row in rows if row.status not in ("ok", "")), "")
        self.amplitude, self.phase, self.value = (
            PartScores(arm, part, _numbers(rows, part, origin), why) for part in _PARTS
        )

    def __repr__(self) -> str:
        return f"scores of {self._arm}"


def _numbers(rows: Sequence[MetricRow], part: str, origin: _Origin) -> dict[str, ScoredNumber]:
    return {row.metric: ScoredNumber.of(row, part, origin) for row in rows if getattr(row, part) is not None}


class ComparisonScores(Mapping[str, ArmScores]):
    """Scores of a comparison, by arm, in the order of its table."""

    def __init__(self, evidence: Evidence) -> None:
        from ptycho_compare.hub import Artifacts
        from ptycho_compare.records.tables.metrics_csv import read_metrics_csv

        job, names = evidence.job, Artifacts(evidence.job.folder)
        origin = _Origin(job.id, job.study.uncertainty.level, names.plot)
        rows: dict[str, list[MetricRow]] = {}
        for row in read_metrics_csv(names.metrics):
            rows.setdefault(row.model, []).append(row)
        self._comparison = job.id
        self._arms = {arm: ArmScores(arm, those, origin) for arm, those in rows.items()}

    def __getitem__(self, arm: str) -> ArmScores:
        __tracebackhide__ = True  # the line to look at is the test's
        if arm not in self._arms:
            near = did_you_mean(arm, self._arms)
            pytest.fail(f"no arm {arm} in {self._comparison}; there are {', '.join(self._arms)}{near}")
        return self._arms[arm]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arms)

    def __len__(self) -> int:
        return len(self._arms)

    def __contains__(self, arm: object) -> bool:
        return arm in self._arms

    def __repr__(self) -> str:
        return f"scores of {self._comparison}"


def explained(operator: str, left: object, right: object) -> list[str] | None:
    """Explain a comparison that failed, where a score takes part in it; None where none does."""
    scored = [each for each in (left, right) if isinstance(each, ScoredNumber)]
    if not scored:
        return None
    shown = (f"{float(each):.6g}" if isinstance(each, ScoredNumber) else repr(each) for each in (left, right))
    return [f" {operator} ".join(shown), *(line for each in scored for line in each.lines())]
