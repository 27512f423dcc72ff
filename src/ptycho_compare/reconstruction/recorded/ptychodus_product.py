"""Frames of ptychodus' products, as version 1.7.0 writes them: NPZ, HDF5 and CXI."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ReadyMadeError
from ptycho_compare.reconstruction.frame import PositionFrame
from ptycho_compare.reconstruction.image_file import ImageFile
from ptycho_compare.reconstruction.recorded.numbers_in import read_numbers, side_of


@dataclass(frozen=True)
class _Product:
    """Keys of a ptychodus product as version 1.7.0 writes it: NPZ, HDF5 and CXI, in this order below."""

    object: str
    pixel_width: str
    pixel_height: str
    center_x: str
    center_y: str
    indexes: str
    position_x: str
    position_y: str
    probe: str

    def is_in(self, file: ImageFile, key: str) -> bool:
        if key.strip("/") != self.object:
            return False
        needed = (getattr(self, field.name) for field in fields(self) if field.name != "indexes")
        return all(name in file for name in needed)


_POSITIONS = ("probe_position_indexes", "probe_position_x_m", "probe_position_y_m", "probe")
_CXI = "entry_1/ptychodus"
_TRANSLATION = "entry_1/sample_1/geometry_1/translation"
_PRODUCTS = (
    _Product(
        "object",
        "object_pixel_width_m",
        "object_pixel_height_m",
        "object_center_x_m",
        "object_center_y_m",
        *_POSITIONS,
    ),
    _Product(
        "object",
        "object@pixel_width_m",
        "object@pixel_height_m",
        "object@center_x_m",
        "object@center_y_m",
        *_POSITIONS,
    ),
    _Product(
        "entry_1/image_2/data",
        f"{_CXI}/object_pixel_width_m",
        f"{_CXI}/object_pixel_height_m",
        f"{_CXI}/object_center_x_m",
        f"{_CXI}/object_center_y_m",
        f"{_CXI}/probe_position_indexes",
        _TRANSLATION,  # (n, 3): x, y, z
        _TRANSLATION,
        "entry_1/image_1/data",
    ),
)


def ptychodus_frame(file: ImageFile, key: str, shape: tuple[int, ...], *, path: Path) -> PositionFrame | None:
    """Read the positions that an object was made from; None where it is no product's object."""
    for product in _PRODUCTS:
        if product.is_in(file, key):
            return _product_frame(file, product, shape, path)
    return None


def _product_frame(file: ImageFile, product: _Product, shape: tuple[int, ...], path: Path) -> PositionFrame:
    """Turn metres into pixels of the image.

    ptychodus counts from centres: position (center_x_m, center_y_m) lies on object pixel (size - 1)/2,
    and a position says where the probe's pixel (N - 1)/2 lies. Ours is N//2, half a pixel further
    for even N. Without indexes, as pty-chi's example data are, the positions are in the scan's order.
    """
    indexes = _indexes(file, product.indexes, path) if product.indexes in file else None
    count = _count(file.array(product.position_x)) if indexes is None else indexes.size
    sides = side_of(file, product.probe, path=path)
    columns = []
    for axis, (at, centre, pitch) in enumerate(
        (
            (product.position_x, product.center_x, product.pixel_width),
            (product.position_y, product.center_y, product.pixel_height),
        )
    ):
        metres = read_numbers(file, at, path=path, count=count, column=axis)
        (centre_m,) = read_numbers(file, centre, path=path, count=1)
        (pitch_m,) = read_numbers(file, pitch, path=path, count=1)
        if not pitch_m > 0:
            raise ReadyMadeError(f"{path}: '{pitch}' is {pitch_m}; needed: metres per pixel, more than 0")
        size, side = shape[1 - axis], int(sides[1 - axis])
        with np.errstate(over="ignore"):  # a frame that lies nowhere is refused when it is used
            pixels = (metres - centre_m) / pitch_m
        columns.append(pixels + (size - 1) / 2 + side // 2 - (side - 1) / 2)
    return PositionFrame(path, indexes, np.stack(columns, axis=1))


def _count(positions: NDArray[Any]) -> int:
    """How many positions there are in a column, or in a table (n, 3)."""
    return len(positions) if positions.ndim == 2 else positions.size


def _indexes(file: ImageFile, key: str, path: Path) -> NDArray[np.intp]:
    indexes = file.array(key).reshape(-1)
    whole = indexes.size > 0 and indexes.dtype.kind in "iu"
    # cast first: what is too large for it becomes negative
    if not whole or indexes.astype(np.intp).min() < 0:
        raise ReadyMadeError(
            f"{path}: '{key}' is {indexes.dtype} of shape {indexes.shape}; "
            "needed: indexes of patterns, not negative"
        )
    return indexes.astype(np.intp)
