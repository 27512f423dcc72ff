"""Uncertainty of a ring correlation: the curve seen through many small windows.

A block cut out of an image has a spectrum of its own, so rings are not sums over blocks of
pixels. They are sums over overlapping tapered tiles, as in Welch's estimate of a spectrum
[1]_. Tiles see frequencies more coarsely than the whole image; only the spread of what
they say is used, around the number of the whole.

References
----------
.. [1] P. D. Welch, IEEE Trans. Audio Electroacoust. 15, 70-73 (1967), doi:10.1109/TAU.1967.1161901
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from ptycho_compare.scoring.estimate import Estimate, Vector
from ptycho_compare.scoring.frc import NYQUIST, Criterion, RingCurve, hann_window, ring_numbers
from ptycho_compare.scoring.mask import Mask

SIDES_PX = (64, 48, 32)
"""Sides of tiles, px: the largest of which enough fit."""

WANTED_TILES = 49
LEAST_INSIDE = 0.5
"""Part of a tile's pixels that must lie in the mask."""


@dataclass(frozen=True, eq=False)
class Tiles:
    """Overlapping square windows on a mask's box.

    Attributes
    ----------
    corners : ndarray, (T, 2), int64
        Row and column of each tile's first pixel; neighbours overlap by half.
    side_px : int
    """

    corners: NDArray[np.int64]
    side_px: int

    @classmethod
    def of(cls, inside: Mask) -> Tiles:
        """Lay tiles on a mask (h, w) already cropped to its box."""
        for side in SIDES_PX:
            corners = _corners(inside, side)
            if len(corners) >= WANTED_TILES:
                break
        return cls(corners, side)

    @property
    def independent(self) -> int:
        """How many tiles without overlap would cover the same area."""
        return len(self.corners) // 4

    def spectra(self, values: NDArray[Any]) -> NDArray[np.complex128]:
        """Return the spectra of the tapered tiles of an image (h, w), (T, side, side)."""
        if not len(self.corners):  # the image is smaller than a tile
            return np.empty((0, self.side_px, self.side_px), dtype=np.complex128)
        windows = np.lib.stride_tricks.sliding_window_view(values, (self.side_px, self.side_px))
        tiles = windows[self.corners[:, 0], self.corners[:, 1]]
        weight = hann_window(tiles.shape[1:])
        means = np.sum(tiles * weight, axis=(1, 2), keepdims=True) / weight.sum()
        return np.asarray(scipy.fft.fft2((tiles - means) * weight), dtype=np.complex128)


def ring_sums(tiles: Tiles, truth: NDArray[np.complex128], image: NDArray[np.complex128]) -> Vector:
    """Sum over the rings of each tile, (T, 3 R): cross spectrum, then both powers.

    Parameters
    ----------
    tiles : Tiles
    truth, image : ndarray, (T, side, side), complex128
        Their spectra (`Tiles.spectra`).
    """
    rings = tiles.side_px // 2
    number = ring_numbers((tiles.side_px, tiles.side_px)).ravel()
    kept = (number >= 1) & (number <= rings)
    # one sparse product sums the rings of all tiles
    to_rings = scipy.sparse.csr_array(
        (np.ones(kept.sum()), (number[kept] - 1, np.flatnonzero(kept))), shape=(rings, number.size)
    )
    parts = ((truth * np.conj(image)).real, np.abs(truth) ** 2, np.abs(image) ** 2)
    return np.hstack([(to_rings @ part.reshape(len(part), number.size).T).T for part in parts])


def cutoff_estimate(curve: RingCurve, criterion: Criterion, sums: Vector, tiles: Tiles) -> Estimate:
    """Give a cut-off its uncertainty; never crossed counts as Nyquist."""
    threshold = np.interp(_frequencies(tiles), curve.frequency, curve.threshold(criterion))

    def cutoffs(drawn: Vector) -> Vector:
        return np.array([_first_fall(row, threshold, tiles) for row in _curves(drawn)])

    cutoff = curve.cutoff(criterion)
    value = NYQUIST if cutoff.frequency is None else cutoff.frequency
    return Estimate(value, sums, cutoffs, tiles.independent, (0.0, NYQUIST))


def area_estimate(curve: RingCurve, sums: Vector, tiles: Tiles) -> Estimate:
    """Give the area under a curve its uncertainty."""

    def areas(drawn: Vector) -> Vector:
        return np.asarray(_curves(drawn).mean(axis=1))

    return Estimate(curve.area, sums, areas, tiles.independent, (-1.0, 1.0))


def _curves(drawn: Vector) -> Vector:
    cross, power1, power2 = np.split(drawn, 3, axis=1)
    norm = np.sqrt(power1 * power2)
    return np.divide(cross, norm, out=np.zeros_like(cross), where=norm > 0)


def _frequencies(tiles: Tiles) -> Vector:
    return np.arange(1, tiles.side_px // 2 + 1) / tiles.side_px


def _first_fall(correlation: Vector, threshold: Vector, tiles: Tiles) -> float:
    pixels = np.ones(len(correlation), dtype=np.int64)  # the threshold is given, not counted
    curve = RingCurve(_frequencies(tiles), correlation - threshold, pixels)
    frequency = curve.cutoff(0.0).frequency
    return NYQUIST if frequency is None else frequency


def _corners(inside: Mask, side: int) -> NDArray[np.int64]:
    if min(inside.shape) < side:
        return np.empty((0, 2), dtype=np.int64)
    step = side // 2
    grid = [np.arange(0, length - side + 1, step) for length in inside.shape]
    corners = np.stack(np.meshgrid(*grid, indexing="ij"), axis=-1).reshape(-1, 2)
    shares = [inside[row : row + side, column : column + side].mean() for row, column in corners]
    return corners[np.array(shares) >= LEAST_INSIDE]
