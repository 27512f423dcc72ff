import numpy as np
import pytest
import scipy
from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.errors import ScoringError
from ptycho_compare.scoring.alignment.gauge import fit_gauge
from ptycho_compare.scoring.mask import bounding_box
from ptycho_compare.scoring.metrics.frc import filled, ring_correlation, transfer_gain
from thorough import examples

from .objects import inner_mask, make_object, moved, noisy, random_field, tilted

bounded = examples(15)


def crossing_pair(shape, seed):
    """Two images whose common signal meets their own white noise near 0.13 cycles/px."""
    rng = np.random.default_rng(seed)
    common = random_field(shape, seed, cutoff=0.06)
    common = (common - common.mean()) / common.std()
    return tuple(common + 0.15 * rng.standard_normal(shape) for _ in range(2))


def rotation(angle):
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def gaussian(values, sigma):
    """A Gaussian blur, exact, of a periodic image."""
    radius = np.hypot(*np.meshgrid(*(np.fft.fftfreq(side) for side in values.shape), indexing="ij"))
    blurred = np.fft.ifft2(np.fft.fft2(values) * np.exp(-2 * (np.pi * sigma * radius) ** 2))
    return blurred if np.iscomplexobj(values) else blurred.real


def test_identity_never_falls():
    truth = make_object()
    found = ring_correlation(truth, truth)
    np.testing.assert_allclose(found.correlation, 1.0, atol=1e-12)
    cutoff = found.cutoff(0.5)
    assert cutoff.beyond_nyquist
    assert (cutoff.frequency, cutoff.period_px) == (None, None)
    assert (cutoff.first_crossing, cutoff.last_crossing) == (None, None)
    assert found.transfer_cutoff().beyond_nyquist


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


def test_a_ring_only_one_image_has_is_no_agreement_and_one_that_neither_has_is_unknown():
    x = np.arange(64)
    slow = np.broadcast_to(np.cos(2 * np.pi * 4 * x / 64), (64, 64))
    fast = np.broadcast_to(np.cos(2 * np.pi * 16 * x / 64), (64, 64))
    found = ring_correlation(slow + fast, slow, window=None)
    assert found.correlation[3] == pytest.approx(1.0)
    assert found.correlation[15] == 0.0
    assert np.isnan(found.correlation[9])


def transfer_of(truth, image):
    return ring_correlation(truth, image, gain=transfer_gain(truth, image))


@bounded
@given(st.floats(0.3, 2.0), st.floats(0.2, 5.0), st.integers(0, 99), st.sampled_from(["real", "complex"]))
def test_the_transfer_of_a_gaussian_blur_is_its_analytic_curve(sigma, gain, seed, kind):
    truth = make_object((160, 144), seed, cutoff=0.12)
    truth = np.abs(truth) if kind == "real" else truth
    found = transfer_of(truth, gain * gaussian(truth, sigma))
    analytic = np.exp(-2 * (np.pi * sigma * found.frequency) ** 2)
    # where the truth, which ends at 0.12, has more than what leaks in from lower rings, and rings enough
    # pixels that the window's cross terms nearly average out: over 800 such images no ring was off by more
    # than 0.018, no mean of rings by more than 0.003, no cut-off by more than 1.8 %
    judged = (found.frequency > 0.05) & (found.frequency < 0.15)
    np.testing.assert_allclose(found.transfer[judged], analytic[judged], rtol=0, atol=0.025)
    assert found.transfer[judged].mean() == pytest.approx(analytic[judged].mean(), abs=0.005)
    half = np.sqrt(np.log(2) / 2) / (np.pi * sigma)
    if half < 0.25:
        assert found.transfer_cutoff().frequency == pytest.approx(half, rel=0.03)


@pytest.mark.parametrize("level", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("sigma", [1.0, 1.5])
def test_noise_leaves_the_transfer_alone(sigma, level):
    truth = make_object((192, 192), 3)
    image = noisy(gaussian(truth, sigma), level)
    image = fit_gauge(image, truth, np.ones(truth.shape, bool)).apply(image)
    half = np.sqrt(np.log(2) / 2) / (np.pi * sigma)
    found = transfer_of(truth, image)
    assert found.transfer_cutoff().frequency == pytest.approx(half, rel=0.06)
    assert found.transfer[:20].mean() == pytest.approx(
        np.exp(-2 * (np.pi * sigma * found.frequency[:20]) ** 2).mean(), rel=0.03
    )
    # correlation sees noise, and no blur
    assert found.cutoff(0.5).read > half


def test_a_transfer_ends_where_noise_hides_it():
    truth = make_object((192, 192), 3)
    ends = [transfer_of(truth, noisy(truth, level)).transfer_cutoff() for level in (0.05, 0.2, 0.8)]
    assert [each.end for each in ends] == ["above as far as it is measured"] * 3
    assert ends[0].frequency > ends[1].frequency > ends[2].frequency > 0.05


def test_an_image_without_the_truths_lowest_frequencies_has_no_scale_of_transfer():
    truth = make_object()
    gain = transfer_gain(truth, 0.5j * truth)
    assert gain is None
    assert ring_correlation(truth, 0.5j * truth, gain=gain).transfer_cutoff() is None
    assert transfer_gain(truth, tilted(truth, 0.2, 0.0)) is None
    assert transfer_gain(truth, truth / 4) == pytest.approx(4)


@pytest.mark.parametrize("spoil", ["magnified", "turned"])
def test_a_misfit_of_scale_or_rotation_lowers_the_cutoff_only_where_it_displaces(spoil):
    """One per cent or half a degree over 256 px displaces by 1 px at the edge, which few rings see."""
    truth = make_object((320, 320), 2)
    by = {"magnified": np.eye(2) / 1.05, "turned": rotation(np.deg2rad(2.5))}[spoil]
    centre = np.array([159.5, 159.5])
    image = scipy.ndimage.affine_transform(truth, by, centre - by @ centre, order=3, mode="wrap")
    inner = (slice(32, 288),) * 2
    found = transfer_of(truth[inner], image[inner])
    assert 0.02 < found.cutoff(0.5).frequency < 0.2
    assert 0.02 < found.transfer_cutoff().frequency < 0.2


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


def test_a_complex_image_is_continued_as_its_two_parts_are():
    one, two = crossing_pair((64, 64), 1)
    mask = inner_mask(one.shape)
    mask[20:25, 30:34] = False
    found = filled(one + 1j * two, mask)
    np.testing.assert_allclose(found.real, filled(one, mask), atol=1e-12)
    np.testing.assert_allclose(found.imag, filled(two, mask), atol=1e-12)


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
