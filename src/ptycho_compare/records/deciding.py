"""The scores that decide a comparison, and how two arms stand to each other in one of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ptycho_compare.records.measures import HIGHER_IS_BETTER, score_name
from ptycho_compare.records.tables.csv_cells import finite
from ptycho_compare.records.tables.metrics_csv import MetricRow
from ptycho_compare.records.tables.pairs_csv import DifferenceRow

_LEAST = 0.001
"""Below it four decimals do not tell a number any more."""


@dataclass(frozen=True)
class Deciding:
    """A number of the table by which arms are put in order."""

    metric: str
    component: str

    @property
    def name(self) -> str:
        """As a person says it, e.g. ``SSIM of phase``."""
        return score_name(self.metric, self.component)

    @property
    def higher_is_better(self) -> bool:
        """Which way is better."""
        return HIGHER_IS_BETTER[self.metric]

    @property
    def best(self) -> str:
        """The same in a word."""
        return "high" if self.higher_is_better else "low"

    def number_in(self, row: MetricRow) -> float | None:
        """Return this number where a row has it, and it is finite."""
        number: float | None = getattr(row, self.component) if row.metric == self.metric else None
        return finite(number)


FIENUP = Deciding("fienup", "value")
CHECKS = (Deciding("ssim", "phase"), Deciding("ssim", "amplitude"))
"""These may contradict the one that decides: then nobody wins."""
RESIDUAL = Deciding("r_factor", "value")
ORDER = (FIENUP, Deciding("phase_rmse", "phase"), *CHECKS, RESIDUAL)
"""The first of which every living arm has a number decides."""


@dataclass(frozen=True)
class Margin:
    """How far one arm is ahead of another in a score.

    Attributes
    ----------
    ahead, behind : str
        Arms.
    by : float
        Distance, in the unit of the score; negative where the other one is better.
    low, high : float or None
        Ends of its interval.
    told_apart : bool or None
        False where the interval holds zero; None where none was drawn.
    """

    score: Deciding
    ahead: str
    behind: str
    by: float
    low: float | None = None
    high: float | None = None
    told_apart: bool | None = None

    @property
    def distance(self) -> str:
        """How far, e.g. ``0.0210 lower [0.0150, 0.0270]``."""
        if not self.by:
            said = "no difference"
        else:
            higher = self.score.higher_is_better == (self.by > 0)
            said = f"{digits(abs(self.by))} {'higher' if higher else 'lower'}"
        if self.low is None or self.high is None:
            return f"{said}, without an interval"
        low, high = (self.low, self.high) if self.by >= 0 else (-self.high, -self.low)
        return f"{said} [{digits(low)}, {digits(high)}]"

    @property
    def sentence(self) -> str:
        """Which arm the score prefers, and by how much, e.g. ``SSIM of phase says PtyChi, ...``."""
        if self.by >= 0:
            return f"{self.score.name} says {self.ahead}, {self.distance}"
        low, high = (None if end is None else -end for end in (self.high, self.low))
        return Margin(self.score, self.behind, self.ahead, -self.by, low, high, self.told_apart).sentence


def digits(number: float) -> str:
    """Four decimals of a number, or three digits of one that they would hide."""
    return f"{number:z.4f}" if not number or abs(number) >= _LEAST else f"{number:.2e}"


def told_apart(*verdicts: bool | None) -> bool | None:
    """Say if a difference is told apart from zero, by what its intervals say: all that are known must.

    Intervals of different kinds, over pixels and over trials, answer different questions: a difference that
    holds by one of them alone is not one that both would show again. None where none is known.
    """
    known = [each for each in verdicts if each is not None]
    return all(known) if known else None


def leaves_out_zero(ends: tuple[float, float] | None) -> bool | None:
    """Say if an interval leaves out zero; None without one."""
    return None if ends is None else ends[0] > 0 or ends[1] < 0


@dataclass(frozen=True)
class Standings:
    """Numbers of the living arms, and the differences between every two of them.

    Attributes
    ----------
    numbers : mapping of Deciding to mapping of str to float
        By score and arm.
    """

    numbers: Mapping[Deciding, Mapping[str, float]]
    _differences: Mapping[tuple[Deciding, str, str], DifferenceRow]

    @classmethod
    def of(
        cls,
        rows: Iterable[MetricRow],
        differences: Iterable[DifferenceRow],
        scores: Sequence[Deciding] = ORDER,
    ) -> Standings:
        """Take from both tables what decides, or other `scores`."""
        numbers: dict[Deciding, dict[str, float]] = {score: {} for score in scores}
        for row in rows:
            for score in scores:
                if (number := score.number_in(row)) is not None:
                    numbers[score][row.model] = number
        found = {(Deciding(row.metric, row.component), row.first, row.second): row for row in differences}
        return cls(numbers, found)

    def ranking(self, score: Deciding) -> list[str]:
        """Arms that have a number, best first; equal ones by name."""
        sign = -1 if score.higher_is_better else 1
        return sorted(self.numbers[score], key=lambda arm: (sign * self.numbers[score][arm], arm))

    def margin(self, score: Deciding, one: str, other: str) -> Margin:
        """How far the first arm is ahead of the second, of two that have a number."""
        held = self.numbers[score]
        sign = 1 if score.higher_is_better else -1
        row = self._differences.get((score, one, other))
        if row is None:
            row, sign = self._differences.get((score, other, one)), -sign
        if row is None or (difference := finite(row.difference)) is None:
            by = held[one] - held[other]
            return Margin(score, one, other, by if score.higher_is_better else -by)
        ends = sorted(sign * end for end in (finite(row.low), finite(row.high)) if end is not None)
        low, high = ends if len(ends) == 2 else (None, None)
        # what the table's digits do not show names nobody
        told = row.told_apart and bool(difference)
        return Margin(score, one, other, sign * difference, low, high, told)
