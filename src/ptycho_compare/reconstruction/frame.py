"""Frames: the place of an image made elsewhere on the object's grid.

Either its corner is known, or the positions in it are, and these are matched with the scan's.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ReadyMadeError

MAX_MISFIT_PX = 0.5
"""Root mean square distance of a product's positions from the scan's that still is one frame."""


@dataclass(frozen=True)
class OriginFrame:
    """The image's corner is known: row and column of its pixel [0, 0] on the object's grid, px."""

    origin_yx: tuple[float, float]

    def corner(self, positions: NDArray[np.float64]) -> NDArray[np.float64]:  # noqa: ARG002
        """Row and column of pixel [0, 0] on the grid of the positions, px."""
        return np.array(self.origin_yx)


@dataclass(frozen=True)
class PositionFrame:
    """The positions of the diffraction patterns in the image are known.

    Attributes
    ----------
    path : Path
        The file, for messages.
    indexes : ndarray, (m,), int
        Which pattern of the scan each position belongs to.
    pixels : ndarray, (m, 2), float64
        x, y in px of the image, of the probe's pixel [N//2, N//2].
    """

    path: Path
    indexes: NDArray[np.intp]
    pixels: NDArray[np.float64]

    def corner(self, positions: NDArray[np.float64]) -> NDArray[np.float64]:
        """Row and column of pixel [0, 0] on the grid of the scan's positions, px.

        The mean difference between both sets of positions: the shift of least squares.

        Parameters
        ----------
        positions : ndarray, (n, 2), float64
            Of the scan: x, y in px.

        Raises
        ------
        ReadyMadeError
            A position belongs to a pattern that the scan lacks, or the two sets differ by more
            than a shift: another pixel size, mirrored or exchanged axes, another order.
        """
        if self.indexes.max() >= len(positions):
            raise ReadyMadeError(
                f"{self.path}: has a position for pattern {self.indexes.max()}, counted from 0, and the scan "
                f"has {len(positions)} patterns; it was made from another scan"
            )
        scan = positions[self.indexes]
        offsets = scan - self.pixels
        offset = offsets.mean(axis=0)
        misfit = _rms(offsets - offset)
        if misfit > MAX_MISFIT_PX:
            raise ReadyMadeError(
                f"{self.path}: its {len(scan)} positions and the scan's are {misfit:.3g} px (rms) apart "
                f"after the best shift, more than {MAX_MISFIT_PX}: {_difference(scan, self.pixels)}"
            )
        corner: NDArray[np.float64] = offset[::-1]
        return corner


Frame = OriginFrame | PositionFrame


def _rms(distances: NDArray[np.float64]) -> float:
    return float(np.sqrt((distances**2).sum(axis=1).mean()))


def _difference(scan: NDArray[np.float64], pixels: NDArray[np.float64]) -> str:
    """Say which linear map leads from one set of positions to the other."""
    ours, theirs = scan - scan.mean(axis=0), pixels - pixels.mean(axis=0)
    linear, *_ = np.linalg.lstsq(theirs, ours)
    (xx, yx), (xy, yy) = linear  # scan x = xx * their x + xy * their y
    left = _rms(ours - theirs @ linear)
    fit = f"x = {xx:.4g} x' + {xy:.4g} y', y = {yx:.4g} x' + {yy:.4g} y' leaves {left:.3g} px"
    if left > MAX_MISFIT_PX:
        return f"no scale, turn or mirror explains it ({fit}); they belong to another scan or another order"
    if abs(xy) + abs(yx) > abs(xx) + abs(yy):
        return f"{fit}; its axes are exchanged or turned"
    if xx < 0 or yy < 0:
        return f"{fit}; it is mirrored or turned"
    return f"{fit}; its pixel size or its angle is another than the scan's"
