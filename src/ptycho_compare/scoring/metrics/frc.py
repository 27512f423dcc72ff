"""Fourier ring correlation: up to which spatial frequency two images agree.

Owns the ring curve and its cut-off. Does not align or fix the gauge: give it a pair that
`gauge` has prepared. `filled` brings a masked image into the form it needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import scipy
from numpy.typing import NDArray

from ptycho_compare.errors import ScoringError
from ptycho_compare.scoring.mask import Mask, check_grid

NYQUIST = 0.5
"""Highest frequency of a pixel grid, cycles/px."""

Criterion = float | Literal["half_bit"]
"""A constant threshold, or the half-bit curve."""

IGNORED_BELOW = 0.02 * NYQUIST
"""Rings below this frequency never set a cut-off: a slow error of the phase crosses there
and says nothing about resolution."""

SILENT_BELOW = 1e-26
"""A ring with less than this part of an image's power holds rounding, not signal."""

FILL_SIGMA_PX = 2.0
"""Reach of the continuation outside a mask: bridges the holes of a coverage mask."""

FADE_BELOW = 0.02
"""Share of mask pixels nearby at which the continuation is half faded into the mean."""


@dataclass(frozen=True)
class Cutoff:
    """The fall of a curve below a threshold.

    Attributes
    ----------
    criterion : float or "half_bit"
    frequency : float or None
        First crossing in cycles/px, between rings by linear interpolation; the first
        ring that counts if that one is already below; None when never crossed.
    period_px : float or None
        1 / frequency: the full period, in px.
    beyond_nyquist : bool
        True when the curve never falls below the threshold.
    last_crossing : float or None
        Last fall below the threshold, cycles/px. Above `frequency`, the curve recovered.
    """

    criterion: Criterion
    frequency: float | None
    period_px: float | None
    beyond_nyquist: bool
    last_crossing: float | None


@dataclass(frozen=True, eq=False)
class RingCurve:
    """A correlation per ring.

    Attributes
    ----------
    frequency : ndarray, (R,), float64
        Ring centres in cycles/px, rising, from above 0 to Nyquist 0.5.
    correlation : ndarray, (R,), float64
        In [-1, 1]; NaN where neither image has signal.
    pixels : ndarray, (R,), int64
        Fourier pixels per ring.
    """

    frequency: NDArray[np.float64]
    correlation: NDArray[np.float64]
    pixels: NDArray[np.int64]

    def threshold(self, criterion: Criterion) -> NDArray[np.float64]:
        """Threshold of each ring, (R,).

        Parameters
        ----------
        criterion : float or "half_bit"
            0.5 against a noise-free truth; it is the partner of 1/7 between half data sets.
            "half_bit": (0.2071 + 1.9102 / sqrt(n)) / (1.2071 + 0.9102 / sqrt(n)) for n pixels in
            the ring [1]_, for half data sets.

        References
        ----------
        .. [1] van Heel & Schatz, J. Struct. Biol. 151, 250-262 (2005), doi:10.1016/j.jsb.2005.05.009
        """
        if criterion == "half_bit":
            root = np.sqrt(self.pixels)
            return np.asarray((0.2071 + 1.9102 / root) / (1.2071 + 0.9102 / root))
        return np.full(len(self.frequency), float(criterion))

    def cutoff(self, criterion: Criterion) -> Cutoff:
        """Find where the curve falls below a threshold; for criteria see `threshold`."""
        counts = self.counts
        above = self.correlation[counts] - self.threshold(criterion)[counts]
        falls = crossings(self.frequency[counts], above)
        falls = falls[np.isfinite(falls)]
        if not falls.size:
            return Cutoff(criterion, None, None, beyond_nyquist=True, last_crossing=None)
        first, last = float(falls[0]), float(falls[-1])
        return Cutoff(criterion, first, 1.0 / first, beyond_nyquist=False, last_crossing=last)

    @property
    def counts(self) -> NDArray[np.bool_]:
        """True for rings that may set a cut-off, (R,)."""
        return np.isfinite(self.correlation) & (self.frequency >= IGNORED_BELOW)

    @property
    def area(self) -> float:
        """Mean correlation over all frequencies up to Nyquist, in [-1, 1]; rings without signal left out.

        It keeps falling when a cut-off no longer moves, and moves smoothly where a cut-off jumps.
        """
        known = np.isfinite(self.correlation)
        return float(self.correlation[known].mean()) if known.any() else 0.0

    def smoothed(self, sigma: float) -> RingCurve:
        """The curve smoothed along the rings by a Gaussian of `sigma` rings; 0 changes nothing.

        Rings without signal stay so and lend nothing to their neighbours.
        """
        if sigma == 0.0:
            return self
        return RingCurve(self.frequency, smooth_rings(self.correlation, sigma), self.pixels)


