"""Pixel and structure metrics on real images, by their standard definitions.

All take the truth first, see only the mask, and are told the data range. Scaling, gauge
and the choice of pixels happened before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
import skimage
from numpy.typing import NDArray

from ptycho_compare.errors import ScoringError
from ptycho_compare.scoring.mask import Mask, bounding_box, check_grid, erode

RealImage = NDArray[np.float64]

WINDOW_RADIUS_PX = 5
"""11 x 11 Gaussian window of sigma 1.5 px, as in Wang 2004."""

LEVEL_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Exponents of the scales, fine to coarse, as in Wang 2003."""


@dataclass(frozen=True)
class MsSsim:
    """Multi-scale SSIM in [0, 1] and the number of scales it was computed on."""

    value: float
    levels: int


def truth_range(truth: RealImage, mask: Mask) -> float:
    """Return max - min of the truth on the mask: the data range of every metric here."""
    check_grid(mask, truth=truth)
    return float(np.ptp(truth[mask]))


def mae(truth: RealImage, image: RealImage, mask: Mask) -> float:
    """Return the mean absolute difference on the mask, in the unit of the images."""
    check_grid(mask, truth=truth, image=image)
    return float(np.mean(np.abs(truth[mask] - image[mask])))


def mse(truth: RealImage, image: RealImage, mask: Mask) -> float:
    """Return the mean squared difference on the mask, in the unit of the images squared."""
    check_grid(mask, truth=truth, image=image)
    return float(np.mean((truth[mask] - image[mask]) ** 2))


def psnr(truth: RealImage, image: RealImage, mask: Mask, *, data_range: float) -> float:
    """Return the peak signal-to-noise ratio on the mask.

    Parameters
    ----------
    truth, image : ndarray, (H, W), float
    mask : ndarray, (H, W), bool
    data_range : float
        The peak: max - min of the truth, never 255.

    Returns
    -------
    float
        10 log10(data_range^2 / mse) in dB; inf for identical images.
    """
    _check_range(data_range)
    check_grid(mask, truth=truth, image=image)
    library: Any = skimage.metrics  # partly untyped
    with np.errstate(divide="ignore"):  # identity is inf on purpose
        return float(library.peak_signal_noise_ratio(truth[mask], image[mask], data_range=data_range))


def ssim(truth: RealImage, image: RealImage, mask: Mask, *, data_range: float) -> float:
    """Return the structural similarity, averaged over whole windows inside the mask.

    Gaussian weights of sigma 1.5 px in 11 x 11 windows, population covariance, K1 = 0.01,
    K2 = 0.03 [1]_. Upstream's 7 x 7 uniform window with sample covariance gives other
    numbers (0.461 against 0.420 on the same pair).

    Parameters
    ----------
    truth, image : ndarray, (H, W), float
        Pixels outside the mask may hold anything: no window that touches them is counted.
    mask : ndarray, (H, W), bool
    data_range : float
        max - min of the truth.

    Returns
    -------
    float
        In [-1, 1].

    Raises
    ------
    ScoringError
        No 11 x 11 window fits into the mask.

    References
    ----------
    .. [1] Z. Wang et al., IEEE Trans. Image Process. 13, 600-612 (2004),
       doi:10.1109/TIP.2003.819861
    """
    _check_range(data_range)
    t, a, inside = _cropped(truth, image, mask)
    whole = _whole_windows(inside)
    library: Any = skimage.metrics  # partly untyped
    _, similarity = library.structural_similarity(
        t,
        a,
        data_range=data_range,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )
    return float(np.mean(similarity[whole]))


