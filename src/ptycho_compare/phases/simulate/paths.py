"""Scan paths: the probe's position in each exposure.

Every patch lies inside the object: positions keep N/2 px from its edges.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.study.making import Simulation

_GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))


def make_path(simulation: Simulation, generator: np.random.Generator) -> NDArray[np.float64]:
    """Draw the positions that a study asks for, in the order of exposure.

    They are (images, 2), float64: x, y on the object's grid, px.
    """
    count = simulation.images
    if simulation.path == "random":
        unit = generator.random((count, 2))
    elif simulation.path == "fermat":
        unit = _fermat(count)
    else:
        unit = _rows(count, back_and_forth=simulation.path == "snake")
    low = simulation.patch_px / 2
    length = simulation.object_px - simulation.patch_px
    positions = low + length * unit
    if simulation.path in ("raster", "snake"):
        positions += generator.uniform(-simulation.jitter_px, simulation.jitter_px, positions.shape)
    return np.clip(positions, low, low + length)


def _rows(count: int, *, back_and_forth: bool) -> NDArray[np.float64]:
    """As many rows as columns, or nearly; rows of unequal length where the count asks for it."""
    rows = max(round(np.sqrt(count)), 2)
    lengths = [len(part) for part in np.array_split(np.arange(count), rows)]
    lines = []
    for row, (y, length) in enumerate(zip(np.linspace(0, 1, rows), lengths, strict=True)):
        x = np.linspace(0, 1, length)
        lines.append(np.stack([x[::-1] if back_and_forth and row % 2 else x, np.full(length, y)], axis=1))
    return np.concatenate(lines)


def _fermat(count: int) -> NDArray[np.float64]:
    """Fill the unit square with a Fermat spiral: equal areas per point, no lattice [1]_.

    Of an endless spiral the `count` points nearest to the middle are taken, near in the sense of a
    square, and the square is made to fit them.

    References
    ----------
    .. [1] Huang et al., Opt. Express 22, 12634-12643 (2014), doi:10.1364/OE.22.012634
    """
    number = np.arange(2 * count + 50)  # a circle around the square holds pi/2 times its points
    radius, angle = np.sqrt(number + 0.5), number * _GOLDEN_ANGLE
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    reach = np.abs(points).max(axis=1)
    nearest = np.sort(np.argsort(reach, kind="stable")[:count])
    return np.asarray(0.5 + points[nearest] / (2 * reach[nearest].max()), np.float64)
