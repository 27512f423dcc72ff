"""Fourier ring correlation and transfer: what two images share at each spatial frequency.

Does not align or fix the gauge: give it a pair that `gauge` has prepared. `filled` brings a masked
image into the form it needs; how a curve is read is `ring_curve`'s.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import scipy
from numpy.typing import NDArray

from ptycho_compare.errors import ScoringError
from ptycho_compare.scoring.mask import Mask, check_grid
from ptycho_compare.scoring.metrics.cutoff import NYQUIST
from ptycho_compare.scoring.metrics.ring_curve import RingCurve

LEAST_COMMON = 0.5
"""Correlation of the lowest frequencies below which an image's scale cannot be told by them."""

FILL_SIGMA_PX = 2.0
"""Reach of the continuation outside a mask: bridges the holes of a coverage mask."""

FADE_BELOW = 0.02
"""Share of mask pixels nearby at which the continuation is half faded into the mean."""


def ring_correlation(
    truth: NDArray[Any],
    image: NDArray[Any],
    *,
    window: Literal["hann"] | None = "hann",
    subtract_mean: bool = True,
    gain: float | None = 1.0,
) -> RingCurve:
    """Correlate two images ring by ring in Fourier space.

    For ring r, FRC(r) = sum Re(F1 conj(F2)) / sqrt(sum|F1|^2 sum|F2|^2) [1]_. The real part
    is used, not the modulus: it averages to zero for unrelated noise, while the modulus
    stays positive and flatters the result.

    Correlation has no scale, so that it does not see a blur. The transfer does: gain sum Re(F1
    conj(F2)) / sum|F1|^2, which for an image blurred by a Gaussian of sigma px is exp(-2 pi^2 sigma^2
    f^2), whatever noise there is.

    Parameters
    ----------
    truth, image : ndarray, (H, W), float or complex
        Same pixel grid, gauge removed. Dimensionless.
    window : {"hann", None}
        Taper against the hard edge of the crop. None only for periodic images.
    subtract_mean : bool
        Remove the window-weighted mean. Zero frequency is left out of the rings anyway;
        this keeps the window from spreading the mean over the first of them.
    gain : float or None
        Scale of the image's transfer (`transfer_gain`); None leaves the transfer out.

    Returns
    -------
    RingCurve
        Rings are 1 / max(H, W) cycles/px wide and hold the pixels of that true radial
        frequency, also when the image is not square. Corners beyond Nyquist are left out.

    Raises
    ------
    ScoringError
        Shapes differ, a value is not finite, or an image is constant (the message names
        which, and its value).

    Notes
    -----
    Against a noise-free truth the partner of half-data 1/7 is 0.5. Independent halves and
    simulated truths measure resolution; an iterative reconstruction of the same frames
    measures agreement, and the column name says so.

    References
    ----------
    .. [1] van Heel & Schatz, J. Struct. Biol. 151, 250-262 (2005), doi:10.1016/j.jsb.2005.05.009
    """
    _check_pair(truth, image)
    weight = hann_window(truth.shape) if window == "hann" else np.ones(truth.shape)
    f1 = windowed_spectrum(truth, weight, subtract_mean=subtract_mean)
    f2 = windowed_spectrum(image, weight, subtract_mean=subtract_mean)
    ring = ring_numbers(truth.shape)
    last = int(NYQUIST * max(truth.shape))
    parts = (f1 * np.conj(f2)).real, np.abs(f1) ** 2, np.abs(f2) ** 2
    return RingCurve.of_sums(
        np.arange(1, last + 1) / max(truth.shape),
        np.bincount(ring.ravel(), minlength=last + 1)[1 : last + 1].astype(np.int64),
        np.stack([_ring_sums(ring, last, part) for part in parts]),
        gain=gain,
    )


