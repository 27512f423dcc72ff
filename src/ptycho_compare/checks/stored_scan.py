"""A scan of a hub by all that its file tells without unpacking an image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.scan.formats.arrays import read_metadata
from ptycho_compare.scan.formats.npz_container import NpzContainer
from ptycho_compare.untrusted.npz import NpzFile, open_npz

IMAGES = ("diffraction", "diff3d")
"""Keys of a scan's images, the usual one first."""
_OBJECT = "objectGuess"
Checksum = tuple[int, int]
"""CRC-32 and bytes of an array, as the archive states them."""


@dataclass(frozen=True, eq=False)
class StoredScan:
    """What the file says.

    Attributes
    ----------
    dose, split : int, str
        Its place.
    images, object : tuple of int or None
        Checksums; None where there is no such array.
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
    """Read it; InputError where it is no archive of arrays."""
    with open_npz(path) as archive:
        metadata = read_metadata(NpzContainer(archive, label=str(path), spool_folder=None))
        key = next((key for key in IMAGES if key in archive), None)
        return StoredScan(
            path,
            dose,
            split,
            None if key is None else archive.checksum(key),
            archive.checksum(_OBJECT) if _OBJECT in archive else None,
            _positions(archive),
            _photons(metadata),
            _divided_at(metadata),
        )


def _positions(archive: NpzFile) -> NDArray[np.float64]:
    columns = [archive.array(key) for key in ("xcoords", "ycoords") if key in archive]
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
