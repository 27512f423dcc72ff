"""Image metrics and the complex error against the libraries that define or publish them."""

import numpy as np
import pytest
import sewar
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from ptycho_compare.scoring.alignment.gauge import fienup_error, fit_gauge
from ptycho_compare.scoring.metrics.image_metrics import mae, ms_ssim, mse, psnr, ssim

from .pairs import half_data_pair, open_object, reconstructed_pair

SHAPES = [(128, 128), (176, 176), (300, 260), (151, 224)]
VIEWS = {"amplitude": np.abs, "phase": np.angle, "field": np.asarray}
REAL = ["amplitude", "phase"]


def whole(image):
    return np.ones(image.shape, bool)


@pytest.fixture(params=[*SHAPES, "reconstruction"], ids=str)
def pair(request):
    """A truth and an image off by noise, gain and phase."""
    if request.param == "reconstruction":
        return reconstructed_pair(request.getfixturevalue("reference"))
    truth, image = half_data_pair(request.param, seed=3, level=0.3)
    return truth, 1.7 * np.exp(2.5j) * image


@pytest.fixture
def components(request, pair):
    """Amplitudes, phases or complex values of the pair, once its gain is removed."""
    truth, image = pair
    return tuple(VIEWS[request.param](each) for each in (truth, in_gauge(truth, image)))


def in_gauge(truth, image):
    return fit_gauge(image, truth, whole(truth)).apply(image)


@pytest.mark.parametrize("components", VIEWS, indirect=True)
def test_mae_and_rmse_are_those_of_ptychodus(ptychodus, components):
    truth, image = components
    assert mae(truth, image, whole(truth)) == pytest.approx(
        ptychodus.compute_mean_absolute_error(truth, image), rel=1e-12
    )
    assert np.sqrt(mse(truth, image, whole(truth))) == pytest.approx(
        ptychodus.compute_root_mean_square_error(truth, image), rel=1e-12
    )


def test_the_fienup_error_is_ptychodus_complex_rmse_over_the_truths(ptychodus, pair):
    truth, image = pair
    error = ptychodus.compute_root_mean_square_error(truth, in_gauge(truth, image))
    size = ptychodus.compute_root_mean_square_error(truth, np.zeros_like(truth))
    assert fienup_error(image, truth, whole(truth)) == pytest.approx(error / size, rel=1e-9)


def test_the_fienup_error_is_the_rms_error_of_cdtools(cdtools, pair):
    truth, image = pair
    # it turns the phase itself, and leaves the scale to its caller
    turned = np.vdot(image, truth)
    scaled = image * abs(turned) / np.vdot(image, image).real
    expected = cdtools.calc_rms_error(truth, scaled, align_phases=True, normalize=True)
    assert fienup_error(image, truth, whole(truth)) == pytest.approx(float(expected), abs=1e-6)


def test_no_other_scale_lowers_the_rms_error_of_cdtools(cdtools, pair):
    truth, image = pair
    least = fienup_error(image, truth, whole(truth))
    best = abs(fit_gauge(image, truth, whole(truth)).scale)
    for scale in best * np.array([0.97, 0.999, 1.001, 1.03]):
        other = cdtools.calc_rms_error(truth, scale * image, align_phases=True, normalize=True)
        assert least < float(other)


@pytest.mark.parametrize("components", REAL, indirect=True)
def test_psnr_and_ssim_are_those_of_scikit_image(components):
    truth, image = components
    peak = float(np.ptp(truth))
    assert psnr(truth, image, whole(truth), data_range=peak) == pytest.approx(
        peak_signal_noise_ratio(truth, image, data_range=peak), rel=1e-12
    )
    assert ssim(truth, image, whole(truth), data_range=peak) == pytest.approx(
        structural_similarity(
            truth, image, data_range=peak, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
        ),
        rel=1e-12,
    )


@pytest.mark.parametrize("components", REAL, indirect=True)
def test_psnr_is_that_of_ptychodus_which_takes_the_truths_range_too(ptychodus, components):
    truth, image = components
    found = psnr(truth, image, whole(truth), data_range=float(np.ptp(truth)))
    assert found == pytest.approx(ptychodus.compute_peak_signal_to_noise_ratio(truth, image), rel=1e-12)


def unit_amplitudes(shape, level):
    """The amplitudes of an object without and with noise, the first in [0, 1]."""
    truth, image = (
        np.abs(each) for each in (open_object(shape, 4), half_data_pair(shape, 4, level=level)[0])
    )
    return tuple((each - truth.min()) / np.ptp(truth) for each in (truth, image))


@pytest.mark.parametrize("shape", [(176, 176), (176, 304), (256, 320)], ids=str)
@pytest.mark.parametrize("level", [0.1, 0.4, 0.8])
def test_ms_ssim_is_that_of_pytorch_msssim(torch, pytorch_msssim, shape, level):
    # sides of 16 n: at an odd side it pads before it pools, which costs 1e-3
    truth, image = unit_amplitudes(shape, level)
    tensors = (torch.as_tensor(each)[None, None] for each in (truth, image))
    expected = float(pytorch_msssim.ms_ssim(*tensors, data_range=1.0))
    assert ms_ssim(truth, image, whole(truth), data_range=1.0).value == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("shape", [(176, 300), (256, 256), (301, 233)], ids=str)
@pytest.mark.parametrize("level", [0.1, 0.4])
def test_ms_ssim_is_that_of_sewar(shape, level):
    # it pools beyond the first row and column: worth 2e-3 at 176 x 176 and more under strong noise
    truth, image = unit_amplitudes(shape, level)
    found = ms_ssim(truth, image, whole(truth), data_range=1.0)
    assert found.levels == 5
    assert found.value == pytest.approx(float(sewar.msssim(truth * 255, image * 255, MAX=255)), abs=1e-3)
