"""A scan of a hub by all that its file tells without unpacking an image."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.scan.formats.arrays import read_metadata
from ptycho_compare.scan.formats.contents import Container
from ptycho_compare.scan.formats.opening import open_container

IMAGES = ("diffraction", "diff3d")
"""Keys of a scan's images, the usual one first."""
_OBJECT = "objectGuess"
Checksum = tuple[int, int]
"""CRC-32 and bytes of an array."""


@dataclass(frozen=True, eq=False)
class StoredScan:
    """What the file says.

    Attributes
    ----------
    dose, split : int, str
        Its place.
    images, object : tuple of int or None
        Checksums; None where there is no such array, or where the file states none of its images.
    positions : ndarray, (n, 2), float64
        x, y in px, as far as they are finite; empty where the file has none.
    photons : float or None
        Per exposure, as its metadata state them.
    divided_at : tuple of str and float, or None
        Axis and coordinate in px at which it was divided from other splits, by its metadata.
    """

    path: Path
    dose: int
    split: str
    images: Checksum | None
    object: Checksum | None
    positions: NDArray[np.float64]
    photons: float | None
    divided_at: tuple[str, float] | None


def read_stored(path: Path, dose: int, split: str) -> StoredScan:
    """Read it; InputError where it is no file of arrays."""
    with open_container(path) as container:
        metadata = read_metadata(container)
        key = next((key for key in IMAGES if key in container), None)
        return StoredScan(
            path,
            dose,
            split,
            None if key is None else container.checksum(key),
            _of_object(container) if _OBJECT in container else None,
            _positions(container),
            _photons(metadata),
            _divided_at(metadata),
        )


def _of_object(container: Container) -> Checksum:
    """As the file states it, or of the values: an object is small."""
    stated = container.checksum(_OBJECT)
    if stated is not None:
        return stated
    data = container.array(_OBJECT).tobytes()
    return zlib.crc32(data), len(data)


def _positions(container: Container) -> NDArray[np.float64]:
    columns = [container.array(key) for key in ("xcoords", "ycoords") if key in container]
    if len({each.shape for each in columns}) != 1 or len(columns) != 2 or columns[0].ndim != 1:
        return np.empty((0, 2))
    if not all(each.dtype.kind in "iuf" for each in columns):
        return np.empty((0, 2))
    positions = np.stack(columns, axis=1).astype(np.float64)
    return positions[np.isfinite(positions).all(axis=1)]


def _photons(metadata: Mapping[str, Any]) -> float | None:
    match metadata.get("physics_parameters"):
        case {"nphotons": bool()}:
            return None
        case {"nphotons": int() | float() as photons}:
            return float(photons)
    return None


def _divided_at(metadata: Mapping[str, Any]) -> tuple[str, float] | None:
    records = metadata.get("data_transformations")
    for record in reversed(records) if isinstance(records, list) else ():
        match record:
            case {"parameters": {"split_axis": "x" | "y" as axis, "split_point": int() | float() as point}}:
                return axis, float(point)
    return None
