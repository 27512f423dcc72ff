"""Whether positions can be pixels at all: their extent against images, probe and memory.

A wrong unit puts all images on one pixel, or none beside another. That is found before a canvas of
that size is allocated.
"""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import NDArray

from ptycho_compare.errors import ScanError

MAX_CANVAS_PX = 1 << 28
"""Pixels of the largest canvas that is made: some 10 GB while it is stitched."""
# a position so many times as far from the middle as nine in ten of the others, and many images away
_WILD, _WILD_IMAGES = 10, 4
_APART = 2  # images from one neighbour to the next
_ASK = (
    "say their unit: --scan-unit positions=px, or m, mm, um, nm with --pixel-nm (in CXI distance, pixel and "
    "energy have one too)"
)


def require_extent(
    positions: NDArray[np.float64], *, side: int, probe: NDArray[np.complex64] | None, sure: bool, label: str
) -> None:
    """Refuse positions that no scan has.

    Parameters
    ----------
    positions : ndarray, (n, 2), float64
        x, y, taken as px.
    side : int
        N, px.
    probe : ndarray, (N, N), complex, or None
    sure : bool
        Somebody says what unit they have: then only what cannot be computed is refused.
    label : str
        File and key, for messages.

    Raises
    ------
    ScanError
        One position lies far from all others; the canvas would not fit into memory; all images lie on
        one pixel, closer than pixels within one probe, or beside each other without any overlap.
    """
    _require_near(positions, side, label)
    width, height = np.ptp(positions, axis=0)
    found = f"{label}: {len(positions)} positions span {width:.3g} x {height:.3g} px"
    if (width + side) * (height + side) > MAX_CANVAS_PX:
        raise ScanError(f"{found}, more than an image of {MAX_CANVAS_PX} px holds; {_ASK}")
    if sure or len(positions) < 2:
        return
    if max(width, height) < 1:
        raise ScanError(f"{found}: all images lie on one pixel; {_ASK}")
    spacing = np.sqrt(max(width, 1) * max(height, 1) / len(positions))
    lit = side / 4 if probe is None else _diameter(probe)
    if max(width, height) < lit and spacing < 1:
        raise ScanError(f"{found}: all within one probe of {lit:.3g} px and {spacing:.2g} px apart; {_ASK}")
    distances = np.asarray(scipy.spatial.KDTree(positions).query(positions, k=2)[0])
    apart = float(np.median(distances[:, 1]))
    if apart > _APART * side:
        raise ScanError(
            f"{found}: neighbours lie {apart:.3g} px apart and images are {side} px wide, so none overlaps "
            f"another; {_ASK}"
        )


def _require_near(positions: NDArray[np.float64], side: int, label: str) -> None:
    """Refuse single positions far from all others."""
    distance = np.abs(positions - np.median(positions, axis=0)).max(axis=1)
    usual = float(np.quantile(distance, 0.9))
    wild = np.flatnonzero(distance > _WILD * usual + _WILD_IMAGES * side)
    if wild.size:
        first = int(wild[0])
        raise ScanError(
            f"{label}: position {first} lies {distance[first]:.3g} px from the others, nine in ten of which "
            f"lie within {usual:.3g} px ({wild.size} of {len(positions)} do); mend it, or leave its image out"
        )


def _diameter(probe: NDArray[np.complex64]) -> float:
    """Diameter of the disc around the probe's middle that holds half of its energy, px."""
    energy = np.abs(probe.astype(np.complex128)) ** 2
    rows, columns = np.indices(energy.shape)
    total = energy.sum()
    middle = (rows * energy).sum() / total, (columns * energy).sum() / total
    radius = np.hypot(rows - middle[0], columns - middle[1]).ravel()
    order = np.argsort(radius)
    half = int(np.searchsorted(np.cumsum(energy.ravel()[order]), total / 2))
    return float(2 * radius[order][min(half, len(order) - 1)])
