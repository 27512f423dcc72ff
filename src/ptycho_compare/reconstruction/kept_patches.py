"""Patches of a network kept beside its canvas, as they are before they are stitched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.reconstruction.canvas import Canvas, Grid, first_pixels


@dataclass(frozen=True, eq=False)
class KeptPatch:
    """The central part of one patch, as a canvas would have it that holds no other.

    Attributes
    ----------
    values : ndarray, (M, M), complex64
    centre : ndarray, (2,), float64
        x, y in px.
    """

    values: NDArray[np.complex64]
    centre: NDArray[np.float64]

    @classmethod
    def laid(
        cls, patch: NDArray[np.complexfloating], centre: NDArray[np.float64], *, crop_px: int
    ) -> KeptPatch:
        """Lay a patch (N, N) on a canvas of its own."""
        places = centre[np.newaxis]
        canvas = Canvas.covering(places, crop_px=crop_px)
        canvas.add(patch[np.newaxis], places)
        row, column = first_pixels(places, crop_px=crop_px)[0].tolist()
        values, _ = canvas.on_grid(Grid((row, column), (crop_px, crop_px)))
        return cls(values, np.asarray(centre, np.float64))


@dataclass(frozen=True, eq=False)
class KeptPatches:
    """Kept patches of an arm, in the order of the groups that were drawn for it.

    Attributes
    ----------
    values : ndarray, (n, M, M), complex64
    centres : ndarray, (n, 2), float64
        x, y in px.
    """

    values: NDArray[np.complex64]
    centres: NDArray[np.float64]

    @classmethod
    def of(cls, kept: Mapping[int, KeptPatch], rows: Sequence[int]) -> KeptPatches:
        """Collect the patches of some rows of a stream; there is one row at least."""
        chosen = [kept[row] for row in rows]
        return cls(np.stack([each.values for each in chosen]), np.stack([each.centre for each in chosen]))

    @property
    def first_pixels(self) -> NDArray[np.int64]:
        """Row and column (n, 2) of their pixel [0, 0] on the object's grid."""
        return first_pixels(self.centres, crop_px=self.values.shape[-1])
