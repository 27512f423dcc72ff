"""Scale and rotation of an arm: found, told, and nothing made of noise."""

from __future__ import annotations

import numpy as np
import pytest
import scipy
from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.scoring.alignment.distortion import measure_distortion
from ptycho_compare.scoring.alignment.gauge import fit_gauge
from ptycho_compare.scoring.metrics.estimate import Resampling
from ptycho_compare.scoring.placement import ArmImage
from ptycho_compare.scoring.scorecard import score_arms
from ptycho_compare.scoring.settings import ScoringSettings
from thorough import examples

from .objects import inner_mask, make_object, noisy, random_field, tilted

QUICK = ScoringSettings(resampling=Resampling(draws=0))


def seen(whole, side, *, scale=1.0, degrees=0.0, shift=(0.0, 0.0)):
    """The middle of an object, its content magnified, turned (columns to rows) and moved."""
    y, x = np.indices((side, side)) - (side - 1) / 2
    y, x = y - shift[0], x - shift[1]
    cos, sin = np.cos(np.radians(degrees)) / scale, np.sin(np.radians(degrees)) / scale
    places = [
        each + (length - 1) / 2
        for each, length in zip((cos * y - sin * x, cos * x + sin * y), whole.shape, strict=True)
    ]
    draw = scipy.ndimage.map_coordinates
    return draw(whole.real, places, order=5) + 1j * draw(whole.imag, places, order=5)


def decibel(image, level, seed=0):
    """Noise of `level` dB below the image's power."""
    part = 10 ** (-level / 20) * np.sqrt(np.mean(np.abs(image) ** 2)) / np.std(image)
    return noisy(image, part, seed)


def measured(image, truth, mask):
    return measure_distortion(
        fit_gauge(image, truth, mask, ramp=True).apply(image), truth, mask, least_overlap=0.5
    )


@pytest.mark.parametrize("side", [128, 256, 512])
@pytest.mark.parametrize("cutoff", [0.05, 0.15])
def test_one_per_cent_and_half_a_degree_are_found_to_a_twentieth(side, cutoff):
    whole = make_object((side + 40, side + 40), side, cutoff=cutoff)
    truth, mask = seen(whole, side), inner_mask((side, side))
    both = (0.99, 0.5)
    alone = () if side > 256 else ((1.01, 0.0), (0.99, 0.0), (1.0, 0.5), (1.0, -0.5))
    for scale, degrees in (both, *alone):
        arm = tilted(seen(whole, side, scale=scale, degrees=degrees, shift=(0.4, -0.3)), 0.01, -0.02)
        found = measured(arm * 3 * np.exp(2j), truth, mask)
        assert found.magnification - 1 == pytest.approx(scale - 1, rel=0.05, abs=1e-4)
        assert found.rotation_deg == pytest.approx(degrees, rel=0.05, abs=0.005)
        assert found.reason == ""
        assert bool(found.warning) == (found.edge_px > 0.5)


@pytest.mark.parametrize("cutoff", [0.05, 0.1, 0.2])
@pytest.mark.parametrize("side", [128, 256])
def test_noise_of_20_db_is_neither(side, cutoff):
    truth, mask = make_object((side, side), side, cutoff=cutoff), inner_mask((side, side))
    for seed in range(3):
        found = measured(decibel(truth, 20, seed), truth, mask)
        assert abs(found.magnification - 1) < 1e-3
        assert abs(found.rotation_deg) < np.degrees(1e-3)
        assert found.warning == ""


@examples(15)
@given(st.integers(0, 1000))
def test_the_standard_errors_are_those_of_repeated_noise(seed):
    truth, mask = make_object((112, 112), 5), inner_mask((112, 112))
    found = measured(decibel(truth, 15, seed), truth, mask)
    assert abs(found.magnification - 1) < 5 * found.errors[0]
    assert abs(found.rotation_deg) < 5 * found.errors[1]
    assert found.errors[0] < 2e-3


@pytest.mark.parametrize("hill", [2, 12, 30])
def test_a_phase_that_wraps_is_measured_as_well(hill):
    side = 256
    whole = make_object((side + 40, side + 40), 3) * np.exp(
        1j * hill * random_field((side + 40,) * 2, 9, cutoff=0.015)
    )
    truth, mask = seen(whole, side), inner_mask((side, side))
    found = measured(seen(whole, side, scale=1.005, degrees=0.25), truth, mask)
    assert found.magnification - 1 == pytest.approx(0.005, rel=0.05)
    assert found.rotation_deg == pytest.approx(0.25, rel=0.05)


def test_what_is_no_image_of_the_truth_has_no_measurement():
    truth, mask = make_object((128, 128)), inner_mask((128, 128))
    for image, reason in (
        (make_object((128, 128), 7), "the overlap of 0."),
        (np.full((128, 128), 1j), "the image is constant"),
    ):
        found = measure_distortion(image, truth, mask)
        assert found.reason.startswith(reason)
        assert (found.magnification, found.rotation_deg, found.warning) == (1.0, 0.0, "")
    assert "constant" in measure_distortion(truth, np.full((128, 128), 1j), mask).reason
    tiny = np.zeros_like(mask)
    tiny[60:80, 60:80] = True
    assert measure_distortion(truth, truth, tiny).reason == "the mask of 400 pixels is too small"


def test_a_scorecard_has_it_beside_the_numbers_and_warns_and_undoes_nothing():
    side = 160
    whole = make_object((side + 40, side + 40), 4)
    truth, cover = seen(whole, side), inner_mask((side, side)).astype(float)
    turned = seen(whole, side, scale=1.01, degrees=0.5)
    arms = {"good": ArmImage(noisy(truth, 0.1), cover, False), "turned": ArmImage(turned, cover, False)}
    card = score_arms(arms, truth, settings=QUICK)
    assert card.arm("good").distortion.warning == ""
    assert card.arm("turned").distortion.magnification == pytest.approx(1.01, abs=5e-4)
    assert card.warnings == (f"turned: {card.arm('turned').distortion.warning}",)
    assert "px at the edge of the mask, not undone" in card.warnings[0]
    np.testing.assert_allclose(card.arm("turned").image, card.arm("turned").gauge.apply(turned), rtol=1e-5)


def test_values_outside_the_mask_never_matter():
    truth, mask = make_object((128, 128)), inner_mask((128, 128))
    image = noisy(truth, 0.3)
    dirty = np.where(mask, image, np.nan)
    assert measure_distortion(dirty, np.where(mask, truth, np.inf), mask) == measure_distortion(
        image, truth, mask
    )
