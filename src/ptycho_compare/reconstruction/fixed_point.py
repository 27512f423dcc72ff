"""Fixed-point sums: patches are rounded so that adding them up is exact, in any order and grouping.

A float64 holds every whole multiple of a power of two q up to 2**53 q, so that sums of such multiples are
not rounded as long as none leaves that range. Patches are multiples of q after `FixedPoint.rounded`, and
none is larger than ``limit``. At most W of them lie on one pixel, and ``W * limit <= 2**53 q``: whichever
of them are added, in whatever order and in however many parts, each sum is a multiple of q within the
range, hence exact. A canvas that is computed in parts, anywhere, has therefore the bits of the whole one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_MANTISSA = 53
_STEPS = 30
"""A step is 2**-30 of the scale: a float32 of that size has steps of 2**-24."""
_HEADROOM = 12
"""Patches up to 2**12 times the scale are held in any case."""


@dataclass(frozen=True)
class FixedPoint:
    """How the patches of one stream are rounded.

    Attributes
    ----------
    step : float
        q, a power of two: real and imaginary parts become multiples of it.
    limit : float
        Larger parts are cut off there, by sign.
    """

    step: float
    limit: float

    @classmethod
    def fitting(cls, largest: float, overlap: int) -> FixedPoint:
        """Choose the step and the limit of a stream.

        Parameters
        ----------
        largest : float
            Modulus that its patches have as a rule; the scale is the next power of two, 1 for zero.
        overlap : int
            W, the most patches that lie on one pixel.
        """
        scale = math.frexp(largest)[1] if largest > 0 else 0
        spread = max(overlap - 1, 0).bit_length()  # overlap <= 2**spread
        step = scale + max(-_STEPS, spread + _HEADROOM - _MANTISSA)
        return cls(math.ldexp(1.0, step), math.ldexp(1.0, step + _MANTISSA - spread))

    def rounded(self, patches: NDArray[np.complexfloating]) -> NDArray[np.complex128]:
        """Round patches; a part that is not finite becomes NaN, whose sums are NaN in any order."""
        rounded = patches.astype(np.complex128, order="C")
        parts = rounded.view(np.float64)
        parts /= self.step  # a power of two: exact
        np.rint(parts, out=parts)
        parts *= self.step
        if not np.abs(parts).max(initial=0.0) <= self.limit:
            parts[~np.isfinite(parts)] = np.nan
            np.clip(parts, -self.limit, self.limit, out=parts)
        return rounded


def most_on_a_pixel(centres: NDArray[np.float64], *, crop_px: int) -> int:
    """Count the patches on the pixel that most of them reach.

    Parameters
    ----------
    centres : ndarray, (n, 2), float64
        x, y in px, where `Canvas.add` would lay them.
    crop_px : int
        M, side of what is laid down.
    """
    if not len(centres):
        return 0
    corners = np.rint(centres).astype(int)[:, ::-1]
    corners -= corners.min(axis=0)
    # each patch by its four corners; the sums along both axes fill it
    count = np.zeros(corners.max(axis=0) + crop_px + 1, np.int32)
    for row, column, value in ((0, 0, 1), (crop_px, 0, -1), (0, crop_px, -1), (crop_px, crop_px, 1)):
        np.add.at(count, (corners[:, 0] + row, corners[:, 1] + column), value)
    for axis in (0, 1):
        np.cumsum(count, axis=axis, out=count)
    return int(count.max())
