"""The parts of a score: rows, their intervals, and the differences between arms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ptycho_compare.scoring.metrics.estimate import Interval

Component = Literal["amplitude", "phase", "value"]
"""Columns of a table of scores; ``value`` holds numbers of the complex field, or of neither."""

COMPONENTS: tuple[Component, ...] = ("amplitude", "phase", "value")

ReferenceKind = Literal["truth", "independent_half", "same_data", "none"]
"""The kind of image that arms are compared with. Only a truth or an independent half measures resolution: a
reconstruction of the same data shares their noise, so that it measures agreement."""

NO_CONTRAST = "no contrast in the truth"
ONLY_SMOOTH = "nothing but a smooth part in the truth"
RESIDUES = "the truth's phase has "
WINDS = "the truth's phase winds about a hole of the mask"
NO_WINDOW = "no 11 x 11 window without an opaque pixel"
ARM_HAS_NONE = "the arm has none"

_REASONS = (NO_CONTRAST, ONLY_SMOOTH, RESIDUES, WINDS, NO_WINDOW, ARM_HAS_NONE)


def declared(note: str, component: str) -> str:
    """Return the reason that a row's note gives for a number of a component that does not exist, or ""."""
    for each in note.split("; "):
        name, _, reason = each.partition(": ")
        if name == component and reason.startswith(_REASONS):
            return reason
    return ""


@dataclass(frozen=True)
class Metric:
    """One row: a number for each component, or one for the complex field.

    Attributes
    ----------
    name : str
    amplitude, phase : float or None
        Of the component; None where it does not apply or cannot be given (`note` says why).
    value : float or None
        Of the complex field.
    unit : str
        Empty for dimensionless numbers and for numbers in the unit of the component.
    note : str
        To be read beside the number.
    intervals : mapping of Component to Interval
        Of the numbers that have one.
    reference : str
        Where it differs from the scorecard's.
    fitted : bool
        The arm's place was fitted to make this number best: it tells the arm from no other.
    """

    name: str
    amplitude: float | None
    phase: float | None
    value: float | None
    unit: str
    note: str
    intervals: Mapping[Component, Interval] = field(default_factory=dict)
    reference: ReferenceKind | None = None
    fitted: bool = False

    def number(self, component: Component) -> float | None:
        """Number of a component."""
        number: float | None = getattr(self, component)
        return number


_ROUNDING = 1e-6
"""Part of an interval's width that other libraries or processors may change at its ends."""


@dataclass(frozen=True)
class Difference:
    """How far two arms are apart in one number, first minus second.

    Attributes
    ----------
    first, second : str
        Arms.
    metric : str
    component : Component
    value : float
    interval : Interval or None
        Of the difference itself: both arms drawn with the same blocks.
    """

    first: str
    second: str
    metric: str
    component: Component
    value: float
    interval: Interval | None

    @property
    def told_apart(self) -> bool | None:
        """True where the interval leaves out zero; None without an interval."""
        if self.interval is None:
            return None
        # an end that is zero but for rounding leaves nothing out
        rounding = _ROUNDING * (self.interval.high - self.interval.low)
        return self.interval.low > rounding or self.interval.high < -rounding
