"""What is found about a living arm beside its numbers: flat, or without a component.

None of it keeps an arm from being scored. A network for the phase alone is scored in its phase; a faint
image has its numbers, and beside them the sentence that it is faint. Contrasts are taken after the gauge,
and without the smooth part of the phase, so that no tilt of truth or arm condemns anybody.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ptycho_compare.scoring.collapse import CONSTANT_BELOW, CollapseLimits
from ptycho_compare.scoring.metrics.contrast import Contrast
from ptycho_compare.scoring.metrics.metric import Component

ArmVerdictKind = Literal["flat", "flat in phase", "flat in amplitude", "phase only", "amplitude only"]

TRUTH_SHOWS = 0.02
"""The truth must have this much contrast in a component before an arm is asked for any."""

MOST_ASKED = 1.0
"""No arm is asked for more than a part of this contrast: phases that wrap cannot spread much more."""

_OTHERS: dict[Component, ArmVerdictKind] = {"amplitude": "phase only", "phase": "amplitude only"}
_FLAT: dict[Component, ArmVerdictKind] = {"amplitude": "flat in amplitude", "phase": "flat in phase"}
_UNITS = {"amplitude": "", "phase": " rad"}


@dataclass(frozen=True)
class ArmVerdict:
    """The kind of a verdict on an arm that is scored, and the measured number behind it in one sentence."""

    kind: ArmVerdictKind
    detail: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.detail}"


def lacking_parts(arm: Contrast, truth: Contrast) -> frozenset[Component]:
    """Components that an arm does not have at all and its truth does: they get no numbers."""
    return arm.lacking - truth.lacking


def shares_of(arm: Contrast, truth: Contrast) -> dict[Component, float]:
    """Contrasts of an arm as parts of the truth's, for components that the truth has."""
    pairs = _pairs(arm, truth)
    return {part: found / wanted for part, (found, wanted) in pairs.items() if wanted >= CONSTANT_BELOW}


def arm_verdicts(arm: Contrast, truth: Contrast, limits: CollapseLimits) -> tuple[ArmVerdict, ...]:
    """Judge how much an arm shows.

    An arm without one component is "phase only" or "amplitude only"; one with less than a part of the
    truth's contrast (`limits.min_relative_contrast`) is flat in it; one whose complex field hardly varies
    (`limits.min_contrast`), or that has neither component, is "flat".
    """
    lacking = lacking_parts(arm, truth)
    if arm.value < limits.min_contrast <= truth.value or len(lacking) == len(_OTHERS):
        detail = f"contrast of the object is {arm.value:.2g} (limit {limits.min_contrast:g})"
        return (ArmVerdict("flat", detail),)
    return tuple(_of_parts(arm, truth, lacking, limits))


def _of_parts(
    arm: Contrast, truth: Contrast, lacking: frozenset[Component], limits: CollapseLimits
) -> Iterator[ArmVerdict]:
    for part, (found, wanted) in _pairs(arm, truth).items():
        unit = _UNITS[part]
        if part in lacking:
            detail = f"the arm has no {part}: its contrast is below {CONSTANT_BELOW:g}{unit}"
            yield ArmVerdict(_OTHERS[part], f"{detail}, the truth's is {wanted:.3g}{unit}")
        elif wanted > TRUTH_SHOWS and found < limits.min_relative_contrast * min(wanted, MOST_ASKED):
            yield ArmVerdict(
                _FLAT[part],
                f"{part} contrast is {found:.3g}{unit}, {found / wanted:.1%} of the truth's "
                f"{wanted:.3g}{unit} (limit {limits.min_relative_contrast:.1%})",
            )


def _pairs(arm: Contrast, truth: Contrast) -> dict[Component, tuple[float, float]]:
    return {"amplitude": (arm.amplitude, truth.amplitude), "phase": (arm.phase, truth.phase)}
