"""Curves to be drawn on the page: places of numbers, lines, dots and bars, px."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ptycho_compare.records.trials import Ends

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class ResponseAxes:
    """Where numbers lie in a drawing of fixed size, px; y goes down."""

    ends_x: Ends
    ends_y: Ends
    logarithmic: bool
    powers: bool
    width: int = 360
    height: int = 240
    left: int = 48
    right: int = 350
    top: int = 10
    bottom: int = 196

    def x(self, place: float) -> float:
        """Of a level of the factor."""
        share = _share(place, self.ends_x, logarithmic=self.logarithmic)
        return round(self.left + 8 + (self.right - self.left - 16) * share, 1)

    def y(self, value: float) -> float:
        """Of a score."""
        share = _share(value, self.ends_y, logarithmic=self.powers)
        return round(self.bottom - 8 - (self.bottom - self.top - 16) * share, 1)

    @property
    def ticks_y(self) -> list[tuple[float, str]]:
        """Place and text of round numbers."""
        low, high = self.ends_y
        places = [each for each in _decades(low, high) if low <= each <= high] if self.powers else []
        if len(places) <= 1:
            least = (high - low) / 4
            step = 10 ** math.floor(math.log10(least))
            step *= next(each for each in _STEPS if each * step >= least)
            places = [step * at for at in range(math.ceil(low / step), math.floor(high / step) + 1)]
        return [(self.y(each), f"{each:z.4g}") for each in places]


def _decades(low: float, high: float) -> list[float]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [step * 10.0**power for power in powers for step in (1, 2, 5)]


@dataclass(frozen=True)
class ResponseCurve:
    """One arm: points of its line, dots, and bars of both kinds, each (x, top, bottom)."""

    arm: str
    number: int
    line: str
    dots: tuple[tuple[float, float, str], ...] = ()
    trials: tuple[tuple[float, float, float], ...] = ()
    pixels: tuple[tuple[float, float, float], ...] = ()


@dataclass(frozen=True)
class ResponsePlot:
    """One score along one line."""

    title: str
    better: str
    axis_name: str
    axes: ResponseAxes
    ticks_x: tuple[tuple[float, str], ...]
    curves: tuple[ResponseCurve, ...]


def _share(value: float, ends: Ends, *, logarithmic: bool) -> float:
    low, high = ends
    if logarithmic:  # an interval may reach down to zero and below
        value, low, high = math.log(max(value, low)), math.log(low), math.log(high)
    return min(max((value - low) / (high - low), 0.0), 1.0)
