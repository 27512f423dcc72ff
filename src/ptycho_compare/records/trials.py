"""Trials: the same comparison with other seeds. Their mean, their spread, and how sure that mean is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Ends = tuple[float, float]


@dataclass(frozen=True)
class Spread:
    """Numbers of several trials.

    Attributes
    ----------
    count : int
        Trials that have the number.
    sd : float or None
        Standard deviation between trials, divisor n - 1; None of one trial.
    interval : tuple of float, or None
        Of the mean, by Student's t with n - 1 degrees of freedom [1]_; None of one trial.

    References
    ----------
    .. [1] Student, Biometrika 6, 1-25 (1908), doi:10.2307/2331554
    """

    count: int
    mean: float
    sd: float | None = None
    interval: Ends | None = None


def spread_of(values: Sequence[float], *, level: float) -> Spread:
    """Return mean, spread and interval of one number or more; `level` is that of the interval."""
    count = len(values)
    mean = math.fsum(values) / count
    if count < 2:
        return Spread(count, mean)
    from scipy.special import stdtrit  # slow to load

    sd = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (count - 1))
    half = float(stdtrit(count - 1, (1 + level) / 2)) * sd / math.sqrt(count)
    return Spread(count, mean, sd, (mean - half, mean + half))


def mean_ends(intervals: Iterable[Ends | None]) -> Ends | None:
    """Return the mean of intervals, end by end; None where one of them is not known.

    Pixels vary alike in every trial, which sees the same object: averaging does not make this interval
    narrower, as it would if they were independent.
    """
    held = list(intervals)
    known = [each for each in held if each is not None]
    if not held or len(known) < len(held):
        return None
    low, high = (math.fsum(ends) / len(known) for ends in zip(*known, strict=True))
    return low, high
