"""Which numbers of a diffraction image were measured: one rule for every sum over a detector.

A bad pixel was not measured. It is left out of a sum; it is no measured zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class BadPixels:
    """What tells a bad detector pixel.

    Attributes
    ----------
    everywhere : ndarray, (N, N), bool
        True for a pixel, as stored, that is bad in all images.
    mark_from : float
        A stored number from here on marks a pixel as bad in its image.
    """

    everywhere: NDArray[np.bool_]
    mark_from: float = np.inf

    @classmethod
    def of(cls, mask: NDArray[np.bool_] | None, side: int, mark_from: float = np.inf) -> BadPixels:
        """Take a mask (N, N), True where bad, if there is one; `side` is N."""
        return cls(np.zeros((side, side), np.bool_) if mask is None else mask, mark_from)

    def joined(self, more: NDArray[np.bool_], mark_from: float = np.inf) -> BadPixels:
        """The same with more pixels (N, N) that are bad in all images, and lower marks."""
        return BadPixels(self.everywhere | more, min(self.mark_from, mark_from))

    def marked(self, raw: NDArray[Any]) -> NDArray[np.bool_] | None:
        """Find the numbers (b, N, N) that mark a pixel of their image; None where there are none.

        So does the largest number of a whole type of 16 bits or more: detectors write it into gaps and
        dead pixels, and where it is an overflow it is no count either.
        """
        limit = self.mark_from
        if raw.dtype.kind in "iu" and raw.dtype.itemsize > 1:
            limit = min(limit, np.iinfo(raw.dtype).max)
        if limit == np.inf:  # what is infinite, the survey tells
            return None
        found = np.asarray(raw >= limit)
        return found if found.any() else None

    def split(self, raw: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Tell measured numbers from others.

        Returns
        -------
        values : ndarray, (b, N, N), float32
            The numbers as stored, 0 in bad pixels; never a view of the input.
        good : ndarray, (b, N, N), bool
            True where they were measured; not to be written to.
        """
        with np.errstate(over="ignore"):  # it becomes infinite, which the survey reports
            values = raw.astype(np.float32)
        good = np.broadcast_to(~self.everywhere, raw.shape)
        marked = self.marked(raw)
        if marked is not None:
            good = good & ~marked
            values[marked] = 0
        if self.everywhere.any():
            values[:, self.everywhere] = 0
        return values, good

    def measured(self, raw: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Tell measured numbers from others as `split` does, and leave out what is not finite as well."""
        values, good = self.split(raw)
        finite = np.isfinite(values)
        if not finite.all():
            values[~finite] = 0
            good = good & finite
        return values, good
