"""Pixel and structure metrics, by their standard definitions.

All take the truth first, see only the mask, and are given the data range; scaling and gauge happened
before. A metric is stated once, as averages over pixels and a function of them; the number, and its
uncertainty, follow from that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
import skimage
from numpy.typing import NDArray

from ptycho_compare.errors import ScoringError
from ptycho_compare.scoring.mask import Mask, bounding_box, check_grid, erode
from ptycho_compare.scoring.metrics.estimate import Blocks, Estimate

RealImage = NDArray[np.float64]
Image = NDArray[Any]
"""Real, or complex: then differences count by their modulus."""

WINDOW_RADIUS_PX = 5
"""11 x 11 Gaussian window of sigma 1.5 px, as in Wang 2004."""

LEVEL_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Exponents of the scales, fine to coarse, as in Wang 2003."""


@dataclass(frozen=True, eq=False)
class Layer:
    """Values (h, w) to be averaged over the counted pixels; pixels are 2^level px wide."""

    values: RealImage
    counted: Mask
    level: int = 0


@dataclass(frozen=True, eq=False)
class Averages:
    """A metric as a function of averages over pixels of the mask's box.

    Attributes
    ----------
    layers : tuple of Layer
        K of them.
    combine : callable
        Averages (R, K) of R draws to numbers (R,).
    """

    layers: tuple[Layer, ...]
    combine: Callable[[RealImage], RealImage]

    def value(self) -> float:
        """The metric on the whole mask."""
        means = [np.mean(layer.values[layer.counted]) for layer in self.layers]
        return float(self.combine(np.array([means]))[0])

    def estimate(self, blocks: Blocks) -> Estimate:
        """The metric with its block sums; the numbers of pixels are sums as well."""
        columns = []
        for layer in self.layers:
            columns.append(blocks.sums(layer.values, layer.counted, level=layer.level))
            columns.append(blocks.sums(np.ones(layer.counted.shape), layer.counted, level=layer.level))
        return Estimate(self.value(), np.stack(columns, axis=1), self._of_sums, blocks.independent)

    def _of_sums(self, sums: RealImage) -> RealImage:
        with np.errstate(invalid="ignore", divide="ignore"):  # a draw may miss every whole window
            return self.combine(sums[:, 0::2] / sums[:, 1::2])


def truth_range(truth: Image, mask: Mask) -> float:
    """Data range of every metric here: the largest distance between two values on the mask.

    max - min of a real image; of a complex one the diameter of its values in the complex plane,
    which no global phase changes.
    """
    check_grid(mask, truth=truth)
    values = truth[mask]
    if not np.iscomplexobj(values):
        return float(np.ptp(values))
    points = np.stack([values.real, values.imag], axis=1).astype(np.float64)
    try:
        corners = points[scipy.spatial.ConvexHull(points).vertices]
    except scipy.spatial.QhullError:  # all on one line, or fewer than three
        along = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)[2][0]
        return float(np.ptp(points @ along))
    return _diameter(corners)


def _diameter(corners: RealImage) -> float:
    """Largest distance between corners (n, 2) of a convex polygon, counter-clockwise, by rotating calipers.

    M. I. Shamos, PhD thesis, Yale (1978): the two corners lie on parallel lines that hold the polygon between
    them, one of which can be turned until it lies on an edge. All distances would be too many: the values of
    a phase object are all corners.
    """
    count = len(corners)
    edges = np.roll(corners, -1, axis=0) - corners
    angles = np.maximum.accumulate(np.unwrap(np.arctan2(edges[:, 1], edges[:, 0])))
    opposite = np.searchsorted(np.concatenate([angles, angles + 2 * np.pi]), angles + np.pi)
    # neighbours as well: two edges may be parallel, or nearly
    pairs = ((start, end) for start in (0, 1) for end in (-1, 0, 1))
    here = np.arange(count)
    across = [corners[(here + start) % count] - corners[(opposite + end) % count] for start, end in pairs]
    return float(np.linalg.norm(across, axis=-1).max())


def mae(truth: Image, image: Image, mask: Mask) -> float:
    """Mean absolute difference on the mask, in the unit of the images."""
    return mae_terms(truth, image, mask).value()


def mse(truth: Image, image: Image, mask: Mask) -> float:
    """Mean squared difference on the mask, in the unit of the images squared."""
    return mse_terms(truth, image, mask).value()


def psnr(truth: Image, image: Image, mask: Mask, *, data_range: float) -> float:
    """Peak signal-to-noise ratio on the mask, 10 log10(data_range^2 / mse), dB; inf for identical images.

    Images are (H, W), real or complex; the peak is the range of the truth, never 255.
    """
    return psnr_terms(truth, image, mask, data_range=data_range).value()


