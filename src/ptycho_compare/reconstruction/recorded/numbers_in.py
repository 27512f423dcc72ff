"""Small arrays of numbers that a file records beside its image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ReadyMadeError
from ptycho_compare.reconstruction.image_file import ImageFile


def read_numbers(
    file: ImageFile, key: str, *, path: Path, count: int, column: int = 0
) -> NDArray[np.float64]:
    """Read `count` finite numbers, of a table (n, 3) only one column; a ReadyMadeError says what is there."""
    values: NDArray[Any] = file.array(key)
    if values.ndim == 2 and values.shape[1] == 3:
        values = values[:, column]
    if values.size != count or not _finite(values):
        raise ReadyMadeError(
            f"{path}: '{key}' is {values.dtype} of shape {values.shape}; needed: {count} finite numbers"
        )
    return values.reshape(-1).astype(np.float64)


def read_pairs(file: ImageFile, key: str, *, path: Path, columns: int = 2) -> NDArray[np.float64]:
    """Read a table (n, `columns`) of finite numbers; axes of length 1 before the first are dropped."""
    values: NDArray[Any] = file.array(key)
    table = values
    while table.ndim > 2 and table.shape[0] == 1:
        table = table[0]
    if table.ndim != 2 or table.shape[1] != columns or not len(table) or not _finite(table):
        raise ReadyMadeError(
            f"{path}: '{key}' is {values.dtype} of shape {values.shape}; "
            f"needed: (n, {columns}) finite numbers"
        )
    return table.astype(np.float64)


def side_of(file: ImageFile, key: str, *, path: Path) -> NDArray[np.int64]:
    """Height and width of the patches: of the probe (..., N, N) that lies under `key`."""
    shape = file.array(key).shape
    if len(shape) < 2:
        raise ReadyMadeError(f"{path}: '{key}' has shape {shape}; needed: (..., N, N)")
    return np.array(shape[-2:])


def beside(key: str, name: str, *, up: int = 0) -> str:
    """The path of another array in the group of an image, or in one `up` levels above it."""
    parts = key.split("/")[: -1 - up]
    return "/".join([*parts, name])


def _finite(values: NDArray[Any]) -> bool:
    return values.dtype.kind in "iuf" and bool(np.isfinite(values).all())
