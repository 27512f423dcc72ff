import numpy as np
import pytest
import sewar
from hypothesis import given
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from ptycho_compare.errors import ScoringError
from ptycho_compare.scoring.alignment.gauge import fienup_error
from ptycho_compare.scoring.metrics.image_metrics import (
    fienup_terms,
    mae,
    ms_ssim,
    mse,
    psnr,
    rmse_terms,
    ssim,
    truth_range,
)
from thorough import examples

from .objects import inner_mask, make_object, noisy, random_field

bounded = examples(25)
seeds = st.integers(0, 10_000)
sides = st.integers(11, 60)


def pair(shape=(96, 80), noise=0.1, seed=3):
    truth = random_field(shape, seed)
    return truth, truth + noise * np.random.default_rng(seed).standard_normal(shape)


def whole(image):
    return np.ones(image.shape, bool)


def test_mae_and_mse_on_a_case_done_by_hand():
    truth = np.array([[0.0, 1.0], [5.0, 2.0]])
    image = np.array([[1.0, -1.0], [5.0, 99.0]])
    mask = np.array([[True, True], [True, False]])
    assert mae(truth, image, mask) == 1.0
    assert mse(truth, image, mask) == pytest.approx(5 / 3)
    assert truth_range(truth, mask) == 5.0


