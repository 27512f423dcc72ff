"""The groups that overlap is measured on: an image and its nearest neighbours.

They are tighter than the groups that networks see, whose companions are drawn from more neighbours:
what is measured is the scan, not a draw.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.scan.group import form_groups


def overlap_groups(
    positions: NDArray[np.float64], *, gridsize: int, count: int, seed: int
) -> NDArray[np.int64]:
    """Group images.

    Parameters
    ----------
    positions : ndarray, (n, 2), float64
        x, y in px.
    gridsize : int
        1 gives each image as its own group, and `count` has no meaning. 2 gives an image with its
        three nearest neighbours.
    count : int
        Groups wanted. Their first images are drawn without replacement as long as there are so many,
        with replacement beyond.
    seed : int
        Of the draw.

    Returns
    -------
    ndarray, (count, 4) or (n, 1), int64
        Image numbers; the drawn image comes first.

    Raises
    ------
    ScanError
        Fewer than four images for groups of four.
    """
    images, size = len(positions), gridsize**2
    every = form_groups(positions, size=size, count=images, neighbors=size - 1, seed=seed)
    if size == 1:
        return every
    drawn = np.random.default_rng(seed).choice(images, size=count, replace=count > images)
    return every[drawn]
