import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.errors import ScoringError
from ptycho_compare.scoring.alignment.coarse import coarse_match
from ptycho_compare.scoring.alignment.gauge import fit_gauge
from ptycho_compare.scoring.alignment.ramp import MAX_RAMP_RAD_PER_PX, apply_ramp, fit_ramp, peak_ramp
from thorough import examples

from .objects import displaced_pair, inner_mask, make_object, noisy, tilted

TRUTH = make_object((72, 96))
slopes = st.floats(-0.4, 0.4)
bounded = examples(40)


@st.composite
def masks(draw):
    """A rectangle of at least 40 x 50 px with up to three holes."""
    mask = np.zeros(TRUTH.shape, dtype=bool)
    top, left = draw(st.integers(0, 20)), draw(st.integers(0, 30))
    mask[top : draw(st.integers(top + 40, 72)), left : draw(st.integers(left + 50, 96))] = True
    for _ in range(draw(st.integers(0, 3))):
        row, col = draw(st.integers(0, 64)), draw(st.integers(0, 88))
        mask[row : row + 8, col : col + 8] = False
    return mask


@bounded
@given(slopes, slopes, masks())
def test_any_ramp_is_found_on_any_rectangle_with_holes(ky, kx, mask):
    image = tilted(TRUTH, -ky, -kx) * 0.3 * np.exp(2j)
    spoiled = np.where(mask, image, np.nan)
    assert fit_ramp(spoiled, TRUTH, mask) == pytest.approx((ky, kx), abs=1e-6)


@bounded
@given(slopes, slopes)
def test_a_ramp_and_its_opposite_leave_the_image(ky, kx):
    there = apply_ramp(TRUTH, (ky, kx))
    np.testing.assert_allclose(there, tilted(TRUTH, ky, kx), atol=1e-12)
    np.testing.assert_allclose(apply_ramp(there, (-ky, -kx)), TRUTH, atol=1e-12)


@bounded
@given(slopes, slopes, st.integers(0, 50))
def test_no_other_ramp_leaves_a_smaller_residual(ky, kx, seed):
    image = noisy(tilted(TRUTH, -ky, -kx), 0.4, seed)
    mask = inner_mask(TRUTH.shape)
    found = fit_ramp(image, TRUTH, mask)
    best = fit_gauge(apply_ramp(image, found), TRUTH, mask).overlap_after
    for step in ((1e-4, 0), (-1e-4, 0), (0, 1e-4), (0, -1e-4), (0.1, 0), (0, -0.1)):
        other = apply_ramp(image, (found[0] + step[0], found[1] + step[1]))
        assert fit_gauge(other, TRUTH, mask).overlap_after < best


def test_the_gauge_reports_the_ramp_and_the_phase_at_the_first_pixel():
    image = tilted(TRUTH, -0.11, 0.07) * np.exp(-1.2j) / 3
    gauge = fit_gauge(image, TRUTH, inner_mask(TRUTH.shape), ramp=True)
    assert gauge.ramp == pytest.approx((0.11, -0.07), abs=1e-9)
    assert gauge.scale == pytest.approx(3 * np.exp(1.2j), rel=1e-6)
    assert gauge.overlap_after == pytest.approx(1.0, abs=1e-12)
    assert gauge.overlap_before < 0.9
    np.testing.assert_allclose(gauge.apply(image), TRUTH, atol=1e-6)


def test_a_ramp_beyond_the_search_is_not_claimed():
    found = fit_ramp(tilted(TRUTH, -1.2, 0.0), TRUTH, inner_mask(TRUTH.shape))
    assert max(map(abs, found)) <= MAX_RAMP_RAD_PER_PX + 2 * np.pi / 72


def test_the_peak_starts_within_half_a_fourier_bin():
    window = np.outer(np.hanning(72), np.hanning(96))
    product = tilted(np.ones(TRUTH.shape), 0.123, -0.345) * window
    assert peak_ramp(product)[0] == pytest.approx(0.123, abs=np.pi / 72)
    assert peak_ramp(product)[1] == pytest.approx(-0.345, abs=np.pi / 96)


def test_images_that_share_nothing_keep_the_coarse_ramp():
    # a single pixel has every frequency alike: no hill for Newton's method to climb
    lonely = np.zeros((16, 16), dtype=complex)
    lonely[3, 5] = 1.0
    assert np.isfinite(fit_ramp(lonely, np.ones((16, 16), complex), np.ones((16, 16), bool))).all()


def test_what_lies_on_another_grid_has_no_ramp():
    with pytest.raises(ScoringError, match=r"image has shape \(71, 96\)"):
        fit_ramp(TRUTH[1:], TRUTH, inner_mask(TRUTH.shape))


@pytest.mark.parametrize("shift", [(0, 0), (2, -3), (-3, 1)])
@pytest.mark.parametrize("ramp", [(0.0, 0.0), (0.2, -0.1), (-0.4, 0.4)])
def test_the_start_of_a_search_is_the_whole_pixel_and_the_ramp(shift, ramp):
    truth, image = displaced_pair(*shift, cutoff=0.1, size=152)
    image = tilted(image, -ramp[0], -ramp[1])
    inside = np.pad(np.ones(truth.shape, bool), 6)
    window = np.pad(np.outer(*(np.hanning(side + 2)[1:-1] for side in truth.shape)), 6)
    start = coarse_match(np.pad(image, 6) * inside, np.pad(truth, 6) * inside, window, reach=4)
    assert start.shift == shift
    assert start.ramp == pytest.approx(ramp, abs=2 * np.pi / len(window) / 2)
    assert start.overlap > 0.95


def test_a_ramp_does_not_hide_a_shift_under_noise():
    for seed in range(10):
        truth, image = displaced_pair(2, -3, cutoff=0.1, size=152, seed=seed)
        image = noisy(tilted(image, 0.3, -0.2), 0.4, seed)
        window = np.pad(np.outer(*(np.hanning(side + 2)[1:-1] for side in truth.shape)), 6)
        start = coarse_match(np.pad(image, 6), np.pad(truth, 6), window, reach=4)
        assert np.abs(np.subtract(start.shift, (2, -3))).max() <= 1, seed
