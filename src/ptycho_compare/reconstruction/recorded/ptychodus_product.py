"""Frames of ptychodus' products, as version 1.7.0 writes them: NPZ, HDF5 and CXI."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from ptycho_compare.errors import ReadyMadeError
from ptycho_compare.reconstruction.frame import PositionFrame
from ptycho_compare.reconstruction.image_file import ImageFile
from ptycho_compare.reconstruction.recorded.numbers_in import read_numbers


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
        return all(getattr(self, field.name) in file for field in fields(self))


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
    for even N.
    """
    indexes = file.array(product.indexes).reshape(-1)
    probe = file.array(product.probe)
    whole = indexes.size > 0 and indexes.dtype.kind in "iu"
    # cast first: what is too large for it becomes negative
    if not whole or indexes.astype(np.intp).min() < 0 or probe.ndim < 2:
        raise ReadyMadeError(
            f"{path}: '{product.indexes}' is {indexes.dtype} of shape {indexes.shape} and '{product.probe}' "
            f"has shape {probe.shape}; needed: indexes of patterns, not negative, and (..., N, N)"
        )
    columns = []
    for axis, (at, centre, pitch) in enumerate(
        (
            (product.position_x, product.center_x, product.pixel_width),
            (product.position_y, product.center_y, product.pixel_height),
        )
    ):
        metres = read_numbers(file, at, path=path, count=indexes.size, column=axis)
        (centre_m,) = read_numbers(file, centre, path=path, count=1)
        (pitch_m,) = read_numbers(file, pitch, path=path, count=1)
        if not pitch_m > 0:
            raise ReadyMadeError(f"{path}: '{pitch}' is {pitch_m}; needed: metres per pixel, more than 0")
        size, side = shape[1 - axis], probe.shape[-1 - axis]
        with np.errstate(over="ignore"):  # a frame that lies nowhere is refused when it is used
            pixels = (metres - centre_m) / pitch_m
        columns.append(pixels + (size - 1) / 2 + side // 2 - (side - 1) / 2)
    return PositionFrame(path, indexes.astype(np.intp), np.stack(columns, axis=1))
