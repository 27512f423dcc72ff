"""Frames of PtyPy's .ptyr files: an object is a storage that knows its pixel size and centre."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.reconstruction.frame import PositionFrame
from ptycho_compare.reconstruction.image_file import ImageFile
from ptycho_compare.reconstruction.recorded.numbers_in import beside, read_numbers, read_pairs


def ptypy_frame(file: ImageFile, key: str, shape: tuple[int, ...], *, path: Path) -> PositionFrame | None:  # noqa: ARG001
    """Read ``content/positions/ID`` (n, 2), in m, for the object ``content/obj/ID/data``.

    ptypy.core.classes: a view at coordinate c, (row, column), lies on pixel c / psize + center, and that
    pixel is the view's [N/2, N/2], for an even N. A storage with several views an image, one a mode, repeats
    each coordinate.
    """
    parts = key.strip("/").split("/")
    if parts[-3:-2] != ["obj"] or parts[-1] != "data":
        return None
    pixel_size, centre = beside(key, "_psize"), beside(key, "_center")
    positions = beside(key, f"positions/{parts[-2]}", up=2)
    if not all(name in file for name in (pixel_size, centre, positions)):
        return None
    pitch, origin = (_two(file, name, path) for name in (pixel_size, centre))
    if not (pitch > 0).all():
        return None
    coordinates = _one_an_image(read_pairs(file, positions, path=path), _probe_modes(file, key))
    with np.errstate(over="ignore"):  # a frame that lies nowhere is refused when it is used
        pixels = coordinates / pitch + origin
    return PositionFrame(path, None, pixels[:, ::-1])


def _two(file: ImageFile, key: str, path: Path) -> NDArray[np.float64]:
    """Two numbers, (row, column), or one for both."""
    count = 1 if file.array(key).size == 1 else 2
    return np.broadcast_to(read_numbers(file, key, path=path, count=count), 2)


def _probe_modes(file: ImageFile, key: str) -> int:
    """How many modes the probes of the file have; 1 where they differ, or there is none."""
    group = beside(key, "probe/", up=2).strip("/") + "/"
    counts = {
        kind.shape[0]
        for name, kind in file.arrays().items()
        if name.strip("/").startswith(group) and name.endswith("/data") and len(kind.shape) == 3
    }
    return counts.pop() if len(counts) == 1 else 1


def _one_an_image(coordinates: NDArray[np.float64], modes: int) -> NDArray[np.float64]:
    if modes > 1 and len(coordinates) % modes == 0:
        groups = coordinates.reshape(-1, modes, 2)
        if (groups == groups[:, :1]).all():
            return groups[:, 0]
    return coordinates
