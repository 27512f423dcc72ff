"""Frames as files record them.

Our own convention: ``origin_yx_px``, two numbers beside the image (or an HDF5 attribute on it),
row and column of its pixel [0, 0] on the object's grid; fractions of a pixel count. Our own
``reconstructions*.npz`` say the same in ``origin``. Of other programs' files see `recorded`.
"""

from __future__ import annotations

from pathlib import Path

from ptycho_compare.reconstruction.frame import Frame, OriginFrame
from ptycho_compare.reconstruction.image_file import ImageFile
from ptycho_compare.reconstruction.recorded.first_pixel import (
    cdtools_frame,
    ptychi_frame,
    ptychoshelves_frame,
    tike_frame,
)
from ptycho_compare.reconstruction.recorded.numbers_in import read_numbers
from ptycho_compare.reconstruction.recorded.ptychodus_product import ptychodus_frame
from ptycho_compare.reconstruction.recorded.ptypy_storage import ptypy_frame

_OF_PROGRAMS = (ptychodus_frame, tike_frame, cdtools_frame, ptypy_frame, ptychi_frame, ptychoshelves_frame)


def read_frame(file: ImageFile, key: str, shape: tuple[int, ...], *, path: Path) -> Frame | None:
    """Read the frame of an image from its file; None when none is recorded.

    Parameters
    ----------
    shape : tuple of int
        Height and width of the image, px.

    Raises
    ------
    ReadyMadeError
        The record is no frame.
    """
    group, slash, name = key.rpartition("/")
    for origin in (f"{group}{slash}origin_yx_px", f"{key}@origin_yx_px"):
        if origin in file:
            return OriginFrame(_origin(file, origin, path))
    arm, _, kind = name.rpartition("_")
    if kind == "complex" and f"{arm}_amplitude" in file and "origin" in file:
        return OriginFrame(_origin(file, "origin", path))
    for of_program in _OF_PROGRAMS:
        frame = of_program(file, key, shape, path=path)
        if frame is not None:
            return frame
    return None


def _origin(file: ImageFile, key: str, path: Path) -> tuple[float, float]:
    row, column = read_numbers(file, key, path=path, count=2)
    return float(row), float(column)