def transfer_gain(truth: NDArray[Any], image: NDArray[Any]) -> float | None:
    """Return the gain that makes an image's transfer 1 at the lowest frequencies, its mean among them.

    A modulation transfer function is 1 at frequency 0. A gain fitted to all pixels is not that scale:
    noise and blur lower it. None where the two images, (H, W), hardly share their lowest frequencies
    (correlation below `LEAST_COMMON`): a steep phase ramp has moved them away.
    """
    low, other = _lowest_frequencies(truth), _lowest_frequencies(image)
    cross = float(np.vdot(low, other).real)
    power1, power2 = (float(np.vdot(each, each).real) for each in (low, other))
    return power1 / cross if cross > LEAST_COMMON * np.sqrt(power1 * power2) else None


def _lowest_frequencies(values: NDArray[Any]) -> NDArray[np.complex128]:
    """Spectrum at -1, 0 and 1 cycles per side, (3, 3), through the window; the mean is not removed."""
    waves = (np.exp(-2j * np.pi * np.outer([-1, 0, 1], np.arange(side) / side)) for side in values.shape)
    rows, columns = waves
    return np.asarray(rows @ (values * hann_window(values.shape)) @ columns.T)


def filled(values: NDArray[Any], inside: Mask) -> NDArray[Any]:
    """Continue an image outside its mask so that the mask's edge adds nothing to a spectrum.

    Outside, the image is the Gaussian-weighted mean of its own nearby mask pixels, which
    fades into its mean over the mask. A hard edge, even one filled with the mean, carries the
    images' common coarse structure into every ring: with holes of 7 px over 9 % of the area
    two images that share nothing above 0.13 cycles/px would correlate by 0.3 up to Nyquist.
    Image and mask are (H, W); pixels outside the mask may hold anything.
    """
    if inside.all():
        return values
    mean = values[inside].mean()
    known = np.where(inside, values - mean, 0.0)
    near = _blurred(inside.astype(np.float64))
    total = _blurred(known.real) + (1j * _blurred(known.imag) if np.iscomplexobj(known) else 0.0)
    return np.asarray(mean + np.where(inside, known, total / (near + FADE_BELOW)))


def hann_window(shape: tuple[int, ...]) -> NDArray[np.float64]:
    """The separable Hann window of an image, (H, W), above 0 in every pixel."""
    rows, cols = (np.hanning(side + 2)[1:-1] for side in shape)
    return np.outer(rows, cols)


def _check_pair(truth: NDArray[Any], image: NDArray[Any]) -> None:
    if truth.shape != image.shape or truth.ndim != 2 or min(truth.shape) < 2:
        raise ScoringError(f"two images of one shape are correlated, not {truth.shape} and {image.shape}")
    check_grid(np.ones(truth.shape, dtype=np.bool_), truth=truth, image=image)
    for name, values in (("truth", truth), ("image", image)):
        if np.all(values == values.flat[0]):
            raise ScoringError(f"{name} is constant ({values.flat[0]:.6g}): there is nothing to correlate")


def windowed_spectrum(
    values: NDArray[Any], weight: NDArray[np.float64], *, subtract_mean: bool = True
) -> NDArray[np.complex128]:
    """Spectrum of an image (H, W) times a window (H, W), its weighted mean removed."""
    mean = np.sum(values * weight) / np.sum(weight) if subtract_mean else 0.0
    return np.asarray(scipy.fft.fft2((values - mean) * weight), dtype=np.complex128)


def ring_numbers(shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Ring of each Fourier pixel of an image (H, W): |f| max(H, W), rounded.

    Pixels beyond Nyquist get a number above that of the last ring.
    """
    radius = np.hypot(np.fft.fftfreq(shape[0])[:, np.newaxis], np.fft.fftfreq(shape[1]))
    # halves up: rounding them to even would take them from every other ring
    number = np.floor(radius * max(shape) + 0.5)
    return np.where(radius > NYQUIST, max(shape), number).astype(np.int64)


def _ring_sums(ring: NDArray[np.int64], last: int, values: NDArray[np.float64]) -> NDArray[np.float64]:
    sums = np.bincount(ring.ravel(), weights=values.ravel(), minlength=last + 1)
    return np.asarray(sums[1 : last + 1], dtype=np.float64)


def _blurred(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(scipy.ndimage.gaussian_filter(values, FILL_SIGMA_PX, mode="constant"))
