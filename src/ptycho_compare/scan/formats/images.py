"""Where a scan's images lie: one file per way, and the one meaning of a bad pixel.

What is stored stays as it is here: counts or amplitudes, DC wherever the file has it.
`diffraction` turns it into amplitudes with DC in the centre.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

BLOCK_BYTES = 4 << 20
"""Size of a block of images: many reads are saved, and the arithmetic stays in the cache."""


class Images(Protocol):
    """n images of N x N numbers, of which a few are in memory at a time."""

    @property
    def count(self) -> int:
        """Number of images, n."""

    @property
    def side(self) -> int:
        """Side of an image, N, px."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the numbers as the file stores them: integers or floats."""

    def blocks(self) -> Iterator[NDArray[Any]]:
        """All images in their order, (b, N, N) at a time."""

    def read(self, indices: NDArray[np.integer[Any]]) -> NDArray[Any]:
        """Read images by number, in any order and with repeats: (b, N, N)."""

    def close(self) -> None:
        """Give back what holds the images."""


def usable(raw: NDArray[Any], mask: NDArray[np.bool_] | None) -> NDArray[np.float32]:
    """Return stored numbers as float32 with 0 in bad pixels; never a view of the input.

    Bad is what the mask says, and the largest number of an unsigned type of 16 bits or more:
    detectors write it into gaps and dead pixels, and where it is an overflow it is no count either.

    Parameters
    ----------
    raw : ndarray, (b, N, N), integer or float
    mask : ndarray, (N, N), bool, or None
        True where a detector pixel is bad.
    """
    with np.errstate(over="ignore"):  # it becomes infinite, which the survey reports
        values = raw.astype(np.float32)
    if raw.dtype.kind == "u" and raw.dtype.itemsize > 1:
        values[raw == np.iinfo(raw.dtype).max] = 0
    if mask is not None:
        values[:, mask] = 0
    return values
