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

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.scoring.metrics.cutoff import NYQUIST, Criterion, Cutoff, cut
from ptycho_compare.scoring.metrics.estimate import Estimate, Vector
from ptycho_compare.scoring.metrics.frc import hann_window, ring_numbers, windowed_spectrum
from ptycho_compare.scoring.metrics.ring_curve import (
    RingCurve,
    above_half,
    normalised,
    smooth_rings,
    transferred,
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
        patch_row, patch_column = ((line * turned)[kept] // side for line in (row, column))
        # one number for a patch: sorting pairs costs ten times as much
        labels = np.unique(patch_row * max(shape) + patch_column, return_inverse=True)[1]
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

    def curve(self, sums: Vector, *, gain: float | None = 1.0) -> RingCurve:
        """Return the curve of two images, from their sums; `ring_correlation` gives the same."""
        whole = sums.sum(axis=0).reshape(3, -1)
        frequency = np.arange(1, len(self.pixels) + 1) / max(self.kept.shape)
        return RingCurve.of_sums(frequency, self.pixels, whole, gain=gain)


@dataclass(frozen=True, eq=False)
class CurveEstimate:
    """A curve with the sums it can be drawn again from: what is read from it, with uncertainty.

    Attributes
    ----------
    curve : RingCurve
        Smoothed by `sigma`.
    sums : ndarray, (B, 3 R), float64
        Of `Patches.sums`.
    sigma : float
        Smoothing, rings.
    gain : float or None
        Scale of the transfer; held in all draws, as is every gauge.
    """

    curve: RingCurve
    sums: Vector
    sigma: float = 0.0
    gain: float | None = 1.0

    def cutoff(self, criterion: Criterion) -> Estimate:
        """The cut-off of the correlation; beyond Nyquist counts as Nyquist."""
        threshold = self.curve.threshold(criterion)
        return self._read(
            self.curve.cutoff(criterion),
            self.curve.counts,
            lambda drawn: self._correlations(drawn) - threshold,
        )

    def transfer_cutoff(self) -> Estimate | None:
        """Where the transfer falls to a half; None without a transfer.

        Where it is above a half as far as it is measured, that end is the noise's, and a bound.
        """
        cutoff = self.curve.transfer_cutoff()
        if cutoff is None:
            return None
        found = self._read(
            cutoff,
            self.curve.transfer_counts,
            lambda drawn: above_half(self._transfers(drawn)),
            end=self.curve.transfer_end,
        )
        return replace(found, bound=cutoff.beyond_measured)

    def area(self) -> Estimate:
        """The area under the correlation."""
        known = np.isfinite(self.curve.correlation)

        def areas(drawn: Vector) -> Vector:
            found = self._correlations(drawn)[:, known]
            return np.asarray(found.mean(axis=1) if known.any() else np.zeros(len(drawn)))

        return self._estimate(self.curve.area, areas, -1.0, 1.0)

    def _read(
        self,
        cutoff: Cutoff,
        counts: NDArray[np.bool_],
        above: Callable[[Vector], Vector],
        *,
        end: float = NYQUIST,
    ) -> Estimate:
        frequency, pixels = self.curve.frequency[counts], self.curve.pixels[counts]
        return self._estimate(
            cutoff.read,
            lambda drawn: cut(frequency, self.curve.judged(above(drawn))[:, counts], pixels, end=end),
            0.0,
            end,
        )

    def _estimate(self, value: float, of: Callable[[Vector], Vector], low: float, high: float) -> Estimate:
        return Estimate(value, self.sums, of, len(self.sums), (low, high))

    def _correlations(self, drawn: Vector) -> Vector:
        return self._smooth(normalised(drawn.reshape(len(drawn), 3, -1)))

    def _transfers(self, drawn: Vector) -> Vector:
        found = transferred(drawn.reshape(len(drawn), 3, -1), self.gain or 1.0)
        return self._smooth(np.where(self.curve.transfer_counts, found, np.nan))

    def _smooth(self, curves: Vector) -> Vector:
        return smooth_rings(curves, self.sigma) if self.sigma > 0 else curves