def test_psnr_and_ssim_are_those_of_scikit_image():
    truth, image = pair()
    expected = peak_signal_noise_ratio(truth, image, data_range=1.7)
    assert psnr(truth, image, whole(truth), data_range=1.7) == pytest.approx(expected, rel=1e-12)
    expected = structural_similarity(
        truth, image, data_range=1.7, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert ssim(truth, image, whole(truth), data_range=1.7) == pytest.approx(expected, rel=1e-12)


@bounded
@given(seeds, sides, sides, st.floats(0.01, 1.0), st.floats(0.1, 10.0))
def test_on_a_full_mask_psnr_and_ssim_are_those_of_scikit_image_for_any_image(
    seed, height, width, noise, wide
):
    truth, image = pair((height, width), noise, seed)
    expected = peak_signal_noise_ratio(truth, image, data_range=wide)
    assert psnr(truth, image, whole(truth), data_range=wide) == pytest.approx(expected, rel=1e-12)
    expected = structural_similarity(
        truth, image, data_range=wide, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert ssim(truth, image, whole(truth), data_range=wide) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_on_a_mask_ssim_is_the_mean_over_the_windows_inside():
    truth, image = pair()
    mask = inner_mask(truth.shape)
    mask[50:, 40:] = False
    _, everywhere = structural_similarity(
        *(np.where(mask, each, 0.0) for each in (truth, image)),
        data_range=1.0,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )
    rows, cols = np.indices(truth.shape)
    inside = [
        everywhere[y, x]
        for y, x in zip(rows.ravel(), cols.ravel(), strict=True)
        if min(y, x) >= 5 and mask[y - 5 : y + 6, x - 5 : x + 6].sum() == 121
    ]
    assert ssim(truth, image, mask, data_range=1.0) == pytest.approx(np.mean(inside), rel=1e-12)


@bounded
@given(seeds, st.floats(0.0, 1.0), st.floats(-3.1, 3.1))
def test_complex_differences_count_by_their_modulus_and_turn_with_no_phase(seed, level, phase):
    truth = make_object((24, 30), seed)
    image = noisy(truth, level, seed)
    mask = inner_mask(truth.shape, 3)
    apart = np.abs(truth - image)[mask]
    turn = np.exp(1j * phase)
    for t, a in ((truth, image), (truth * turn, image * turn)):
        assert mae(t, a, mask) == pytest.approx(apart.mean(), rel=1e-9, abs=1e-15)
        assert mse(t, a, mask) == pytest.approx((apart**2).mean(), rel=1e-9, abs=1e-30)
    if apart.any():
        expected = 10 * np.log10(2.5**2 / (apart**2).mean())
        assert psnr(truth, image, mask, data_range=2.5) == pytest.approx(expected, rel=1e-12)


def test_of_real_values_complex_numbers_give_the_same():
    truth, image = pair()
    mask = inner_mask(truth.shape)
    for metric in (mae, mse):
        assert metric(truth * 1j, image * 1j, mask) == pytest.approx(metric(truth, image, mask), rel=1e-12)
    assert psnr(truth + 0j, image + 0j, mask, data_range=1.0) == psnr(truth, image, mask, data_range=1.0)


@bounded
@given(seeds, st.floats(1e-9, 3.0), st.complex_numbers(min_magnitude=0.1, max_magnitude=10))
def test_the_fienup_error_as_averages_is_that_of_its_formula_in_any_gauge(seed, level, gain):
    truth = make_object((24, 30), seed)
    image = noisy(truth, level, seed) * gain
    mask = inner_mask(truth.shape, 3)
    expected = fienup_error(image, truth, mask)
    # an image far from the gauge loses digits: the residual is small beside what is taken off
    assert fienup_terms(truth, image, mask).value() == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert fienup_terms(truth, truth, mask).value() == 0.0


def test_the_rms_is_the_root_of_the_mean_square():
    truth, image = pair()
    mask = inner_mask(truth.shape)
    assert rmse_terms(truth, image, mask).value() == pytest.approx(np.sqrt(mse(truth, image, mask)))


@pytest.mark.parametrize("shape", [(176, 176), (256, 200), (320, 320)])
@pytest.mark.parametrize("noise", [0.02, 0.1])
def test_ms_ssim_is_that_of_the_literature(shape, noise):
    truth, image = pair(shape, noise)
    expected = sewar.msssim(truth * 255 / 1.3, image * 255 / 1.3, MAX=255)
    found = ms_ssim(truth, image, whole(truth), data_range=1.3)
    assert found.levels == 5
    assert found.value == pytest.approx(float(expected), abs=1e-3)


@pytest.mark.parametrize(
    ("side", "levels"), [(11, 1), (21, 1), (22, 2), (43, 2), (44, 3), (88, 4), (175, 4), (176, 5), (400, 5)]
)
def test_the_number_of_scales_follows_from_the_size(side, levels):
    truth, image = pair((side, side))
    assert ms_ssim(truth, image, whole(truth), data_range=1.0).levels == levels


def test_one_scale_is_plain_ssim():
    truth, image = pair((20, 21))
    found = ms_ssim(truth, image, whole(truth), data_range=1.0)
    assert found.value == pytest.approx(ssim(truth, image, whole(truth), data_range=1.0), rel=1e-12)


def test_a_hole_in_the_mask_costs_scales():
    truth, image = pair((176, 176))
    mask = whole(truth)
    mask[40::40, 40::40] = False
    found = ms_ssim(truth, image, mask, data_range=1.0)
    assert found.levels == 2
    assert found.value == pytest.approx(
        ms_ssim(truth[:40, :40], image[:40, :40], whole(truth[:40, :40]), data_range=1.0).value, abs=0.05
    )


def test_an_inverted_image_scores_zero_not_nan():
    truth, _ = pair((64, 64))
    assert ms_ssim(truth, 1 - truth, whole(truth), data_range=1.0).value == 0.0


def test_identity_is_perfect():
    truth, _ = pair()
    mask = inner_mask(truth.shape)
    assert mae(truth, truth, mask) == mse(truth, truth, mask) == 0.0
    assert psnr(truth, truth, mask, data_range=1.0) == np.inf
    assert ssim(truth, truth, mask, data_range=1.0) == pytest.approx(1.0, abs=1e-12)
    assert ms_ssim(truth, truth, mask, data_range=1.0).value == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("garbage", [np.nan, np.inf, 1e9])
def test_values_outside_the_mask_never_matter(garbage):
    truth, image = pair()
    mask = inner_mask(truth.shape)
    mask[30:34, 40:44] = False
    dirty_truth, dirty_image = np.where(mask, truth, garbage), np.where(mask, image, -garbage)
    for metric in (psnr, ssim, ms_ssim):
        clean = metric(truth, image, mask, data_range=1.0)
        assert metric(dirty_truth, dirty_image, mask, data_range=1.0) == clean
    assert mae(dirty_truth, dirty_image, mask) == mae(truth, image, mask)


@pytest.mark.parametrize("metric", [ssim, ms_ssim])
def test_a_mask_without_a_whole_window_is_refused(metric):
    truth, image = pair((40, 40))
    narrow = np.zeros(truth.shape, bool)
    narrow[:, 5:15] = True
    with pytest.raises(ScoringError, match="pixels in a box of 40 x 10"):
        metric(truth, image, narrow, data_range=1.0)
    with pytest.raises(ScoringError, match="11 x 11 window fits into the mask"):
        metric(truth, image, np.eye(40, dtype=bool), data_range=1.0)


@pytest.mark.parametrize("metric", [psnr, ssim, ms_ssim])
@pytest.mark.parametrize("data_range", [0.0, -1.0, np.nan])
def test_a_data_range_is_positive(metric, data_range):
    truth, image = pair()
    with pytest.raises(ScoringError, match="data range"):
        metric(truth, image, whole(truth), data_range=data_range)
