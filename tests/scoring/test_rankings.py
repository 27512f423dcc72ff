"""The worse an arm, the worse its scores, whatever is wrong with it and whatever its object's phase."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from ptycho_compare.scoring.metrics.estimate import Resampling
from ptycho_compare.scoring.pair import score_pair
from ptycho_compare.scoring.settings import ScoringSettings
from scoring.degradations import PHASES, WAYS, inside, object_with

FALLING = ("psnr", "ssim", "ms_ssim")
RISING = ("mae", "mse", "fienup", "phase_rmse")
SETTINGS = ScoringSettings(resampling=Resampling(draws=0))
COLUMNS = ("amplitude", "phase", "value")
SLOW = pytest.mark.slow


@cache
def scored(way, phase_rad):
    """Rows (name, column) -> numbers along a way of spoiling, from hardly to badly."""
    spoil, levels = WAYS[way]
    whole = object_with(phase_rad)
    found = {}
    for level in levels:
        (arm,) = score_pair(inside(spoil(whole, level)), inside(whole), aligned=True, settings=SETTINGS).arms
        assert arm.status == "ok", arm.reason
        for row in arm.metrics:
            for column in COLUMNS:
                found.setdefault((row.name, column), []).append(row.number(column))
    return found


@pytest.mark.parametrize(
    "phase_rad", [pytest.param(each, marks=[] if each == 12.0 else SLOW) for each in PHASES]
)
@pytest.mark.parametrize("way", WAYS)
def test_scores_fall_the_more_an_arm_is_spoilt(way, phase_rad):
    found = scored(way, phase_rad)
    for name in (*FALLING, *RISING):
        for column in COLUMNS:
            numbers = found.get((name, column), [None])
            if numbers[0] is None:
                continue
            steps = np.diff(np.array(numbers[1:] if np.isinf(numbers[0]) else numbers))
            worse = steps < 0 if name in FALLING else steps > 0
            at_its_floor = np.array(numbers[-len(steps) :]) == 0.0  # no structure in common at any scale
            assert (worse | at_its_floor).all(), f"{name} {column}: {numbers}"


@pytest.mark.parametrize(
    "phase_rad", [pytest.param(each, marks=[] if each == 12.0 else SLOW) for each in PHASES]
)
def test_the_transfer_falls_with_blur_and_no_correlation_needs_to(phase_rad):
    found = scored("blur, px", phase_rad)
    for column in COLUMNS:
        numbers = found["frt50", column]
        assert (np.diff(numbers) < 0).sum() >= 3, numbers
        assert sorted(numbers, reverse=True) == numbers


def test_noise_that_hides_all_of_a_transfer_leaves_no_number():
    numbers = scored("noise, dB", 2.0)["frt50", "phase"]
    assert numbers[0] > numbers[1] > numbers[2]
    assert numbers[-1] is None
