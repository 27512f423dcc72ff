"""Which images train and which test: two halves of the object, so that no network has seen what tests it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import StudyError

SPLITS = ("train", "test")
LEAST_IMAGES = 4
"""A group of four needs as many."""


@dataclass(frozen=True, eq=False)
class Split:
    """Two sets of images.

    Attributes
    ----------
    point_px : float
        The y that divides them: the middle of the range of y, so the halves need not be equally large.
    images : dict of str to ndarray, (k,), int64
        Image numbers, ascending: ``train`` lies at smaller y, ``test`` from the point on.
    """

    point_px: float
    images: dict[str, NDArray[np.int64]]


def split_by_y(positions: NDArray[np.float64]) -> Split:
    """Divide positions (n, 2), x and y in px, by y.

    Raises
    ------
    StudyError
        A half has too few images for a group.
    """
    y = positions[:, 1]
    point = float((y.min() + y.max()) / 2)
    below = y < point
    images = dict(zip(SPLITS, (np.flatnonzero(below), np.flatnonzero(~below)), strict=True))
    for name, chosen in images.items():
        if len(chosen) < LEAST_IMAGES:
            raise StudyError(
                f"'simulation.images' is {len(y)}, and {len(chosen)} of them lie in the {name} half "
                f"(y = {point:.1f} divides them); needed: at least {LEAST_IMAGES}, so ask for more images"
            )
    return Split(point, images)
