"""Verdicts on living arms: said beside their numbers, whatever the gauge."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.scoring.arm_verdict import arm_verdicts
from ptycho_compare.scoring.collapse import DEFAULT_LIMITS, CollapseLimits
from ptycho_compare.scoring.metrics.contrast import Contrast
from ptycho_compare.scoring.metrics.estimate import Resampling
from ptycho_compare.scoring.placement import ArmImage, PlacingSettings
from ptycho_compare.scoring.scorecard import score_arms as score_all
from ptycho_compare.scoring.settings import ScoringSettings
from thorough import examples

from .objects import inner_mask, make_object, noisy, tilted

SHAPE = (80, 88)
TRUTH = make_object(SHAPE)
COVER = inner_mask(SHAPE).astype(float)
MODULUS, PHASE = np.abs(TRUTH), np.angle(TRUTH)
ALWAYS = ("mae", "mse", "psnr", "ssim", "ms_ssim", "frc50", "frc1over7", "frc_half_bit", "frc_auc")


def score(image, truth=TRUTH, *, free_ramp=False, limits=DEFAULT_LIMITS, metrics="standard"):
    settings = ScoringSettings(
        resampling=Resampling(draws=0),
        free_ramp=free_ramp,
        metrics=metrics,
        placing=PlacingSettings(limits=limits),
    )
    scored = score_all({"arm": ArmImage(image, COVER, False)}, truth, settings=settings).arm("arm")
    assert scored.status == "ok", scored.reason
    return scored


def kinds(scored):
    return [each.kind for each in scored.verdicts]


def rows(scored):
    return {row.name: row for row in scored.metrics}


@pytest.mark.parametrize("free_ramp", [False, True])
@pytest.mark.parametrize("part", [0.042, 0.01, 0.049])
def test_a_faint_phase_is_scored_and_its_contrast_said(part, free_ramp):
    scored = score(MODULUS * np.exp(1j * part * PHASE), free_ramp=free_ramp)
    (verdict,) = scored.verdicts
    assert verdict.kind == "flat in phase"
    assert f"{part:.1%} of the truth's" in verdict.detail
    assert "(limit 5.0%)" in verdict.detail
    assert all(rows(scored)[name].phase is not None for name in ALWAYS)
    assert all(row.note.count("the arm has none") == 0 for row in scored.metrics)


@pytest.mark.parametrize("image", [TRUTH, noisy(TRUTH, 1.0), MODULUS * np.exp(0.06j * PHASE)])
def test_an_arm_that_shows_enough_has_no_verdict(image):
    assert score(image).verdicts == ()


def test_a_faint_amplitude_is_flat_in_amplitude():
    faint = MODULUS.mean() + 0.03 * (MODULUS - MODULUS.mean())
    scored = score(faint * np.exp(1j * PHASE))
    assert kinds(scored) == ["flat in amplitude"]
    assert rows(scored)["ssim"].amplitude is not None


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
@pytest.mark.parametrize("gain", [1.0, 3e-3 * np.exp(2.5j)])
def test_an_arm_without_amplitude_is_scored_in_its_phase_alone(gain, dtype):
    scored = score((gain * np.exp(1j * PHASE)).astype(dtype))
    assert kinds(scored) == ["phase only"]
    for name in ALWAYS:
        row = rows(scored)[name]
        assert (row.amplitude is None, row.phase is None) == (True, False), name
        assert "amplitude: the arm has none" in row.note
    assert "the arm has none" not in rows(scored)["fienup"].note
    assert rows(scored)["phase_rmse"].note == ""


@pytest.mark.parametrize("ramp", [(0.0, 0.0), (0.03, -0.01)])
def test_an_arm_without_phase_is_scored_in_its_amplitude_alone(ramp):
    scored = score(tilted(MODULUS.astype(np.complex64), *ramp), free_ramp=True)
    assert kinds(scored) == ["amplitude only"]
    assert rows(scored)["phase_rmse"].phase is None
    assert rows(scored)["phase_rmse"].note == "phase: the arm has none"
    for name in ALWAYS:
        assert (rows(scored)[name].amplitude is None, rows(scored)[name].phase is None) == (False, True), name
    assert rows(scored)["psnr"].amplitude > 100


def test_a_smooth_phase_is_a_phase_though_it_has_no_structure():
    y, x = np.indices(SHAPE) / 70
    scored = score(MODULUS * np.exp(1j * (y * x + 0.2 * y**2)))
    assert kinds(scored) == ["flat in phase"]
    assert rows(scored)["phase_rmse"].phase is not None


def test_an_arm_that_hardly_varies_is_flat_and_scored():
    scored = score(1 + 1e-4 * TRUTH)
    assert kinds(scored) == ["flat"]
    assert "(limit 0.001)" in scored.verdicts[0].detail
    assert rows(scored)["ssim"].phase is not None


def test_nothing_is_asked_that_the_truth_does_not_show():
    pure = np.exp(1j * PHASE)
    assert score(pure, pure).verdicts == ()
    assert rows(score(pure, pure))["mae"].amplitude == pytest.approx(0, abs=1e-12)
    assert score(MODULUS + 0j, MODULUS + 0j).verdicts == ()


@examples(20)
@given(st.floats(-0.2, 0.2), st.floats(-0.2, 0.2), st.floats(-3.1, 3.1))
def test_no_tilt_of_truth_or_arm_changes_a_verdict(ky, kx, phase):
    turned = np.exp(1j * phase)
    for image, expected in ((TRUTH, []), (MODULUS * np.exp(0.02j * PHASE), ["flat in phase"])):
        assert kinds(score(turned * tilted(image, ky, kx))) == expected
        assert kinds(score(turned * image, tilted(TRUTH, ky, kx))) == expected


def test_limits_can_be_set():
    assert (
        kinds(score(MODULUS * np.exp(0.042j * PHASE), limits=CollapseLimits(min_relative_contrast=0.0))) == []
    )
    strict = CollapseLimits(min_relative_contrast=0.9)
    assert kinds(score(MODULUS * np.exp(0.8j * PHASE), limits=strict)) == ["flat in phase"]


def test_no_more_is_asked_of_phases_that_wrap_than_of_one_rad():
    strong = Contrast(amplitude=0.2, phase=9.0, value=0.9, bend=0.0)
    weak = Contrast(amplitude=0.2, phase=0.1, value=0.3, bend=0.0)
    assert arm_verdicts(weak, strong, DEFAULT_LIMITS) == ()


def test_ptychopinns_definitions_come_with_the_same_verdicts():
    assert kinds(score(MODULUS * np.exp(0.042j * PHASE), metrics="ptychopinn")) == ["flat in phase"]
