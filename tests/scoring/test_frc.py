import numpy as np
import pytest

from ptycho_compare.errors import ScoringError
from ptycho_compare.scoring.mask import bounding_box
from ptycho_compare.scoring.metrics.frc import RingCurve, filled, ring_correlation

from .objects import inner_mask, make_object, moved, noisy, random_field


def crossing_pair(shape, seed):
    """Two images whose common signal meets their own white noise near 0.13 cycles/px."""
    rng = np.random.default_rng(seed)
    common = random_field(shape, seed, cutoff=0.06)
    common = (common - common.mean()) / common.std()
    return tuple(common + 0.15 * rng.standard_normal(shape) for _ in range(2))


def curve(*values):
    size = len(values)
    return RingCurve(
        np.arange(1, size + 1) * 0.5 / size, np.array(values, dtype=float), np.ones(size, np.int64)
    )


def test_identity_never_falls():
    truth = make_object()
    found = ring_correlation(truth, truth)
    np.testing.assert_allclose(found.correlation, 1.0, atol=1e-12)
    cutoff = found.cutoff(0.5)
    assert cutoff.beyond_nyquist
    assert (cutoff.frequency, cutoff.period_px, cutoff.last_crossing) == (None, None, None)


def test_rings_reach_from_above_zero_to_nyquist_and_leave_out_the_corners():
    found = ring_correlation(*crossing_pair((64, 64), 0))
    np.testing.assert_allclose(found.frequency, np.arange(1, 33) / 64)
    assert found.pixels[0] == 8
    assert found.pixels.sum() < 64 * 64
    radius = np.hypot(*np.meshgrid(np.fft.fftfreq(64), np.fft.fftfreq(64)))
    assert found.pixels.sum() == np.count_nonzero((radius > 0) & (radius <= 0.5))


@pytest.mark.parametrize("kind", ["real", "complex"])
def test_independent_noise_averages_to_zero(kind):
    rng = np.random.default_rng(5)
    means = []
    for _ in range(6):
        one, two = rng.standard_normal((2, 256, 256))
        if kind == "complex":
            one, two = one + 1j * rng.standard_normal(one.shape), two + 1j * rng.standard_normal(two.shape)
        found = ring_correlation(one, two)
        means.append(found.correlation[found.frequency > 0.1].mean())
        assert found.cutoff(0.5).frequency < 0.05
    # the modulus instead of the real part would give 0.1
    assert abs(np.mean(means)) < 0.015


def test_the_same_resolution_at_any_crop_size_is_the_same_number():
    found = {
        shape: np.mean([ring_correlation(*crossing_pair(shape, s)).cutoff(0.5).frequency for s in range(4)])
        for shape in [(64, 64), (128, 128), (256, 256), (256, 96), (101, 173)]
    }
    for frequency in found.values():
        assert frequency == pytest.approx(found[256, 256], abs=0.01), found


def test_complex_and_real_input_agree_on_a_real_image():
    one, two = crossing_pair((96, 96), 1)
    real, imaginary = ring_correlation(one, two), ring_correlation(one * 1j, two * 1j)
    np.testing.assert_allclose(real.correlation, imaginary.correlation, atol=1e-12)


def test_a_shared_ramp_does_not_pass_for_resolution():
    rng = np.random.default_rng(2)
    ramp = np.linspace(0, 20, 128)[:, None] + np.linspace(0, 9, 128)
    one, two = (ramp + rng.standard_normal(ramp.shape) for _ in range(2))
    assert ring_correlation(one, two).cutoff(0.5).frequency < 0.06
    assert ring_correlation(one, two, window=None).cutoff(0.5).frequency > 0.1


def test_misplacement_lowers_the_curve():
    truth = noisy(make_object((128, 128), cutoff=0.2), 0.2)
    found = ring_correlation(truth, moved(truth, 1.0, 0.0))
    assert not found.cutoff(0.5).beyond_nyquist
    assert found.cutoff(0.5).frequency < ring_correlation(truth, moved(truth, 0.5, 0.0)).cutoff(0.5).frequency


