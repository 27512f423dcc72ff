"""Our scores against a recomputation from their definitions: another hand, another way, the same numbers."""

from __future__ import annotations

import numpy as np
import pytest

from oracles.recomputed import scores
from ptycho_compare.scoring.metrics.estimate import Resampling
from ptycho_compare.scoring.placement import ArmImage
from ptycho_compare.scoring.scorecard import score_arms
from ptycho_compare.scoring.settings import ScoringSettings
from scoring.degradations import inside, object_with
from scoring.objects import blurred, noisy, random_field, tilted

SETTINGS = ScoringSettings(resampling=Resampling(draws=0), free_ramp=("free",))
COLUMNS = ("amplitude", "phase", "value")


def opaque(values):
    """An object with a plate in its way."""
    return np.where(random_field(values.shape, 3, cutoff=0.03) < 0.4, 0.0, values)


@pytest.mark.parametrize("truth", [object_with(2.0), object_with(12.0, 1), opaque(object_with(6.0, 2))])
def test_every_score_of_every_arm(truth):
    arms = {
        "blurred": blurred(truth, 1.2),
        "noisy": 1.7j * noisy(truth, 0.4),
        "free": tilted(noisy(truth, 0.1), 0.02, -0.013),
    }
    arms, truth = {name: inside(values) for name, values in arms.items()}, inside(truth)
    covered = random_field(truth.shape, 9, cutoff=0.1) > 0.2  # with holes and a ragged edge
    images = {name: ArmImage(values, covered.astype(float), movable=False) for name, values in arms.items()}
    scorecard = score_arms(images, truth, settings=SETTINGS)
    for arm in scorecard.arms:
        assert arm.status == "ok", arm.reason
        expected = scores(arms[arm.arm], truth, scorecard.mask, ramp_free=arm.arm == "free")
        found = {(row.name, part): row.number(part) for row in arm.metrics for part in COLUMNS}
        found = {key: number for key, number in found.items() if number is not None}
        assert found == pytest.approx({key: expected[key] for key in found}, rel=1e-6), arm.arm
