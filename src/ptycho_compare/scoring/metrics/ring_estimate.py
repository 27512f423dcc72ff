"""Uncertainty of a ring correlation: the same curve, its Fourier pixels weighed again.

A ring is a sum over Fourier pixels, and the errors of those are alike only between close
neighbours, as far as the window smears them. So patches of the Fourier plane are drawn as
blocks of an image are, and each draw is a curve on the same rings, read by the same rule [1]_.
A pixel and its mirror image at -k are in one patch: of a real image they are one number.

References
----------
.. [1] E. Paparoditis and D. N. Politis, J. Time Ser. Anal. 20, 193-222 (1999), doi:10.1111/1467-9892.00133
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.scoring.metrics.estimate import Estimate, Vector
from ptycho_compare.scoring.metrics.frc import (
    NYQUIST,
    Criterion,
    RingCurve,
    crossings,
    hann_window,
    normalised,
    ring_numbers,
    smooth_rings,
    windowed_spectrum,
)

LEAST_PATCH = 4
"""Side of a patch in Fourier pixels: a Hann window makes neighbours at 1 and 2 pixels alike."""

MOST_PATCHES = 2000
"""In half a Fourier plane; more would cost time and memory and tell nothing."""


@dataclass(frozen=True, eq=False)
class Patches:
    """The Fourier plane of an image (h, w), cut into patches.

    Attributes
    ----------
    kept : ndarray, (h, w), bool
        Fourier pixels on a ring.
    rings : ndarray, (P,), int64
        Ring of each kept pixel, from 0.
    labels : ndarray, (P,), int64
        Patch of each kept pixel.
    pixels : ndarray, (R,), int64
        Fourier pixels on each ring.
    """

    kept: NDArray[np.bool_]
    rings: NDArray[np.int64]
    labels: NDArray[np.int64]
    pixels: NDArray[np.int64]

    @classmethod
    def of(cls, shape: tuple[int, ...]) -> Patches:
        """Cut the Fourier plane of images of a shape."""
        number = ring_numbers(shape)
        kept = (number >= 1) & (number <= max(shape) // 2)
        rings = number[kept] - 1
        side = max(LEAST_PATCH, int(np.ceil(np.sqrt(kept.sum() / 2 / MOST_PATCHES))))
        rows, columns = (np.rint(np.fft.fftfreq(length) * length).astype(np.int64) for length in shape)
        row, column = np.broadcast_arrays(rows[:, np.newaxis], columns)
        turned = np.where((row < 0) | ((row == 0) & (column < 0)), -1, 1)
        patch = np.stack([(row * turned)[kept] // side, (column * turned)[kept] // side])
        labels = np.unique(patch, axis=1, return_inverse=True)[1].ravel()
        return cls(kept, rings, labels, np.bincount(rings, minlength=max(shape) // 2))

    def spectrum(self, values: NDArray[Any]) -> NDArray[np.complex128]:
        """Spectrum of a tapered image (h, w) on the rings, (P,)."""
        return windowed_spectrum(values, hann_window(values.shape))[self.kept]

    def sums(self, truth: NDArray[np.complex128], image: NDArray[np.complex128]) -> Vector:
        """Sum the cross spectrum and both powers of two spectra (P,) by patch and ring, (B, 3 R)."""
        place = self.labels * len(self.pixels) + self.rings
        size = (int(self.labels.max()) + 1, len(self.pixels))
        parts = ((truth * np.conj(image)).real, np.abs(truth) ** 2, np.abs(image) ** 2)
        return np.hstack([np.bincount(place, part, size[0] * size[1]).reshape(size) for part in parts])


def cutoff_estimate(curve: RingCurve, criterion: Criterion, sums: Vector, *, sigma: float = 0.0) -> Estimate:
    """Give a cut-off its uncertainty, by sums (B, 3 R) of `Patches.sums`; never crossed counts as Nyquist.

    `sigma` is the smoothing of the curve, in rings.
    """
    counts = curve.counts
    threshold = curve.threshold(criterion)[counts]

    def cutoffs(drawn: Vector) -> Vector:
        falls = crossings(curve.frequency[counts], _curves(drawn, sigma)[:, counts] - threshold)
        return np.asarray(np.fmin.reduce(falls, axis=1, initial=NYQUIST))

    cutoff = curve.cutoff(criterion)
    value = NYQUIST if cutoff.frequency is None else cutoff.frequency
    return Estimate(value, sums, cutoffs, len(sums), (0.0, NYQUIST))


def area_estimate(curve: RingCurve, sums: Vector, *, sigma: float = 0.0) -> Estimate:
    """Give the area under a curve its uncertainty; parameters as for `cutoff_estimate`."""
    known = np.isfinite(curve.correlation)

    def areas(drawn: Vector) -> Vector:
        return np.asarray(
            _curves(drawn, sigma)[:, known].mean(axis=1) if known.any() else np.zeros(len(drawn))
        )

    return Estimate(curve.area, sums, areas, len(sums), (-1.0, 1.0))


def _curves(drawn: Vector, sigma: float) -> Vector:
    curves = normalised(*np.split(drawn, 3, axis=1))
    return smooth_rings(curves, sigma) if sigma > 0 else curves