def ms_ssim(truth: RealImage, image: RealImage, mask: Mask, *, data_range: float) -> MsSsim:
    """Return the multi-scale structural similarity.

    The contrast-structure term of scales 1 to L - 1 and the full SSIM of scale L, each
    averaged over whole windows inside the mask, raised to the weights of [1]_ and
    multiplied. Between scales images are averaged in 2 x 2 pixels; a pooled pixel is
    inside if all four were. L is the largest number of scales, at most 5, with
    L <= floor(log2(side / 11)) + 1 for the shorter side of the mask's box and a whole window
    at every scale; for L < 5 the weights are divided by their sum. A negative mean is
    clipped at 0, because a fractional power of it is not a number.

    Parameters
    ----------
    truth, image : ndarray, (H, W), float
    mask : ndarray, (H, W), bool
    data_range : float
        max - min of the truth, the same at every scale.

    Returns
    -------
    MsSsim

    Raises
    ------
    ScoringError
        No 11 x 11 window fits into the mask.

    References
    ----------
    .. [1] Z. Wang, E. P. Simoncelli and A. C. Bovik, 37th Asilomar Conf. on Signals, Systems
       and Computers, 1398-1402 (2003), doi:10.1109/ACSSC.2003.1292216
    """
    _check_range(data_range)
    t, a, inside = _cropped(truth, image, mask)
    masks = _levels(inside)
    terms: list[float] = []
    for level, windows in enumerate(masks, start=1):
        structure, full = _similarity_maps(t, a, data_range)
        terms.append(float(np.mean((full if level == len(masks) else structure)[windows])))
        if level < len(masks):
            t, a = _pool(t), _pool(a)
    weights = np.array(LEVEL_WEIGHTS[: len(masks)])
    weights /= weights.sum()
    return MsSsim(value=float(np.prod(np.clip(terms, 0.0, None) ** weights)), levels=len(masks))


def _check_range(data_range: float) -> None:
    if not (np.isfinite(data_range) and data_range > 0):
        raise ScoringError(f"a data range is positive and finite, not {data_range}")


def _cropped(truth: RealImage, image: RealImage, mask: Mask) -> tuple[RealImage, RealImage, Mask]:
    """Crop to the mask's box and blank the rest, so that no stray NaN meets a filter."""
    check_grid(mask, truth=truth, image=image)
    box = bounding_box(mask)
    inside = mask[box]
    if min(inside.shape) < 2 * WINDOW_RADIUS_PX + 1:
        raise ScoringError(
            f"no 11 x 11 window fits into a mask of {inside.shape[0]} x {inside.shape[1]} pixels"
        )
    return np.where(inside, truth[box], 0.0), np.where(inside, image[box], 0.0), inside


def _whole_windows(inside: Mask) -> Mask:
    whole = erode(inside, WINDOW_RADIUS_PX)
    if not whole.any():
        raise ScoringError(
            f"no 11 x 11 window fits into the mask ({int(inside.sum())} pixels in a box of "
            f"{inside.shape[0]} x {inside.shape[1]})"
        )
    return whole


def _levels(inside: Mask) -> list[Mask]:
    """Return the centres of whole windows, one mask per usable scale."""
    by_size = int(np.log2(min(inside.shape) / (2 * WINDOW_RADIUS_PX + 1))) + 1
    masks = [_whole_windows(inside)]
    while len(masks) < min(by_size, len(LEVEL_WEIGHTS)):
        inside = np.asarray(_blocks(inside).all(axis=(1, 3)), dtype=np.bool_)
        whole = erode(inside, WINDOW_RADIUS_PX)
        if not whole.any():
            break
        masks.append(whole)
    return masks


def _similarity_maps(t: RealImage, a: RealImage, data_range: float) -> tuple[RealImage, RealImage]:
    """Return the contrast-structure and the full SSIM map of Wang 2004."""
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    mean_t, mean_a = _blur(t), _blur(a)
    var_t = _blur(t * t) - mean_t**2
    var_a = _blur(a * a) - mean_a**2
    covariance = _blur(t * a) - mean_t * mean_a
    structure = (2 * covariance + c2) / (var_t + var_a + c2)
    luminance = (2 * mean_t * mean_a + c1) / (mean_t**2 + mean_a**2 + c1)
    return structure, luminance * structure


def _blur(values: RealImage) -> RealImage:
    return np.asarray(scipy.ndimage.gaussian_filter(values, sigma=1.5, radius=WINDOW_RADIUS_PX))


def _pool(values: RealImage) -> RealImage:
    return np.asarray(_blocks(values).mean(axis=(1, 3)))


def _blocks(values: NDArray[Any]) -> NDArray[Any]:
    """View an image as 2 x 2 blocks, (H // 2, 2, W // 2, 2); an odd last row or column is left out."""
    rows, cols = values.shape[0] // 2, values.shape[1] // 2
    return values[: 2 * rows, : 2 * cols].reshape(rows, 2, cols, 2)
