"""The twin of an image is its conjugate, turned by 180 degrees; it explains the same far field."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.scoring.alignment.twin import find_twin
from ptycho_compare.scoring.metrics.estimate import Resampling
from ptycho_compare.scoring.placement import ArmImage
from ptycho_compare.scoring.scorecard import score_arms
from ptycho_compare.scoring.settings import ScoringSettings
from thorough import examples

from .objects import displaced_pair, inner_mask, make_object, noisy, tilted

SHIFT = (1.3, -2.2)
TRUTH, IMAGE = displaced_pair(*SHIFT)
WHOLE = np.ones(TRUTH.shape, dtype=bool)
QUICK = ScoringSettings(resampling=Resampling(draws=0))
bounded = examples(15)
seeds = st.integers(0, 10_000)
shifts = st.floats(-6.0, 6.0)


def twin_of(values):
    return np.conj(values[::-1, ::-1])


def look(image, truth=TRUTH, mask=WHOLE, *, direct_overlap=0.0):
    return find_twin(image, truth, mask, direct_overlap=direct_overlap)


def score_both(values):
    arms = {name: ArmImage(values, np.ones(TRUTH.shape), name == "free") for name in ("free", "held")}
    card = score_arms(arms, TRUTH, settings=QUICK)
    return card.arm("free"), card.arm("held")


@bounded
@given(seeds, shifts, shifts, st.floats(0.01, 100), st.floats(-3, 3))
def test_the_twin_of_an_object_is_found_wherever_it_lies(seed, dy, dx, gain, phase):
    truth, image = displaced_pair(dy, dx, seed=seed)
    found = look(twin_of(image) * gain * np.exp(1j * phase), truth)
    assert found is not None
    assert found.overlap > 0.999
    assert found.direct_overlap == 0.0


@bounded
@given(seeds, shifts, shifts)
def test_an_image_of_the_object_is_no_twin_even_if_nobody_knows_how_well_it_fits(seed, dy, dx):
    truth, image = displaced_pair(dy, dx, seed=seed)
    assert look(noisy(image, 0.3, seed), truth) is None


@bounded
@given(seeds)
def test_an_unrelated_image_is_no_twin(seed):
    assert look(make_object(TRUTH.shape, seed + 20_000, cutoff=0.1)) is None


def test_a_twin_is_found_under_noise_a_ramp_and_a_mask():
    spoiled = tilted(noisy(twin_of(IMAGE), 0.4), 0.1, -0.05)
    mask = inner_mask(TRUTH.shape, 10)
    found = look(np.where(mask, spoiled, np.nan), mask=mask)
    assert found is not None
    assert found.overlap > 0.9


def test_an_image_that_fits_is_not_asked_for_its_twin():
    assert look(twin_of(IMAGE), direct_overlap=0.95) is None


def test_the_twin_must_fit_clearly_better_than_the_image():
    half = noisy(twin_of(IMAGE), 1.0)
    overlap = look(half).overlap
    assert look(half, direct_overlap=overlap - 0.11) is not None
    assert look(half, direct_overlap=overlap - 0.09) is None


def test_a_mask_that_does_not_overlap_its_own_turn_tells_nothing():
    corner = np.zeros((40, 40), dtype=bool)
    corner[0, 0:3] = corner[1:3, 0] = corner[39, 5] = corner[5, 39] = True
    assert look(twin_of(IMAGE)[:40, :40], TRUTH[:40, :40], corner) is None


def test_nothing_to_register_is_no_twin():
    assert look(np.full(TRUTH.shape, 1 + 1j)) is None


@pytest.mark.parametrize("share", [0.1, 0.3, 0.45])
def test_an_image_with_less_than_half_of_its_twin_in_it_is_itself(share):
    for scored in score_both((1 - share) * TRUTH + share * twin_of(TRUTH)):
        assert scored.status == "ok"
        assert scored.twin is None


def test_an_image_that_is_mostly_its_twin_is_reported_with_both_overlaps():
    mixed = 0.35 * TRUTH + 0.65 * twin_of(TRUTH)
    for scored in score_both(mixed):
        assert scored.status == "ok"
        assert scored.twin.overlap > 0.8
        assert scored.twin.direct_overlap == pytest.approx(scored.shift.confidence)
        assert 0.3 < scored.twin.direct_overlap < scored.twin.overlap - 0.1


def test_a_movable_twin_is_refused_by_name_and_a_held_one_is_scored_with_the_finding():
    free, held = score_both(twin_of(IMAGE) * 0.4)
    assert free.status == "failed"
    assert free.reason.startswith("not registered: ")
    assert "its twin (conjugate, turned by 180 degrees) overlaps the truth by 1.000" in free.reason
    assert held.status == "ok"
    assert held.twin.overlap > 0.999
    assert not held.shift.registered
    assert "overlaps the truth by 1.000, itself by 0." in str(held.twin)


def test_a_refusal_tells_how_well_the_image_itself_fits():
    # four fifths twin: too little of the image is left to register it
    truth, image = displaced_pair(*SHIFT, seed=2)
    mixed = 0.2 * image + 0.8 * twin_of(image)
    arms = {
        "free": ArmImage(mixed, np.ones(truth.shape), True),
        "held": ArmImage(truth, np.ones(truth.shape), False),
    }
    reason = score_arms(arms, truth, settings=QUICK).arm("free").reason
    assert re.search(r"the overlap of (0\.2\d\d) at .*itself by \1$", reason), reason


def test_a_true_image_is_never_called_a_twin():
    for scored in score_both(noisy(IMAGE, 0.3)):
        assert scored.twin is None
        assert "twin" not in scored.reason
