"""The frequency up to which a curve over rings stands above a threshold: the rule of every cut-off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

NYQUIST = 0.5
"""Highest frequency of a pixel grid, cycles/px."""

Criterion = float | Literal["half_bit"]
"""A constant threshold, or the half-bit curve."""

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Cutoff:
    """Up to where a curve stands above a threshold, cycles/px.

    Attributes
    ----------
    criterion : float or "half_bit"
    frequency : float or None
        The cut-off of record (`agreeing_rings`), between rings by linear interpolation; the first
        ring that counts where the curve is below from there on; None where it is beyond Nyquist.
    period_px : float or None
        1 / frequency: the full period, in px.
    beyond_nyquist : bool
        No cut-off up to Nyquist.
    beyond_measured : bool
        The curve is above up to `frequency`, and is not measured further.
    below_first_ring : bool
        The cut-off is at the first ring that counts or at a lower frequency, which no ring shows.
    first_crossing, last_crossing : float or None
        First and last fall below the threshold, None if there is none. Between the first and the
        cut-off of record the curve dips; up to the last it recovers for a while.
    """

    criterion: Criterion
    frequency: float | None
    period_px: float | None
    beyond_nyquist: bool
    beyond_measured: bool
    below_first_ring: bool
    first_crossing: float | None
    last_crossing: float | None

    @classmethod
    def of(
        cls,
        criterion: Criterion,
        frequency: Vector,
        above: Vector,
        pixels: NDArray[np.int64],
        *,
        end: float = NYQUIST,
    ) -> Cutoff:
        """Read a curve minus its threshold on the rings that count, (R,); `end` is as far as it is known."""
        falls = crossings(frequency, above)
        falls = falls[np.isfinite(falls)]
        kept = int(agreeing_rings(above, pixels))
        found = float(cut(frequency, above, pixels, end=end))
        all_kept = kept == len(frequency)
        beyond = all_kept and end == NYQUIST
        return cls(
            criterion,
            frequency=None if beyond else found,
            period_px=None if beyond else 1.0 / found,
            beyond_nyquist=beyond,
            beyond_measured=all_kept and not beyond,
            below_first_ring=kept == 0 and not all_kept,
            first_crossing=float(falls[0]) if falls.size else None,
            last_crossing=float(falls[-1]) if falls.size else None,
        )

    @property
    def read(self) -> float:
        """The cut-off as a number: Nyquist where it is beyond."""
        return NYQUIST if self.frequency is None else self.frequency

    @property
    def dip(self) -> float | None:
        """The first crossing where it is below that of record."""
        first = self.first_crossing
        return None if first is None or first >= self.read else first

    @property
    def end(self) -> str:
        """Which end stands in place of a cut-off; empty where there is one."""
        ends = {
            "beyond Nyquist": self.beyond_nyquist,
            "above as far as it is measured": self.beyond_measured,
            "below the first ring": self.below_first_ring,
        }
        return next((end for end, holds in ends.items() if holds), "")

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be said of it: an end in place of a cut-off, and a dip."""
        dip = "" if self.dip is None else f"dips at {self.dip:.4f} cycles/px"
        return tuple(said for said in (self.end, dip) if said)


def agreeing_rings(above: Vector, pixels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many rings curves (..., R) stand above a threshold, all in all.

    The number k of rings whose sum of `pixels` times `above`, the curve minus the threshold, is the
    greatest; of equal sums the last. It is the level set of the falling curve that fits best (isotonic
    regression [1]_), so that it ends at a true crossing: that one of all crossings which separates what
    is above from what is below best, counted in Fourier pixels. A slow error makes a curve dip on the
    lowest rings, which hold a handful of pixels, and chance lifts it at high frequency; neither decides.

    The first crossing, which is usual [2]_, is at a dip's mercy. PtychoShelves gives the first and the
    last and ignores crossings below 0.02 to 0.05 of Nyquist; here both stand beside the one of record.

    References
    ----------
    .. [1] Robertson, Wright & Dykstra, Order Restricted Statistical Inference, Wiley (1988), chapter 1
    .. [2] van Heel & Schatz, J. Struct. Biol. 151, 250-262 (2005), doi:10.1016/j.jsb.2005.05.009
    """
    total = np.zeros((*above.shape[:-1], above.shape[-1] + 1))
    np.cumsum(above * pixels, axis=-1, out=total[..., 1:])
    return np.asarray(above.shape[-1] - np.argmax(total[..., ::-1], axis=-1))


def cut(frequency: Vector, above: Vector, pixels: NDArray[np.int64], *, end: float = NYQUIST) -> Vector:
    """Return the cut-offs of record of curves (..., R): `end` where beyond, at least the first ring."""
    kept = agreeing_rings(above, pixels)
    last = len(frequency) - 1
    if last < 0:
        return np.full(kept.shape, end)
    left, right = np.clip(kept - 1, 0, last), np.clip(kept, 0, last)
    # 0 but for rounding where it is not above
    high = np.maximum(np.take_along_axis(above, left[..., np.newaxis], -1)[..., 0], 0.0)
    low = np.take_along_axis(above, right[..., np.newaxis], -1)[..., 0]
    inside = (kept > 0) & (kept <= last)
    part = np.divide(high, high - low, out=np.zeros(kept.shape), where=inside)
    found = frequency[left] + part * (frequency[right] - frequency[left])
    return np.where(kept > last, end, found)


def crossings(frequency: Vector, above: Vector) -> Vector:
    """Return where a curve (R,) goes from 0 or above to below 0, at the ring that ends each fall; else NaN.

    Between rings by linear interpolation; a curve that starts below falls at its first ring.
    """
    below = above < 0
    falls = np.full(above.shape, np.nan)
    falls[:1][below[:1]] = frequency[:1][below[:1]]
    high, low = above[:-1], above[1:]
    part = np.divide(high, high - low, out=np.full(low.shape, np.nan), where=below[1:] & ~below[:-1])
    falls[1:] = frequency[:-1] + part * np.diff(frequency)
    return falls