def test_the_cutoff_lies_between_rings_and_knows_the_last_fall():
    cutoff = curve(1, 1, 0.75, 0.25, 0.75, 0.0, 0.1, 0.1, 0.1, 0.1).cutoff(0.5)
    assert cutoff.frequency == pytest.approx(0.175)
    assert cutoff.period_px == pytest.approx(1 / 0.175)
    assert cutoff.last_crossing == pytest.approx(0.25 + 0.05 / 3)
    assert not cutoff.beyond_nyquist


def test_a_curve_that_starts_below_is_cut_at_its_first_ring():
    assert curve(0.2, 0.1, 0.1, 0.1).cutoff(0.5).frequency == pytest.approx(0.125)


def test_the_lowest_two_percent_never_set_a_cutoff():
    values = np.ones(100)
    values[0] = -1  # 0.005 cycles/px, 1 % of Nyquist
    assert curve(*values).cutoff(0.5).beyond_nyquist
    values[2] = -1  # 0.015
    assert curve(*values).cutoff(0.5).frequency == pytest.approx(0.0125, abs=0.0026)


def test_rings_without_signal_are_not_judged():
    assert curve(1, 1, np.nan, np.nan, 1, 1).cutoff(0.5).beyond_nyquist
    assert curve(1, 1, np.nan, 0.0).cutoff(0.5).frequency == pytest.approx((0.25 + 0.5) / 2)


def test_a_ring_only_one_image_has_is_no_agreement_and_one_that_neither_has_is_unknown():
    x = np.arange(64)
    slow = np.broadcast_to(np.cos(2 * np.pi * 4 * x / 64), (64, 64))
    fast = np.broadcast_to(np.cos(2 * np.pi * 16 * x / 64), (64, 64))
    found = ring_correlation(slow + fast, slow, window=None)
    assert found.correlation[3] == pytest.approx(1.0)
    assert found.correlation[15] == 0.0
    assert np.isnan(found.correlation[9])


def test_smoothing_keeps_the_mean_level_and_the_gaps():
    rough = curve(1, 0, 1, 0, np.nan, 0, 1, 0, 1)
    smooth = rough.smoothed(2.0)
    assert np.isnan(smooth.correlation[4])
    assert np.nanstd(smooth.correlation) < 0.3 * np.nanstd(rough.correlation)
    assert np.nanmean(smooth.correlation) == pytest.approx(0.5, abs=0.1)
    assert rough.smoothed(0.0) is rough


@pytest.mark.parametrize("shape", ["disc", "holes", "band"])
def test_the_edge_of_a_mask_adds_nothing(shape):
    rows, cols = np.indices((256, 256)) - 128
    rng = np.random.default_rng(7)
    mask = np.ones((256, 256), bool)
    if shape == "disc":
        mask = np.hypot(rows, cols) < 100
    elif shape == "band":
        mask[:40] = mask[:, 200:] = False
    else:
        for row, col in rng.integers(0, 250, (120, 2)):
            mask[row : row + 7, col : col + 7] = False
    one, two = crossing_pair(mask.shape, 3)
    full = ring_correlation(one, two).cutoff(0.5).frequency
    box = bounding_box(mask)
    found = ring_correlation(*(filled(each[box], mask[box]) for each in (one, two)))
    assert found.cutoff(0.5).frequency == pytest.approx(full, abs=0.03)
    assert abs(found.correlation[found.frequency > 0.3].mean()) < 0.06


def test_values_outside_the_mask_never_matter():
    one, two = crossing_pair((64, 64), 1)
    mask = inner_mask(one.shape)
    mask[20:25, 30:34] = False
    for clean, garbage in ((one, np.nan), (two, np.inf)):
        assert np.array_equal(filled(np.where(mask, clean, garbage), mask), filled(clean, mask))


@pytest.mark.parametrize(
    ("image", "text"),
    [
        (np.full((8, 8), 3.0), r"image is constant \(3\)"),
        (np.ones((8, 9)), r"not \(8, 8\) and \(8, 9\)"),
        (np.full((8, 8), np.nan), "image is not finite in 64 of 64"),
    ],
)
def test_what_cannot_be_correlated_is_refused(image, text):
    with pytest.raises(ScoringError, match=text):
        ring_correlation(np.arange(64.0).reshape(8, 8), image)
