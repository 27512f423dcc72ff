"""Groups of images: an image and some of its nearest neighbours.

PtychoPINN draws its groups from the process's global random state and leaves the seed
image out of its own group. Here one seeded generator draws all groups at once, every
group holds its seed image, and with as many groups as images every image is used.
"""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import NDArray

from ptycho_compare.errors import ScanError

ALGORITHM = "seed-and-neighbours-1"


def form_groups(
    positions: NDArray[np.float64], *, size: int, count: int, neighbors: int, seed: int
) -> NDArray[np.int64]:
    """Draw groups of images that lie close together.

    Parameters
    ----------
    positions : ndarray, (n, 2), float64
        x, y in px.
    size : int
        C, images in a group.
    count : int
        Groups wanted, at most n. Seeds are drawn without replacement and kept in scan order.
    neighbors : int
        K, how many nearest neighbours of the seed its C - 1 companions are drawn from.
    seed : int
        Of the generator.

    Returns
    -------
    ndarray, (count, C), int64
        Image numbers; the seed image comes first.

    Raises
    ------
    ScanError
        Fewer images than a group needs, or K smaller than C - 1.
    """
    images = len(positions)
    if images < size:
        raise ScanError(
            f"a group needs {size} images and there are {images}; use a longer scan or gridsize 1"
        )
    if neighbors < size - 1:
        raise ScanError(f"groups of {size} need at least {size - 1} neighbours; 'neighbors' is {neighbors}")
    generator = np.random.default_rng(seed)
    seeds = np.sort(generator.permutation(images)[:count]).astype(np.int64)
    if size == 1:
        return seeds[:, None]
    pool = min(neighbors, images - 1)
    nearest = _nearest_others(positions, seeds, pool)
    # the first C - 1 of a random order of the pool: a draw without replacement, for all groups at once
    order = np.argsort(generator.random((len(seeds), pool)), axis=1)[:, : size - 1]
    return np.concatenate([seeds[:, None], np.take_along_axis(nearest, order, axis=1)], axis=1)


def _nearest_others(positions: NDArray[np.float64], seeds: NDArray[np.int64], pool: int) -> NDArray[np.int64]:
    found = np.asarray(scipy.spatial.KDTree(positions).query(positions[seeds], k=pool + 1)[1])
    # the seed need not come first where positions coincide, and need not be found at all
    itself = found == seeds[:, None]
    itself[~itself.any(axis=1), -1] = True
    return np.asarray(found[~itself].reshape(len(seeds), pool), np.int64)
