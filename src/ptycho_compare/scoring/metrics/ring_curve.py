"""What two images share over rings of Fourier space: correlation, transfer, signal-to-noise ratio.

`frc` makes the curves, `cutoff` has the rule by which they are read.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy
from numpy.typing import NDArray

from ptycho_compare.scoring.metrics.cutoff import NYQUIST, Criterion, Cutoff, Vector

SILENT_BELOW = 1e-26
"""A ring with less than this part of an image's power holds rounding, not signal."""

DARK_BELOW = 0.01
"""A ring whose power per pixel is below this part of that of a ring further out is a gap in the
truth's spectrum, as between the peaks of a lattice: what an arm does there is not asked."""

LEAK = 2.0
"""Ten times the part of a ring's power, over d^6, that a Hann window lays on the ring d rings further out:
its transform falls as 1 / (pi d^3) along each axis. Below that a ring holds hardly anything of the
truth's own, and two smooth images agree there, because their edges do, by 0.6 up to Nyquist. The transfer
of a blur of 1 px leaves its curve by 0.1 there, and by 0.9 further out (smooth objects of 2 to 30 rad)."""

HALF = 0.5
"""Part of a transfer at which it is read."""

TRANSFER_ERROR = 0.25
"""Standard error above which a transfer is not measured: all of the signal and half of it are then less
than two of them apart."""

PIXELS_PER_VALUE = 8
"""Fourier pixels of a ring that are worth one independent value: two are one number of a real image, and
a Hann window makes four neighbours alike (the sum of its fourth power is 1.94 times that of a flat one, on
each axis)."""


@dataclass(frozen=True, eq=False)
class RingCurve:
    """What two images share, ring by ring.

    Attributes
    ----------
    frequency : ndarray, (R,), float64
        Ring centres in cycles/px, rising, up to Nyquist 0.5.
    correlation : ndarray, (R,), float64
        In [-1, 1]; NaN where neither image has signal.
    pixels : ndarray, (R,), int64
        Fourier pixels per ring.
    transfer : ndarray, (R,), float64, or None
        The part of the truth's signal that the image holds: 1 is all of it, a blur has less. NaN where
        noise hides it (`TRANSFER_ERROR`). None where the image's scale is not known.
    dark : ndarray, (R,), bool, or None
        Gaps in the truth's spectrum (`DARK_BELOW`): they set no cut-off. None is no gap.
    ended : ndarray, (R,), bool, or None
        Beyond the end of the truth's spectrum (`LEAK`): what falls there stays fallen, and agreement
        makes up for nothing. None is no end.
    """

    frequency: NDArray[np.float64]
    correlation: NDArray[np.float64]
    pixels: NDArray[np.int64]
    transfer: NDArray[np.float64] | None = None
    dark: NDArray[np.bool_] | None = None
    ended: NDArray[np.bool_] | None = None

    @classmethod
    def of_sums(
        cls,
        frequency: NDArray[np.float64],
        pixels: NDArray[np.int64],
        sums: Vector,
        *,
        gain: float | None = 1.0,
    ) -> RingCurve:
        """Curves from sums over rings, (3, R): of Re t* a, of abs(t)^2 and of abs(a)^2.

        `gain` is the image's scale of its transfer, None where there is none.
        """
        transfer = None
        if gain is not None:
            transfer = np.where(_measured(sums, pixels, gain), transferred(sums, gain), np.nan)
        return cls(frequency, normalised(sums), pixels, transfer, *_dark_and_ended(sums[1], pixels))

    @property
    def counts(self) -> NDArray[np.bool_]:
        """True for rings that may set a cut-off, (R,): not the mean, not a gap, not without signal."""
        counts = np.isfinite(self.correlation) & (self.frequency > 0)
        return counts if self.dark is None else counts & ~self.dark

    @property
    def area(self) -> float:
        """Mean correlation over all frequencies up to Nyquist, in [-1, 1]; rings without signal left out.

        It keeps falling when a cut-off no longer moves, and moves smoothly where a cut-off jumps.
        """
        known = np.isfinite(self.correlation)
        return float(self.correlation[known].mean()) if known.any() else 0.0

    @property
    def spectral_snr(self) -> NDArray[np.float64]:
        """Spectral signal-to-noise ratio of the whole data, (R,), where this curve is of two halves.

        2 F / (1 - F) for a correlation F [1]_: of all the data, which hold twice the signal to noise of
        a half. Not below 0, infinite where the halves are equal, 1 where F is 1/3.

        References
        ----------
        .. [1] P. A. Penczek, Methods Enzymol. 482, 73-100 (2010), doi:10.1016/S0076-6879(10)82003-8
        """
        held = np.maximum(self.correlation, 0.0)
        with np.errstate(divide="ignore"):
            return np.asarray(2 * held / (1 - held))

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
        """Find up to where the correlation stands above a threshold; for criteria see `threshold`."""
        return self._read(criterion, self.correlation - self.threshold(criterion))

    def transfer_cutoff(self) -> Cutoff | None:
        """Find up to where at least half the truth's signal is transferred; None where no ring tells."""
        if self.transfer is None or not self.transfer_counts.any():
            return None
        return self._read(HALF, above_half(self.transfer), end=self.transfer_end)

    @property
    def transfer_counts(self) -> NDArray[np.bool_]:
        """True for rings that may set a cut-off of the transfer, (R,)."""
        return self.counts & np.isfinite(np.nan if self.transfer is None else self.transfer)

    @property
    def transfer_end(self) -> float:
        """Highest frequency at which the transfer is measured, cycles/px."""
        counts = self.transfer_counts
        return NYQUIST if counts[-1] else float(self.frequency[counts][-1])

    def smoothed(self, sigma: float) -> RingCurve:
        """The curve smoothed along the rings by a Gaussian of `sigma` rings; 0 changes nothing.

        Rings without signal stay so and lend nothing to their neighbours.
        """
        if sigma == 0.0:
            return self
        transfer = None if self.transfer is None else smooth_rings(self.transfer, sigma)
        return replace(self, correlation=smooth_rings(self.correlation, sigma), transfer=transfer)

    def judged(self, above: Vector) -> Vector:
        """Curves on these rings minus their threshold, (..., R), as far as they tell of the truth."""
        return above if self.ended is None else np.where(self.ended, np.minimum(above, 0.0), above)

    def _read(self, criterion: Criterion, above: Vector, *, end: float = NYQUIST) -> Cutoff:
        counts = self.counts & np.isfinite(above)
        return Cutoff.of(
            criterion, self.frequency[counts], self.judged(above)[counts], self.pixels[counts], end=end
        )