def ssim(truth: RealImage, image: RealImage, mask: Mask, *, data_range: float) -> float:
    """Structural similarity, averaged over whole windows inside the mask.

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
    return ssim_terms(truth, image, mask, data_range=data_range).value()


@dataclass(frozen=True)
class MsSsim:
    """Multi-scale SSIM in [0, 1] and the number of scales it was computed on."""

    value: float
    levels: int


def ms_ssim(truth: RealImage, image: RealImage, mask: Mask, *, data_range: float) -> MsSsim:
    """Multi-scale structural similarity.

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

    Raises
    ------
    ScoringError
        No 11 x 11 window fits into the mask.

    References
    ----------
    .. [1] Z. Wang, E. P. Simoncelli and A. C. Bovik, 37th Asilomar Conf. on Signals, Systems
       and Computers, 1398-1402 (2003), doi:10.1109/ACSSC.2003.1292216
    """
    terms = ms_ssim_terms(truth, image, mask, data_range=data_range)
    return MsSsim(terms.value(), len(terms.layers))


def mae_terms(truth: Image, image: Image, mask: Mask) -> Averages:
    """State `mae` as averages."""
    t, a, inside = _on_box(truth, image, mask)
    return Averages((Layer(np.abs(t - a), inside),), lambda means: means[:, 0])


def mse_terms(truth: Image, image: Image, mask: Mask) -> Averages:
    """State `mse` as averages."""
    t, a, inside = _on_box(truth, image, mask)
    return Averages((Layer(np.abs(t - a) ** 2, inside),), lambda means: means[:, 0])


def psnr_terms(truth: Image, image: Image, mask: Mask, *, data_range: float) -> Averages:
    """State `psnr` as averages."""
    _check_range(data_range)

    def decibels(means: RealImage) -> RealImage:
        with np.errstate(divide="ignore"):  # identity is inf on purpose
            return np.asarray(10 * np.log10(data_range**2 / means[:, 0]))

    return Averages(mse_terms(truth, image, mask).layers, decibels)


def ssim_terms(truth: RealImage, image: RealImage, mask: Mask, *, data_range: float) -> Averages:
    """State `ssim` as averages."""
    _check_range(data_range)
    t, a, inside = _on_box(truth, image, mask)
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
    return Averages((Layer(similarity, whole),), lambda means: means[:, 0])


def ms_ssim_terms(truth: RealImage, image: RealImage, mask: Mask, *, data_range: float) -> Averages:
    """State `ms_ssim` as averages, a layer per scale.

    Windows of its coarsest scales are wider than a block: its interval is too narrow where noise is
    smooth (by 20 % for noise blurred by 3 px, 40 % for 6 px).
    """
    _check_range(data_range)
    t, a, inside = _on_box(truth, image, mask)
    masks = _levels(inside)
    layers = []
    for level, windows in enumerate(masks):
        structure, full = _similarity_maps(t, a, data_range)
        last = level == len(masks) - 1
        layers.append(Layer(full if last else structure, windows, level))
        if not last:
            t, a = _pool(t), _pool(a)
    weights = np.array(LEVEL_WEIGHTS[: len(masks)])
    weights /= weights.sum()
    return Averages(
        tuple(layers), lambda means: np.asarray(np.prod(np.clip(means, 0.0, None) ** weights, axis=1))
    )


def fienup_terms(truth: Image, image: Image, mask: Mask) -> Averages:
    """State the Fienup error (`gauge.fienup_error`) as averages; each draw has its own best gain."""
    t, a, inside = _on_box(truth, image, mask)
    residual = t - a
    product = np.conj(a) * residual
    layers = [np.abs(residual) ** 2, np.abs(t) ** 2, np.abs(a) ** 2, product.real, product.imag]

    def error(means: RealImage) -> RealImage:
        rest, norm, own, real, imag = means.T
        # what a better gain would still take off; from the residual, so that nothing cancels
        return np.asarray(np.sqrt(np.clip((rest - (real**2 + imag**2) / own) / norm, 0.0, 1.0)))

    return Averages(tuple(Layer(values, inside) for values in layers), error)


def rmse_terms(truth: Image, image: Image, mask: Mask) -> Averages:
    """State the root mean squared difference as averages."""
    return Averages(mse_terms(truth, image, mask).layers, lambda means: np.asarray(np.sqrt(means[:, 0])))


def _check_range(data_range: float) -> None:
    if not (np.isfinite(data_range) and data_range > 0):
        raise ScoringError(f"a data range is positive and finite, not {data_range}")


def _on_box(truth: Image, image: Image, mask: Mask) -> tuple[Image, Image, Mask]:
    """Crop to the mask's box and blank the rest, so that no stray NaN meets a filter."""
    check_grid(mask, truth=truth, image=image)
    box = bounding_box(mask)
    inside = mask[box]
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
    """Centres of whole windows, one mask per usable scale."""
    masks = [_whole_windows(inside)]
    by_size = int(np.log2(min(inside.shape) / (2 * WINDOW_RADIUS_PX + 1))) + 1
    while len(masks) < min(by_size, len(LEVEL_WEIGHTS)):
        inside = np.asarray(_in_fours(inside).all(axis=(1, 3)), dtype=np.bool_)
        whole = erode(inside, WINDOW_RADIUS_PX)
        if not whole.any():
            break
        masks.append(whole)
    return masks


def _similarity_maps(t: RealImage, a: RealImage, data_range: float) -> tuple[RealImage, RealImage]:
    """The contrast-structure and the full SSIM map of Wang 2004."""
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
    return np.asarray(_in_fours(values).mean(axis=(1, 3)))


def _in_fours(values: NDArray[Any]) -> NDArray[Any]:
    """View an image as 2 x 2 blocks, (H // 2, 2, W // 2, 2); an odd last row or column is left out."""
    rows, cols = values.shape[0] // 2, values.shape[1] // 2
    return values[: 2 * rows, : 2 * cols].reshape(rows, 2, cols, 2)
