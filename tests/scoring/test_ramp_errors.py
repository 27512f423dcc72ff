"""Whose phase ramp is gauge freedom, and the error of an arm with it and without."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.reconstruction.canvas import Grid
from ptycho_compare.reconstruction.ready_made import read_ready_made
from ptycho_compare.scoring.alignment.gauge import fit_gauge
from ptycho_compare.scoring.metrics.estimate import Resampling
from ptycho_compare.scoring.placement import ArmImage
from ptycho_compare.scoring.scorecard import score_arms
from ptycho_compare.scoring.settings import ScoringSettings
from thorough import examples

from .objects import inner_mask, make_object, noisy, tilted

SHAPE = (96, 104)
TRUTH = make_object(SHAPE)
COVER = inner_mask(SHAPE).astype(float)
QUICK = Resampling(draws=0)
slopes = st.floats(-0.4, 0.4)


def scored(image, *, retrieved=False, resampling=QUICK, **settings):
    arms = {"arm": ArmImage(image, COVER, movable=False, retrieved=retrieved)}
    return score_arms(arms, TRUTH, settings=ScoringSettings(resampling=resampling, **settings)).arm("arm")


def errors(score):
    assert score.status == "ok", score.reason
    found = {row.name: row.value for row in score.metrics}
    return found["fienup"], found["fienup_ramp_kept"], found["fienup_ramp_free"]


@pytest.mark.parametrize(
    ("free_ramp", "retrieved", "freed", "because"),
    [
        (None, True, True, "its probe was retrieved with it"),
        (None, False, False, "no probe was retrieved with it"),
        (True, False, True, "by the settings"),
        (False, True, False, "by the settings"),
        (("arm", "other"), False, True, "by the settings"),
        (("other",), True, False, "by the settings"),
    ],
)
def test_the_files_decide_on_a_ramp_unless_the_settings_do(free_ramp, retrieved, freed, because):
    score = scored(tilted(noisy(TRUTH, 0.2), 0.01, -0.02), retrieved=retrieved, free_ramp=free_ramp)
    assert (score.gauge.freed, score.gauge.because) == (freed, because)
    ofrecord, kept, free = errors(score)
    assert ofrecord == (free if freed else kept)
    assert free < 0.3 * kept
    (note,) = (row.note for row in score.metrics if row.name == "fienup")
    assert note == f"complex field; ramp {'removed' if freed else 'kept'}: {because}"


@examples(25)
@given(slopes, slopes, st.integers(0, 1000))
def test_no_ramp_of_an_arm_changes_its_error_without_a_ramp(ky, kx, seed):
    image = noisy(TRUTH, 0.3, seed)
    plain, ramped = (errors(scored(each)) for each in (image, tilted(image, ky, kx)))
    assert ramped[2] == pytest.approx(plain[2], rel=1e-6)
    assert ramped[1] >= ramped[2] - 1e-12
    assert plain[2] <= plain[1] <= plain[2] * 1.01  # noise has hardly a ramp of its own


def test_a_truth_tilted_by_measurement_is_no_error_of_a_retrieved_arm():
    for tilt in (0.003, 0.01, 0.05):
        arms = {"arm": ArmImage(noisy(TRUTH, 0.02), COVER, movable=False, retrieved=True)}
        card = score_arms(arms, tilted(TRUTH, tilt, -tilt), settings=ScoringSettings(resampling=QUICK))
        fienup, kept, _ = errors(card.arm("arm"))
        assert fienup < 0.01
        assert kept > 10 * fienup


def test_a_ramp_that_matters_is_warned_of_and_one_that_does_not_is_not():
    image = noisy(TRUTH, 0.2)
    draws = Resampling(draws=200, block_px=20)
    assert scored(image, resampling=draws).warnings == ()
    (warning,) = scored(tilted(image, 0.01, 0.02), resampling=draws).warnings
    assert warning.startswith("its Fienup error is 0.")
    assert "with its phase ramp kept" in warning
    assert warning.endswith("with the ramp removed; ramp kept: no probe was retrieved with it")


def test_pty_chi_on_the_reference_hub_is_charged_with_a_ramp_only_where_it_is_kept(reference):
    place = reference / "hub/data"
    with np.load(place / "phase_c/dose_1000000000/patched_test.npz") as scan:
        truth, positions = scan["objectGuess"], np.stack([scan["xcoords"], scan["ycoords"]], axis=1)
    image = read_ready_made(place / "phase_f/dose_1000000000/dense/test/ptychi_reconstruction.npz")
    values, _ = image.on_grid(positions, Grid((0, 0), truth.shape))
    # where the networks' patches lie, which draw the mask there
    (left, top), (right, bottom) = np.rint([positions.min(axis=0) - 9, positions.max(axis=0) + 9]).astype(int)
    weight = np.zeros(truth.shape)
    weight[top:bottom, left:right] = 1
    arms = {"PtyChi": ArmImage(values, weight, movable=True, retrieved=True)}
    score = score_arms(arms, truth, settings=ScoringSettings(resampling=Resampling(draws=300))).arm("PtyChi")
    assert errors(score) == pytest.approx((0.019, 0.049, 0.019), rel=0.1)
    (warning,) = score.warnings
    assert "ramp removed: its probe was retrieved with it" in warning
    # the gauge of record is the one that the columns are measured in
    assert fit_gauge(score.image, truth, weight > 0).overlap_after > 0.999