def ring_correlation(
    truth: NDArray[Any],
    image: NDArray[Any],
    *,
    window: Literal["hann"] | None = "hann",
    subtract_mean: bool = True,
) -> RingCurve:
    """Correlate two images ring by ring in Fourier space.

    For ring r, FRC(r) = sum Re(F1 conj(F2)) / sqrt(sum|F1|^2 sum|F2|^2) [1]_. The real part
    is used, not the modulus: it averages to zero for unrelated noise, while the modulus
    stays positive and flatters the result.

    Parameters
    ----------
    truth, image : ndarray, (H, W), float or complex
        Same pixel grid, gauge removed. Dimensionless.
    window : {"hann", None}
        Taper against the hard edge of the crop. None only for periodic images.
    subtract_mean : bool
        Remove the window-weighted mean. Zero frequency is left out of the rings anyway;
        this keeps the window from spreading the mean over the first of them.

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
    cross = _ring_sums(ring, last, (f1 * np.conj(f2)).real)
    power1 = _ring_sums(ring, last, np.abs(f1) ** 2)
    power2 = _ring_sums(ring, last, np.abs(f2) ** 2)
    return RingCurve(
        frequency=np.arange(1, last + 1) / max(truth.shape),
        correlation=normalised(cross, power1, power2),
        pixels=np.bincount(ring.ravel(), minlength=last + 1)[1 : last + 1].astype(np.int64),
    )


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


def normalised(
    cross: NDArray[np.float64], power1: NDArray[np.float64], power2: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Divide ring sums (..., R): 0 where one image alone is silent (no agreement), NaN where both are."""
    silent1, silent2 = (
        power <= SILENT_BELOW * power.sum(axis=-1, keepdims=True) for power in (power1, power2)
    )
    correlation = np.where(silent1 & silent2, np.nan, 0.0)
    np.divide(cross, np.sqrt(power1 * power2), out=correlation, where=~(silent1 | silent2))
    return np.clip(correlation, -1.0, 1.0)


def smooth_rings(correlation: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    """Smooth curves (..., R) along the rings, as `RingCurve.smoothed` does; sigma above 0."""
    known = np.isfinite(correlation)
    total = scipy.ndimage.gaussian_filter1d(np.where(known, correlation, 0.0), sigma, mode="nearest")
    weight = scipy.ndimage.gaussian_filter1d(known.astype(np.float64), sigma, mode="nearest")
    smooth = np.full(known.shape, np.nan)
    np.divide(total, weight, out=smooth, where=known)
    return smooth


def crossings(frequency: NDArray[np.float64], above: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return where curves (..., R) go from 0 or above to below 0, at the ring that ends each fall; else NaN.

    Between rings by linear interpolation; a curve that starts below falls at its first ring.
    """
    below = above < 0
    falls = np.full(above.shape, np.nan)
    falls[..., :1][below[..., :1]] = frequency[0] if frequency.size else np.nan
    high, low = above[..., :-1], above[..., 1:]
    part = np.divide(
        high, high - low, out=np.full(low.shape, np.nan), where=below[..., 1:] & ~below[..., :-1]
    )
    np.copyto(falls[..., 1:], frequency[:-1] + part * np.diff(frequency))
    return falls


def _blurred(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(scipy.ndimage.gaussian_filter(values, FILL_SIGMA_PX, mode="constant"))
