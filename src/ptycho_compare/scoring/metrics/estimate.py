"""A score with its uncertainty: a number, and the block sums it can be drawn again from.

Errors of neighbouring pixels are alike, so pixels are not the sample: blocks of them are
[1]_. Weighing blocks at random and scoring each draw gives an interval [2]_, made a little
wider where blocks are few [3]_. All arms are drawn with the same weights, so that the
interval of a difference is that of the difference itself, not of two numbers that happen
to stand side by side.

References
----------
.. [1] H. R. Kuensch, Ann. Statist. 17, 1217-1241 (1989), doi:10.1214/aos/1176347265
.. [2] D. B. Rubin, Ann. Statist. 9, 130-134 (1981), doi:10.1214/aos/1176345338
.. [3] T. C. Hesterberg, Am. Stat. 69, 371-386 (2015), doi:10.1080/00031305.2015.1089789
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from ptycho_compare.scoring.mask import Mask, bounding_box

Vector = NDArray[np.float64]

BLOCK_PX = (16, 80)
"""Least and largest side of a block that is chosen, px. A window of SSIM (11 px) must fit into the
least. Blocks that are not many times as wide as errors are alike make an interval too narrow: blocks
of 16 px by 40 % for noise blurred by 6 px, those of 45 to 80 px by 10 %."""

BLOCKS_ACROSS = 3.5
"""Blocks along the side of a square image, as long as they keep within `BLOCK_PX`."""

LEAST_BLOCKS = 8
"""Below this number of blocks no interval is given: it would be a guess."""


@dataclass(frozen=True)
class Resampling:
    """Settings of the block bootstrap.

    Attributes
    ----------
    draws : int
        Replicates; 0 gives no intervals.
    block_px : int or None
        Side of a block; None chooses 2/7 of the image's, 16 to 80 px. Errors that are alike
        over more than about 6 px need larger ones.
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
    """A mask's box cut into cells, and the squares of 2 x 2 cells that are drawn.

    Blocks overlap by half, which tells more of the spread than the same blocks side by side; they
    go on from one edge to the opposite one, so that every cell is in four of them.

    Attributes
    ----------
    labels : ndarray, (h, w), int64
        Number of the cell of each pixel of the box.
    members : ndarray, (B, 4), int64
        The cells of each block; blocks without a mask pixel are left out.
    side_px : int
        Side of a block; a few pixels more or less, so that whole cells fill the box.
    """

    labels: NDArray[np.int64]
    members: NDArray[np.int64]
    side_px: int

    @classmethod
    def of(cls, mask: Mask, side_px: int | None = None) -> Blocks:
        """Cut the box of a mask (H, W) into blocks of about `side_px`."""
        inside = mask[bounding_box(mask)]
        if side_px is None:
            side_px = int(np.clip(np.sqrt(inside.sum()) / BLOCKS_ACROSS, *BLOCK_PX))
        rows, columns = (max(1, round(2 * side / side_px)) for side in inside.shape)
        along = [
            np.arange(side) * cells // side for side, cells in zip(inside.shape, (rows, columns), strict=True)
        ]
        labels = along[0][:, np.newaxis] * columns + along[1]
        cells = np.arange(rows * columns).reshape(rows, columns)
        members = np.stack([np.roll(cells, (-y, -x), (0, 1)).ravel() for y in (0, 1) for x in (0, 1)], axis=1)
        filled = np.bincount(labels[inside], minlength=cells.size)[members].any(axis=1)
        return cls(labels, members[filled], side_px)

    @property
    def independent(self) -> int:
        """Blocks without overlap that would cover the same area."""
        return len(self.members) // 4

    def sums(self, values: NDArray[Any], counted: Mask, *, level: int = 0) -> Vector:
        """Sum values (h, w) over the counted pixels of each block, (B,).

        Pixels of a coarser `level` are 2^level px wide; each belongs to the cell of its corner.
        """
        labels = self.labels[:: 1 << level, :: 1 << level][: counted.shape[0], : counted.shape[1]]
        cells = int(self.labels[-1, -1]) + 1
        found = np.bincount(labels[counted], weights=values[counted], minlength=cells)
        return np.asarray(found[self.members].sum(axis=1), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Estimate:
    """One number and the sums to draw it again from.

    Attributes
    ----------
    value : float
    sums : ndarray, (B, K), float64
        K sums over each of B blocks.
    combine : callable
        Sums (R, K) of R draws to numbers (R,).
    independent : int
        Blocks without overlap that are worth as much; fewer than B where blocks overlap.
    limits : tuple of float
        The range of the number.
    bound : bool
        The number is at least this, and is not known: neither it nor a difference from it is drawn.
    """

    value: float
    sums: Vector
    combine: Callable[[Vector], Vector]
    independent: int
    limits: tuple[float, float] = (-np.inf, np.inf)
    bound: bool = False

    def sample(self, draws: Draws) -> Sample | None:
        """Draw the number again; None where there are too few blocks to draw from.

        Where the blocks are seen through another window than the whole, the two numbers differ;
        the draws are moved by that difference.
        """
        if self.independent < LEAST_BLOCKS or draws.how.draws == 0 or not np.isfinite(self.value):
            return None
        drawn = self.combine(draws.of(self.sums, self.independent))
        offset = self.value - self.combine(self.sums.sum(axis=0)[np.newaxis])[0]
        return Sample(np.clip(drawn + offset, *self.limits), self.independent)


@dataclass(frozen=True, eq=False)
class Sample:
    """A number drawn again, (draws,), from how many independent blocks."""

    values: Vector
    independent: int

    def minus(self, other: Sample) -> Sample:
        """The difference, draw by draw."""
        return Sample(self.values - other.values, min(self.independent, other.independent))

    def interval(self, level: float) -> Interval | None:
        """Central part of the draws; None if not all of them are numbers."""
        if not np.isfinite(self.values).all():
            return None
        freedom = self.independent - 1
        # draws from n blocks spread by sqrt(1 - 1/n) too little, about a spread that is itself estimated
        reach = scipy.special.stdtrit(freedom, (1 + level) / 2) * np.sqrt(self.independent / freedom)
        beyond = float(scipy.special.ndtr(-reach))
        low, high = np.quantile(self.values, [beyond, 1 - beyond])
        return Interval(float(low), float(high))


class Draws:
    """Weights of blocks: the same for every number and every arm with as many blocks."""

    def __init__(self, how: Resampling) -> None:
        self.how = how
        self._weights: dict[tuple[int, int], Vector] = {}
        # by identity, together with what they were made of so that it stays unique
        self._drawn: dict[int, tuple[Vector, Vector]] = {}

    def of(self, sums: Vector, independent: int) -> Vector:
        """Draw block sums (B, K) again, (draws, K); those that many numbers share are drawn once."""
        if id(sums) not in self._drawn:
            self._drawn[id(sums)] = sums, self._times(len(sums), independent) @ sums
        return self._drawn[id(sums)][1]

    def _times(self, blocks: int, independent: int) -> Vector:
        """Weights of B blocks, (draws, B): never 0, so that no draw is empty."""
        if (blocks, independent) not in self._weights:
            generator = np.random.default_rng(self.how.seed)
            self._weights[blocks, independent] = generator.standard_gamma(
                independent / blocks, size=(self.how.draws, blocks)
            )
        return self._weights[blocks, independent]


def ratio_estimate(top: Vector, bottom: Vector, labels: NDArray[np.int64]) -> Estimate:
    """Sum(top) / sum(bottom), both (m,), with its uncertainty; those of one label (m,) are drawn together."""
    groups = np.unique(labels, return_inverse=True)[1]
    sums: Vector = np.stack(
        [np.bincount(groups, weights=each).astype(np.float64) for each in (top, bottom)], axis=1
    )
    total = sums.sum(axis=0)
    return Estimate(float(total[0] / total[1]), sums, lambda drawn: drawn[:, 0] / drawn[:, 1], len(sums))
