"""Response of arms to one factor, all others fixed: lines through conditions, crossings of arms, slopes.

A line runs along a factor whose levels are numbers, or along the measured overlap of the views.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Literal

from ptycho_compare.records.compared import OVERLAP
from ptycho_compare.records.deciding import Deciding, Margin
from ptycho_compare.records.study_conditions import SHOWN, StudyCondition
from ptycho_compare.records.trials import Ends
from ptycho_compare.study import Level

_VIEW, _DOSE = "view", "dose"
_WIDE = 10
"""Levels so many times apart are laid out by their logarithm, as doses always are."""


@dataclass(frozen=True)
class StudyLine:
    """Conditions that differ in one factor alone.

    Attributes
    ----------
    axis : str
        The factor, or `OVERLAP` for views by their measured overlap.
    fixed : dict
        Levels of the other factors.
    conditions : tuple of (float, StudyCondition)
        By their place on the axis, rising.
    logarithmic : bool
        Whether places are compared by their logarithm.
    """

    axis: str
    fixed: dict[str, Level]
    conditions: tuple[tuple[float, StudyCondition], ...]
    logarithmic: bool

    @property
    def arms(self) -> list[str]:
        """All arms, as in the tables."""
        return list(dict.fromkeys(row.model for _, condition in self.conditions for row in condition.rows))


@dataclass(frozen=True)
class Crossing:
    """Where one arm takes over from another along a line.

    Attributes
    ----------
    below, above : str
        The arm that is ahead before it, and the one that is ahead behind it.
    place : float or None
        Where the two lines cross; None where they do so more than once between `ends`.
    ends : tuple of float, or None
        Levels at which either of the two is told apart as the better one: the crossing lies between them.
        None where that cannot be told.
    """

    line: StudyLine
    score: Deciding
    below: str
    above: str
    place: float | None
    ends: Ends | None


@dataclass(frozen=True)
class Slope:
    """Exponent of a power law: how an error falls along a logarithmic axis.

    Attributes
    ----------
    value : float
        Of the least-squares line through the logarithms of means.
    ends : tuple of float
        Its interval, by Student's t with n - 2 degrees of freedom.
    points : int
        Levels that it goes through.
    """

    line: StudyLine
    score: Deciding
    arm: str
    value: float
    ends: Ends
    points: int


def lines_of(conditions: Sequence[StudyCondition]) -> list[StudyLine]:
    """Find all lines of two levels or more."""
    factors = dict.fromkeys(name for condition in conditions for name in condition.levels)
    axes = [name for name in factors if name == _VIEW or _are_numbers(conditions, name)]
    return [line for axis in axes for line in _along(axis, conditions)]


def _are_numbers(conditions: Iterable[StudyCondition], factor: str) -> bool:
    return all(isinstance(condition.levels.get(factor), int | float) for condition in conditions)


def _along(factor: str, conditions: Iterable[StudyCondition]) -> Iterator[StudyLine]:
    rows: dict[tuple[tuple[str, Level], ...], list[tuple[float, StudyCondition]]] = {}
    for condition in conditions:
        place = condition.overlap if factor == _VIEW else condition.levels[factor]
        others = tuple(item for item in condition.levels.items() if item[0] != factor)
        if isinstance(place, int | float):
            rows.setdefault(others, []).append((float(place), condition))
    for others, found in rows.items():
        places = sorted(found, key=lambda pair: pair[0])
        low, high = places[0][0], places[-1][0]
        if low < high:
            logarithmic = low > 0 and (factor == _DOSE or high >= _WIDE * low)
            yield StudyLine(OVERLAP if factor == _VIEW else factor, dict(others), tuple(places), logarithmic)


def crossings_of(line: StudyLine) -> Iterator[Crossing]:
    """Yield where every two arms cross in every score that is shown."""
    for score in SHOWN:
        for one, other in combinations(line.arms, 2):
            yield from _crossings(line, score, one, other)


@dataclass(frozen=True)
class _Ahead:
    """By how much the first arm is ahead at one place, and whether that is told: 1, -1, or 0 where not.

    Of errors along a logarithmic axis `by` is the logarithm of their ratio: power laws are straight there.
    """

    place: float
    by: float
    told: Literal[1, 0, -1]


def _crossings(line: StudyLine, score: Deciding, one: str, other: str) -> Iterator[Crossing]:
    points = list(_ahead(line, score, one, other))
    told = [index for index, point in enumerate(points) if point.told]
    brackets = [(a, b) for a, b in pairwise(told) if points[a].told != points[b].told]
    changes = [a for a in range(len(points) - 1) if points[a].by * points[a + 1].by < 0]
    for a, b in brackets:
        inside = [at for at in changes if a <= at < b]
        place = _meeting(line, *points[inside[0] : inside[0] + 2]) if len(inside) == 1 else None
        below, above = (one, other) if points[a].told > 0 else (other, one)
        yield Crossing(line, score, below, above, place, (points[a].place, points[b].place))
    for at in changes:
        if not any(a <= at < b for a, b in brackets):
            below, above = (one, other) if points[at].by > 0 else (other, one)
            yield Crossing(line, score, below, above, _meeting(line, *points[at : at + 2]), None)


def _ahead(line: StudyLine, score: Deciding, one: str, other: str) -> Iterator[_Ahead]:
    for place, condition in line.conditions:
        if {one, other} <= condition.standings.numbers[score].keys():
            margin = condition.standings.margin(score, one, other)
            if margin.by:
                told: Literal[1, 0, -1] = (1 if margin.by > 0 else -1) if margin.told_apart else 0
                yield _Ahead(place, _distance(line, score, condition, margin), told)


def _distance(line: StudyLine, score: Deciding, condition: StudyCondition, margin: Margin) -> float:
    held = condition.standings.numbers[score]
    ahead, behind = held[margin.ahead], held[margin.behind]
    ratio = line.logarithmic and not score.higher_is_better and min(ahead, behind) > 0 and ahead != behind
    return math.log(behind / ahead) if ratio else margin.by


def _meeting(line: StudyLine, before: _Ahead, behind: _Ahead) -> float:
    """Where the straight line between two differences is zero, on the axis as it is laid out."""
    share = before.by / (before.by - behind.by)
    if line.logarithmic:
        return math.exp(math.log(before.place) + share * math.log(behind.place / before.place))
    return before.place + share * (behind.place - before.place)


def slopes_of(line: StudyLine, *, level: float) -> Iterator[Slope]:
    """Yield how steeply the errors of every arm fall, where the axis is logarithmic and has three levels."""
    if not line.logarithmic:
        return
    for score in (each for each in SHOWN if not each.higher_is_better):
        for arm in line.arms:
            points = [
                (place, number)
                for place, condition in line.conditions
                if (number := condition.standings.numbers[score].get(arm)) is not None and number > 0
            ]
            if len(points) >= 3:  # two points have a line, and nothing is left to judge it by
                yield _slope(line, score, arm, points, level)


def _slope(
    line: StudyLine, score: Deciding, arm: str, points: Sequence[tuple[float, float]], level: float
) -> Slope:
    from scipy.special import stdtrit  # slow to load

    x, y = ([math.log(each) for each in axis] for axis in zip(*points, strict=True))
    count = len(points)
    mean_x, mean_y = math.fsum(x) / count, math.fsum(y) / count
    spread = math.fsum((each - mean_x) ** 2 for each in x)
    value = math.fsum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / spread
    left = math.fsum((b - mean_y - value * (a - mean_x)) ** 2 for a, b in zip(x, y, strict=True))
    half = float(stdtrit(count - 2, (1 + level) / 2)) * math.sqrt(left / (count - 2) / spread)
    return Slope(line, score, arm, value, (value - half, value + half), count)
