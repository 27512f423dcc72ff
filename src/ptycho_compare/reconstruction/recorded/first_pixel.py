"""Frames of files that say where each patch begins, in pixels of the object's array.

A patch that begins at (row, column) has its pixel [N//2, N//2] N//2 further: that is our position.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ReadyMadeError
from ptycho_compare.reconstruction.frame import PositionFrame
from ptycho_compare.reconstruction.image_file import ImageFile
from ptycho_compare.reconstruction.recorded.numbers_in import beside, read_numbers, read_pairs, side_of

_ROUNDING_PX = 1e-2


def tike_frame(file: ImageFile, key: str, shape: tuple[int, ...], *, path: Path) -> PositionFrame | None:  # noqa: ARG001
    """Read tike's ``scan`` (n, 2) beside ``psi``: row and column of the first pixel of each patch.

    So says tike.ptycho.position: a patch is psi[row : row + N, column : column + N].
    """
    scan, probe = beside(key, "scan"), beside(key, "probe")
    if key.rpartition("/")[2] != "psi" or scan not in file or probe not in file:
        return None
    return _frame(path, read_pairs(file, scan, path=path), side_of(file, probe, path=path))


def cdtools_frame(file: ImageFile, key: str, shape: tuple[int, ...], *, path: Path) -> PositionFrame | None:
    """Read cdtools' ``translations`` (n, 3) in m and ``obj_basis`` (3, 2) in m per px beside ``obj``.

    cdtools.tools.interactions.translations_to_pixel: (row, column) = pinv(basis) t, where t is taken along
    the beam onto the sample's plane; a patch begins ``min_translation`` before. Where the file keeps none,
    it is the least translation less the padding that makes the object's shape.
    """
    names = ("translations", "obj_basis", "probe")
    translations, basis, probe = (beside(key, name) for name in names)
    if key.rpartition("/")[2] != "obj" or not all(name in file for name in (translations, basis, probe)):
        return None
    vectors = read_pairs(file, basis, path=path)
    if vectors.shape != (3, 2):
        return None
    side = side_of(file, probe, path=path)
    to_pixel: NDArray[np.float64] = np.linalg.pinv(vectors) @ _onto_sample(file, key, path)
    pixels = read_pairs(file, translations, path=path, columns=3) @ to_pixel.T
    least = beside(key, "state_dict/min_translation")
    if least in file:
        return _frame(path, pixels - read_numbers(file, least, path=path, count=2), side)
    original = beside(key, "original_translations")
    start = read_pairs(file, original, path=path, columns=3) @ to_pixel.T if original in file else pixels
    padding = _padding(np.array(shape) - side, np.ptp(start, axis=0))
    return None if padding is None else _frame(path, pixels - (start.min(axis=0) - padding), side)


def _padding(free: NDArray[np.int64], extent: NDArray[np.float64]) -> int | None:
    """Pixels around the patches on each side: (free - ceil(extent)) / 2, the same along both axes.

    In single precision an extent of whole pixels may have become one more.
    """
    common = set.intersection(
        *(
            {(int(room) - math.ceil(length + slack)) / 2 for slack in (-_ROUNDING_PX, _ROUNDING_PX)}
            for room, length in zip(free, extent, strict=True)
        )
    )
    whole = [int(each) for each in common if each >= 0 and each == int(each)]
    return whole[0] if len(whole) == 1 else None


def _onto_sample(file: ImageFile, key: str, path: Path) -> NDArray[np.float64]:
    """The matrix (3, 3) that takes a translation along z onto the plane of the sample."""
    normal = beside(key, "state_dict/surface_normal")
    along = np.eye(3)
    if normal in file:
        vector = read_numbers(file, normal, path=path, count=3)
        if vector[2] == 0:
            raise ReadyMadeError(f"{path}: '{normal}' is {vector.tolist()}: the sample lies along the beam")
        along[2] = -vector / vector[2]
    plane: NDArray[np.float64] = (np.linalg.inv(along) @ np.diag([1.0, 1.0, 0.0])).astype(np.float64)
    return plane


def ptychi_frame(file: ImageFile, key: str, shape: tuple[int, ...], *, path: Path) -> PositionFrame | None:  # noqa: ARG001
    """Read the positions that pty-chi was given, under the names of its task, and ``pos_origin_coords``.

    ptychi.data_structures.object: a patch's pixel (N - 1)/2 lies at position + pos_origin_coords, both
    (row, column) in px. Without the latter, which the task keeps beside the object, there is no frame.
    """
    names = ("pos_origin_coords", "probe_position_y_px", "probe_position_x_px", "probe")
    origin, y, x, probe = (beside(key, name) for name in names)
    if not all(name in file for name in (origin, y, x, probe)):
        return None
    side = side_of(file, probe, path=path)
    count = file.array(y).size
    positions = np.stack([read_numbers(file, name, path=path, count=count) for name in (y, x)], axis=1)
    start = read_numbers(file, origin, path=path, count=2) - (side - 1) / 2
    return _frame(path, positions + start, side)


def ptychoshelves_frame(
    file: ImageFile, key: str, shape: tuple[int, ...], *, path: Path
) -> PositionFrame | None:
    """Read PtychoShelves' ``outputs.probe_positions`` (n, 2): x, y in px about the object's centre.

    Its find_reconstruction_ROI: a patch of N rows begins at row y + ceil(H/2 - N/2) of H, counted from 1,
    as fold_slice keeps it; columns likewise.
    """
    positions = "outputs/probe_positions"
    if key.strip("/") != "object" or positions not in file or "probe" not in file:
        return None
    side = side_of(file, "probe", path=path)
    offset = np.ceil(np.array(shape) / 2 - side / 2) - 1
    return _frame(path, read_pairs(file, positions, path=path)[:, ::-1] + offset, side)


def _frame(path: Path, first: NDArray[np.float64], side: NDArray[np.int64]) -> PositionFrame:
    return PositionFrame(path, None, (first + side // 2)[:, ::-1])
