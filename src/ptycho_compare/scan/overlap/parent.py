"""The split that a view is drawn from, and the fate of each of its arrays in the view."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ScanError
from ptycho_compare.scan.formats.arrays import read_metadata
from ptycho_compare.scan.formats.npz_container import NpzContainer
from ptycho_compare.scan.formats.opening import open_container
from ptycho_compare.scan.formats.positions import read_columns
from ptycho_compare.scan.write import METADATA
from ptycho_compare.storage.files import digest_of
from ptycho_compare.untrusted.npz import ArrayHeader

_IMAGES = ("diffraction", "diff3d")
PER_IMAGE_KEYS = (
    *_IMAGES,
    *("xcoords", "ycoords", "xcoords_start", "ycoords_start", "scan_index"),
    *("Y", "ground_truth_patches"),
)
"""Arrays with a row per image. An array is never taken for one because its length happens to fit."""
_PER_GROUP_KEYS = ("coords_start_offsets", "coords_start_relative")
"""These belong to groups of the whole split, which a subsample does not have."""

Fate = Literal["filtered", "whole", "left_out"]


@dataclass(frozen=True)
class Parent:
    """A split of phase C, without its large arrays.

    Attributes
    ----------
    path : Path
    name : str
        The path as it is recorded: relative to the hub.
    sha256 : str
    positions : ndarray, (n, 2), float64
        x, y in px.
    patch_px : int
        N, side of a diffraction pattern, px.
    metadata : mapping
        PtychoPINN's ``_metadata``.
    fates : dict of str to str
        By array: "filtered" to the kept images, "whole", or "left_out".
    """

    path: Path
    name: str
    sha256: str
    positions: NDArray[np.float64]
    patch_px: int
    metadata: Mapping[str, Any]
    fates: Mapping[str, Fate]

    def keys(self, fate: Fate) -> list[str]:
        """Arrays of one fate, in the file's order."""
        return [key for key, found in self.fates.items() if found == fate]


def read_parent(path: Path, *, name: str) -> Parent:
    """Read an NPZ with PtychoPINN's names, all but its large arrays; `name` is how the file is recorded.

    Raises
    ------
    ArchiveError, ScanError
        Missing, damaged, or against the data contract.
    """
    with open_container(path) as container:
        if not isinstance(container, NpzContainer):
            raise ScanError(
                f"{path}: is HDF5, and views are drawn from NPZ files with PtychoPINN's names; "
                "write it as one, or have phase D done by a command of your own"
            )
        positions, _ = read_columns(container, "xcoords", "ycoords", images=())
        return Parent(
            path=path,
            name=name,
            sha256=digest_of(path),
            positions=positions,
            patch_px=_patch_px(container, path, len(positions)),
            metadata=_checked(read_metadata(container), path),
            fates={
                key: _fate(key, header, len(positions))
                for key, header in container.headers.items()
                if key != METADATA
            },
        )


def _patch_px(archive: NpzContainer, path: Path, images: int) -> int:
    found = [key for key in _IMAGES if key in archive]
    if not found:
        raise ScanError(f"{path}: '{_IMAGES[0]}' is missing; found: {', '.join(sorted(archive.headers))}")
    for key in found:
        shape = archive.headers[key].shape
        if len(shape) < 3 or shape[0] != images or shape[1] != shape[2]:
            raise ScanError(
                f"{path}: '{key}' has shape {shape}; needed: ({images}, N, N), a row per position"
            )
    return archive.headers[found[0]].shape[1]


def _checked(metadata: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
    if not isinstance(metadata.get("data_transformations", []), list):
        raise ScanError(f"{path}: '{METADATA}': data_transformations is no list of records")
    return metadata


def _fate(key: str, header: ArrayHeader, images: int) -> Fate:
    if key in _PER_GROUP_KEYS or header.dtype.hasobject:
        return "left_out"
    if key not in PER_IMAGE_KEYS or header.shape == ():
        return "whole"
    # PtychoPINN writes a Y of one row beside thousands of images
    return "filtered" if header.shape[0] == images else "left_out"
