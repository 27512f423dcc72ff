import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.errors import ScoringError
from ptycho_compare.scoring.alignment.gauge import fienup_error, fit_gauge

from .objects import inner_mask, make_object, noisy

TRUTH = make_object((48, 40))
MASK = inner_mask(TRUTH.shape)
gains = st.builds(
    lambda modulus, angle: modulus * np.exp(1j * angle), st.floats(1e-3, 1e3), st.floats(-3.1, 3.1)
)


@given(gains)
def test_any_complex_gain_is_found_and_removed(gain):
    gauge = fit_gauge(TRUTH / gain, TRUTH, MASK)
    assert gauge.scale == pytest.approx(gain, rel=1e-12)
    assert gauge.overlap_before == pytest.approx(np.cos(np.angle(gain)), abs=1e-12)
    assert gauge.overlap_after == pytest.approx(1.0, abs=1e-12)
    np.testing.assert_allclose(gauge.apply(TRUTH / gain), TRUTH, rtol=1e-12)


@given(gains, st.complex_numbers(min_magnitude=1e-3, max_magnitude=0.1))
def test_no_other_gain_leaves_a_smaller_residual(gain, nudge):
    image = gain * noisy(TRUTH, 0.5)
    best = fit_gauge(image, TRUTH, MASK).scale

    def residual(scale):
        return np.linalg.norm((TRUTH - scale * image)[MASK])

    assert residual(best) < residual(best * (1 + nudge))


def test_the_fienup_error_is_its_formula():
    image = noisy(TRUTH, 0.5) * np.exp(2j)
    t, r = TRUTH[MASK], image[MASK]
    ratio = abs(np.vdot(t, r)) ** 2 / (np.vdot(t, t) * np.vdot(r, r)).real
    assert fienup_error(image, TRUTH, MASK) == pytest.approx(np.sqrt(1 - ratio), rel=1e-12)


def test_the_fienup_error_is_exact_where_the_formula_drowns_in_rounding():
    rng = np.random.default_rng(1)
    disturbance = rng.standard_normal(TRUTH.shape)
    t = TRUTH[MASK]
    disturbance[MASK] -= (np.vdot(t, disturbance[MASK]) / np.vdot(t, t) * t).real
    small, large = (fienup_error(TRUTH + size * disturbance, TRUTH, MASK) for size in (1e-11, 1e-5))
    assert small == pytest.approx(1e-6 * large, rel=1e-3)
    assert fienup_error(TRUTH * 3j, TRUTH, MASK) < 1e-15


def test_values_outside_the_mask_never_matter():
    image = noisy(TRUTH, 0.3)
    spoiled, wrong = image.copy(), TRUTH.copy()
    spoiled[~MASK], wrong[~MASK] = np.nan, np.inf
    assert fit_gauge(spoiled, wrong, MASK) == fit_gauge(image, TRUTH, MASK)


@pytest.mark.parametrize(
    ("image", "text"),
    [
        (np.zeros_like(TRUTH), r"rms \|image\| 0, "),
        (TRUTH[:-1], r"image has shape \(47, 40\), the mask \(48, 40\)"),
        (np.full_like(TRUTH, np.nan), "image is not finite in 768 of 768 mask pixels"),
    ],
)
def test_an_image_that_has_no_gauge_is_refused(image, text):
    with pytest.raises(ScoringError, match=text):
        fit_gauge(image, TRUTH, MASK)
