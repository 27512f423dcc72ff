"""Agreement of every two arms, for where no truth is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ptycho_compare.errors import ScoringError
from ptycho_compare.scoring.alignment.gauge import fit_gauge
from ptycho_compare.scoring.alignment.registration import Shift
from ptycho_compare.scoring.mask import Mask
from ptycho_compare.scoring.metrics.arm_metrics import measure
from ptycho_compare.scoring.metrics.metric import Metric
from ptycho_compare.scoring.metrics.ring_curve import RingCurve
from ptycho_compare.scoring.metrics.truth_view import TruthView
from ptycho_compare.scoring.placement import ArmImage, PlacedArm, place_arms
from ptycho_compare.scoring.settings import DEFAULT_SETTINGS, ScoringSettings
from ptycho_compare.scoring.uncertainty import with_uncertainty


@dataclass(frozen=True, eq=False)
class Agreement:
    """Scores of a second arm, as if the first were the truth.

    Attributes
    ----------
    first, second : str
    metrics : tuple of Metric
    curves : mapping of str to RingCurve
    shift : Shift or None
        By which the second was moved for this, where the frame of one of them is not recorded.
    reason : str
        Why they could not be compared; empty if they were.
    """

    first: str
    second: str
    metrics: tuple[Metric, ...]
    curves: Mapping[str, RingCurve]
    shift: Shift | None = None
    reason: str = ""


def agreements(
    alive: Mapping[str, PlacedArm], mask: Mask, *, settings: ScoringSettings = DEFAULT_SETTINGS
) -> tuple[Agreement, ...]:
    """Compare every two arms with each other, on a common mask.

    Where the frame of one of them is not recorded, the second is moved onto the first; if they cannot
    be registered on each other, they are compared as they lie.
    """
    found = []
    for first, second in combinations(alive, 2):
        try:
            found.append(_agreement((first, alive[first]), (second, alive[second]), mask, settings))
        except ScoringError as error:
            found.append(Agreement(first, second, (), {}, reason=str(error)))
    return tuple(found)


_Named = tuple[str, PlacedArm]


def _agreement(first: _Named, second: _Named, mask: Mask, settings: ScoringSettings) -> Agreement:
    (one, truth), (other, arm) = first, second
    values, shift, common = arm.values, None, mask
    if truth.movable or arm.movable:
        placement = place_arms(
            {other: ArmImage(arm.values, arm.weight, movable=True)},
            truth.values,
            area=mask.astype(np.float64),
            settings=settings.placing,
        )
        placed = placement.arms[other]
        if placed.moved:
            values, shift, common = placed.values, placed.shift, placement.mask
    view = TruthView.build(truth.values, common, reference="same_data", block_px=settings.resampling.block_px)
    # a ramp of either of them is one between the two
    freed = any(settings.ramp_rule(name, retrieved=each.retrieved).freed for name, each in (first, second))
    gauge = fit_gauge(values, truth.values, common, ramp=freed)
    measured = measure(gauge.apply(values), view, frc_sigma=settings.frc_sigma)
    rows, _ = with_uncertainty({other: measured}, settings.resampling)
    return Agreement(one, other, rows[other], measured.curves, shift)
