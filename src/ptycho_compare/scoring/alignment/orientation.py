"""The eight orientations of a square: turns and mirrors of points, images and diffraction patterns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Orientation:
    """A map of the plane: first rows and columns are exchanged, then either axis is mirrored.

    Attributes
    ----------
    swapped, rows, columns : bool
        ``rows`` turns top to bottom, ``columns`` left to right.
    """

    swapped: bool = False
    rows: bool = False
    columns: bool = False

    @property
    def inverse(self) -> Orientation:
        """The map that undoes it."""
        return Orientation(True, self.columns, self.rows) if self.swapped else self

    def shape(self, shape: tuple[int, int]) -> tuple[int, int]:
        """Shape of an image of this shape after it."""
        return (shape[1], shape[0]) if self.swapped else shape

    def of_points(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Move points (n, 2), columns row and column, about [0, 0]."""
        moved = points[:, ::-1] if self.swapped else points
        return np.asarray(moved * np.where([self.rows, self.columns], -1.0, 1.0))

    def of_image(self, image: NDArray[Any]) -> NDArray[Any]:
        """Turn images (..., H, W) about their middle."""
        image = image.swapaxes(-1, -2) if self.swapped else image
        down, right = (-1 if mirrored else 1 for mirrored in (self.rows, self.columns))
        return image[..., ::down, ::right]

    def of_pattern(self, pattern: NDArray[Any]) -> NDArray[Any]:
        """Turn (..., N, N) about pixel [N//2, N//2]: zero frequency stays where it is."""
        turned = self.of_image(pattern)
        even = turned.shape[-1] % 2 == 0
        axes = [axis for axis, mirrored in ((-2, self.rows), (-1, self.columns)) if mirrored and even]
        return np.roll(turned, 1, axes) if axes else turned

    def __str__(self) -> str:
        return _NAMES[self.swapped, self.rows, self.columns]


_NAMES = {
    (False, False, False): "as given",
    (False, False, True): "mirrored left to right",
    (False, True, False): "mirrored top to bottom",
    (False, True, True): "turned by 180 degrees",
    (True, False, False): "with rows and columns exchanged",
    (True, True, False): "turned by 90 degrees anticlockwise",
    (True, False, True): "turned by 90 degrees clockwise",
    (True, True, True): "mirrored about the other diagonal",
}
AS_GIVEN = Orientation()
ORIENTATIONS = tuple(Orientation(*flags) for flags in _NAMES)