def normalised(sums: Vector) -> Vector:
    """Correlations (..., R) from ring sums (..., 3, R).

    0 where one image alone is silent (no agreement), NaN where both are.
    """
    cross, power1, power2 = np.moveaxis(sums, -2, 0)
    silent1, silent2 = _silent(power1), _silent(power2)
    correlation = np.where(silent1 & silent2, np.nan, 0.0)
    np.divide(cross, np.sqrt(power1 * power2), out=correlation, where=~(silent1 | silent2))
    return np.clip(correlation, -1.0, 1.0)


def transferred(sums: Vector, gain: float) -> Vector:
    """Transfers (..., R) from ring sums (..., 3, R); NaN where the truth is silent."""
    cross, power, _ = np.moveaxis(sums, -2, 0)
    transfer = np.full(cross.shape, np.nan)
    np.divide(gain * cross, power, out=transfer, where=~_silent(power))
    return transfer


def above_half(transfer: Vector) -> Vector:
    """Transfers (..., R) minus a half, each kept in [-1, 1] first: no excess makes up for a loss."""
    return np.clip(transfer, -1.0, 1.0) - HALF


def smooth_rings(curve: Vector, sigma: float) -> Vector:
    """Smooth curves (..., R) along the rings, as `RingCurve.smoothed` does; sigma above 0."""
    known = np.isfinite(curve)
    total = scipy.ndimage.gaussian_filter1d(np.where(known, curve, 0.0), sigma, mode="nearest")
    weight = scipy.ndimage.gaussian_filter1d(known.astype(np.float64), sigma, mode="nearest")
    smooth = np.full(known.shape, np.nan)
    np.divide(total, weight, out=smooth, where=known)
    return smooth


def _silent(power: Vector) -> NDArray[np.bool_]:
    return np.asarray(power <= SILENT_BELOW * power.sum(axis=-1, keepdims=True))


def _measured(sums: Vector, pixels: NDArray[np.int64], gain: float) -> NDArray[np.bool_]:
    """Tell where the transfer's standard error, by what the truth does not explain, is small enough."""
    cross, power1, power2 = sums
    explained = np.divide(cross**2, power1, out=np.zeros(cross.shape), where=power1 > 0)
    unexplained = np.maximum(power2 - explained, 0.0)
    return np.asarray(gain**2 * unexplained * PIXELS_PER_VALUE <= TRANSFER_ERROR**2 * power1 * pixels)


def _dark_and_ended(power: Vector, pixels: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Tell in which rings the truth, of this power, has nothing of its own: its gaps, and beyond its end."""
    greatest_beyond = np.maximum.accumulate((power / pixels)[::-1])[::-1]
    distance = np.arange(2.0, max(len(power), 2))
    leaked = power < LEAK * np.convolve(power, [0.0, 0.0, *distance**-6.0])[: len(power)]
    ended = np.logical_and.accumulate(leaked[::-1])[::-1]
    return (leaked & ~ended) | (power / pixels < DARK_BELOW * greatest_beyond), ended
