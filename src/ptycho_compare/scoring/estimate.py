"""A score with its uncertainty: a number, and the block sums it can be drawn again from.

Errors of neighbouring pixels are alike, so pixels are not the sample: blocks of them are.
Drawing blocks with replacement and scoring each draw gives an interval [1]_. All arms are
drawn with the same blocks, so that the interval of a difference is that of the difference
itself, not of two numbers that happen to stand side by side.

References
----------
.. [1] H. R. Kuensch, Ann. Statist. 17, 1217-1241 (1989), doi:10.1214/aos/1176347265
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.scoring.mask import Mask, bounding_box

Vector = NDArray[np.float64]

LEAST_BLOCK_PX = 16
"""Half more than the window of SSIM, whose values within one window are not independent."""

WANTED_BLOCKS = 200
LEAST_BLOCKS = 8
"""Below this number of blocks no interval is given: it would be a guess."""


@dataclass(frozen=True)
class Resampling:
    """How often blocks are drawn again.

    Attributes
    ----------
    draws : int
        Replicates; 0 gives no intervals.
    block_px : int or None
        Side of a block; None chooses about 200 blocks, of at least 16 px.
    level : float
        Part of the replicates inside an interval.
    seed : int
    """

    draws: int = 1000
    block_px: int | None = None
    level: float = 0.95
    seed: int = 0


@dataclass(frozen=True)
class Interval:
    """Ends of a percentile interval."""

    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Blocks:
    """A mask's box cut into squares.

    Attributes
    ----------
    labels : ndarray, (h, w), int64
        Number of the block of each pixel of the box.
    count : int
    side_px : int
    """

    labels: NDArray[np.int64]
    count: int
    side_px: int

    @classmethod
    def of(cls, mask: Mask, side_px: int | None = None) -> Blocks:
        """Cut the box of a mask (H, W); blocks at its edge may be smaller."""
        if side_px is None:
            side_px = max(LEAST_BLOCK_PX, round(float(np.sqrt(mask.sum() / WANTED_BLOCKS))))
        height, width = mask[bounding_box(mask)].shape
        across = -(-width // side_px)
        labels = (np.arange(height) // side_px)[:, np.newaxis] * across + np.arange(width) // side_px
        return cls(labels, int(labels[-1, -1]) + 1, side_px)

    def sums(self, values: NDArray[Any], counted: Mask, *, level: int = 0) -> Vector:
        """Sum values (h, w) over the counted pixels of each block, (B,).

        Pixels of a coarser `level` are 2^level px wide; each belongs to the block of its corner.
        """
        labels = self.labels[:: 1 << level, :: 1 << level][: counted.shape[0], : counted.shape[1]]
        found = np.bincount(labels[counted], weights=values[counted], minlength=self.count)
        return np.asarray(found, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Estimate:
    """One number and what it takes to draw it again.

    Attributes
    ----------
    value : float
    sums : ndarray, (B, K), float64
        K sums over each of B blocks.
    combine : callable
        Sums (R, K) of R draws to numbers (R,).
    independent : int
        How many blocks are worth as much as the whole; where blocks overlap, fewer than B.
    limits : tuple of float
        The range of the number.
    """

    value: float
    sums: Vector
    combine: Callable[[Vector], Vector]
    independent: int
    limits: tuple[float, float] = (-np.inf, np.inf)

    def replicates(self, draws: Draws) -> Vector | None:
        """Draw the number again, (draws,); None where there are too few blocks to draw from.

        Where the blocks are seen through another window than the whole, the two numbers differ;
        the draws are moved by that difference.
        """
        if self.independent < LEAST_BLOCKS or draws.how.draws == 0 or not np.isfinite(self.value):
            return None
        drawn = self.combine(draws.times(len(self.sums), self.independent) @ self.sums)
        offset = self.value - self.combine(self.sums.sum(axis=0)[np.newaxis])[0]
        return np.asarray(np.clip(drawn + offset, *self.limits))


class Draws:
    """How often each block is drawn: the same for every number and every arm with as many blocks."""

    def __init__(self, how: Resampling) -> None:
        self.how = how
        self._drawn: dict[tuple[int, int], Vector] = {}

    def times(self, blocks: int, independent: int) -> Vector:
        """Return how often each of B blocks is drawn, (draws, B)."""
        if (blocks, independent) not in self._drawn:
            generator = np.random.default_rng(self.how.seed)
            counts = generator.multinomial(independent, np.full(blocks, 1 / blocks), size=self.how.draws)
            self._drawn[blocks, independent] = counts.astype(np.float64)
        return self._drawn[blocks, independent]


def ratio_estimate(top: Vector, bottom: Vector, labels: NDArray[np.int64]) -> Estimate:
    """Return sum(top) / sum(bottom) with its uncertainty.

    Parameters
    ----------
    top, bottom : ndarray, (m,), float64
    labels : ndarray, (m,), int64
        Which of them belong together and are drawn together.
    """
    groups = np.unique(labels, return_inverse=True)[1]
    sums: Vector = np.stack(
        [np.bincount(groups, weights=each).astype(np.float64) for each in (top, bottom)], axis=1
    )
    total = sums.sum(axis=0)
    return Estimate(float(total[0] / total[1]), sums, lambda drawn: drawn[:, 0] / drawn[:, 1], len(sums))


def interval(replicates: Vector | None, level: float) -> Interval | None:
    """Return the central part of some replicates; None where there are none, or not all are numbers."""
    if replicates is None or not np.isfinite(replicates).all():
        return None
    low, high = np.quantile(replicates, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))
