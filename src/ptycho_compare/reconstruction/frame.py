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
"""Root mean square distance of a file's positions from the scan's that still is no more than a shift."""
MAX_OFFSET_PX = 1e9
"""No object is so far away: a pixel size that is none."""
MAX_DISTORTION = 0.02
"""Scale, turn or shear, as part of the scan's extent, that still is a refinement of positions."""
MAX_REFINEMENT = 0.25
"""Distances that no linear map explains, as part of the extent, that still are one scan in one order."""


@dataclass(frozen=True)
class OriginFrame:
    """The image's corner is known: row and column of its pixel [0, 0] on the object's grid, px."""

    origin_yx: tuple[float, float]

    def corner(self, positions: NDArray[np.float64]) -> NDArray[np.float64]:  # noqa: ARG002
        """Row and column of pixel [0, 0] on the grid of the positions, px."""
        return np.array(self.origin_yx)

    def note(self, positions: NDArray[np.float64]) -> str:  # noqa: ARG002
        """Nothing is unusual about a corner that is stated."""
        return ""


@dataclass(frozen=True)
class PositionFrame:
    """The positions of the diffraction patterns in the image are known.

    Attributes
    ----------
    path : Path
        The file, for messages.
    indexes : ndarray, (m,), int, or None
        Which pattern of the scan each position belongs to; None where they are all, in the scan's order.
    pixels : ndarray, (m, 2), float64
        x, y in px of the image, of the probe's pixel [N//2, N//2].
    """

    path: Path
    indexes: NDArray[np.intp] | None
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
            A position belongs to a pattern that the scan lacks, or the two sets differ by more than a
            shift and a refinement: another pixel size, mirrored or exchanged axes, another order.
        """
        scan = self._of_scan(positions)
        offsets = scan - self.pixels
        if not np.abs(offsets).max() < MAX_OFFSET_PX:
            raise ReadyMadeError(
                f"{self.path}: its positions lie {np.abs(offsets).max():g} px from the scan's"
            )
        offset = offsets.mean(axis=0)
        misfit = _rms(offsets - offset)
        if misfit > MAX_MISFIT_PX:
            difference = _difference(scan, self.pixels)
            if difference:
                raise ReadyMadeError(
                    f"{self.path}: its {len(scan)} positions and the scan's are {misfit:.3g} px (rms) apart "
                    f"after the best shift, more than {MAX_MISFIT_PX}: {difference}"
                )
        corner: NDArray[np.float64] = offset[::-1]
        return corner

    def note(self, positions: NDArray[np.float64]) -> str:
        """Say by how much the positions were refined; nothing where they are the scan's, or do not fit it."""
        try:
            offsets = self._of_scan(positions) - self.pixels - self.corner(positions)[::-1]
        except ReadyMadeError:
            return ""
        misfit = _rms(offsets)
        if misfit <= MAX_MISFIT_PX:
            return ""
        most = float(np.sqrt((offsets**2).sum(axis=1).max()))
        return (
            f"{self.path}: its positions are {misfit:.2f} px (rms) from the scan's after the best shift, "
            f"{most:.2f} px at most, as refined ones are; its place is that of their mean"
        )

    def _of_scan(self, positions: NDArray[np.float64]) -> NDArray[np.float64]:
        """The scan's positions of the patterns that the file has positions of."""
        if self.indexes is None:
            if len(self.pixels) != len(positions):
                raise ReadyMadeError(
                    f"{self.path}: has {len(self.pixels)} positions and the scan {len(positions)}, and it "
                    "does not say which are which; it was made from another scan, or from a part of it"
                )
            return positions
        if self.indexes.max() >= len(positions):
            raise ReadyMadeError(
                f"{self.path}: has a position for pattern {self.indexes.max()}, counted from 0, and the scan "
                f"has {len(positions)} patterns; it was made from another scan"
            )
        return positions[self.indexes]


Frame = OriginFrame | PositionFrame


def _rms(distances: NDArray[np.float64]) -> float:
    return float(np.sqrt((distances**2).sum(axis=1).mean()))


def _difference(scan: NDArray[np.float64], pixels: NDArray[np.float64]) -> str:
    """Say which linear map leads from one set of positions to the other; nothing where none is needed."""
    ours, theirs = scan - scan.mean(axis=0), pixels - pixels.mean(axis=0)
    linear, *_ = np.linalg.lstsq(theirs, ours)
    (xx, yx), (xy, yy) = linear  # scan x = xx * their x + xy * their y
    left, extent = _rms(ours - theirs @ linear), _rms(ours)
    fit = f"x = {xx:.4g} x' + {xy:.4g} y', y = {yx:.4g} x' + {yy:.4g} y' leaves {left:.3g} px"
    if left > max(MAX_MISFIT_PX, MAX_REFINEMENT * extent):
        return f"no scale, turn or mirror explains it ({fit}); they belong to another scan or another order"
    distortion = _rms(theirs @ linear - theirs)
    if distortion <= max(MAX_MISFIT_PX, 2 * left, MAX_DISTORTION * extent):
        return ""
    if abs(xy) + abs(yx) > abs(xx) + abs(yy):
        return f"{fit}; its axes are exchanged or turned"
    if xx < 0 or yy < 0:
        return f"{fit}; it is mirrored or turned"
    return f"{fit}; its pixel size or its angle is another than the scan's"
