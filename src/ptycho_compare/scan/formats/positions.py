"""Positions of a scan in all layouts of the field: columns, tables, a raster's grids and axes."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ScanError
from ptycho_compare.scan.formats.contents import Container


def read_columns(
    container: Container, x: str, y: str, *, images: tuple[int, ...]
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Read positions (n, 2) from one array each for x and y, with warnings.

    Either holds a number an image, in any shape: (n,), MATLAB's (1, n) and (n, 1), or a coordinate
    grid of the raster's shape. Or the two are the axes of a raster, `images` (rows, columns, N, N):
    as many x as it has columns and y as it has rows, or the other way round.
    """
    columns = [_finite_column(container, key, images) for key in (x, y)]
    widths = len(columns[0]), len(columns[1])
    raster = _raster(images)
    if len(raster) == 2 and widths[0] * widths[1] == math.prod(raster) and max(widths) < math.prod(raster):
        return _axes(columns[0], columns[1], raster, label=f"{container.label}: '{x}' and '{y}'")
    if widths[0] != widths[1] or not widths[0]:
        raise ScanError(
            f"{container.label}: '{x}' has {widths[0]} positions and '{y}' {widths[1]}; "
            "needed: as many, not 0"
        )
    return np.stack(columns, axis=1), ()


def _finite_column(container: Container, key: str, images: tuple[int, ...]) -> NDArray[np.float64]:
    values = container.in_order(key)
    if values.dtype.kind not in "iuf":
        raise ScanError(
            f"{container.label}: '{key}' is {values.dtype} of shape {values.shape}; needed: (n,) numbers"
        )
    _require_same_grid(values.shape, images, label=f"{container.label}: '{key}'")
    values = values.reshape(-1)
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise ScanError(
            f"{container.label}: '{key}'[{bad[0]}] is {values[bad[0]]}; {bad.size} positions are not finite"
        )
    return values.astype(np.float64)


def _grid(lengths: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(length for length in lengths if length > 1)


def _raster(images: tuple[int, ...]) -> tuple[int, ...]:
    """Axes that count the images of a stack (..., N, N) or (..., N, N, 1)."""
    channel = len(images) > 3 and images[-1] == 1
    return _grid(images[: -3 if channel else -2])


def _require_same_grid(shape: tuple[int, ...], images: tuple[int, ...], *, label: str) -> None:
    """Refuse a grid of positions whose rows are the columns of the images' raster, by a ScanError."""
    grid, raster = _grid(shape), _raster(images)
    if len(grid) == len(raster) == 2 and grid != raster:
        raise ScanError(
            f"{label} is a grid of {grid[0]} x {grid[1]}, and the images are one of "
            f"{raster[0]} x {raster[1]}; needed: both the same way round"
        )


def _axes(
    x: NDArray[np.float64], y: NDArray[np.float64], raster: tuple[int, ...], *, label: str
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Spread the two axes of a raster over its images; a square raster does not tell which comes first."""
    rows_first = (len(y), len(x)) == raster
    if not rows_first and (len(x), len(y)) != raster:
        raise ScanError(
            f"{label} are {len(x)} and {len(y)} numbers, and the raster is "
            f"{raster[0]} x {raster[1]}; needed: one number an image, or as many as it has columns and rows"
        )
    grids = np.meshgrid(x, y, indexing="xy" if rows_first else "ij")
    warnings: tuple[str, ...] = ()
    if len(x) == len(y):
        warnings = (f"{label} are the axes of a square raster; y is taken for its rows",)
    return np.stack([grid.reshape(-1) for grid in grids], axis=1), warnings


def read_table(
    container: Container, key: str, *, columns: int, images: tuple[int, ...] = ()
) -> NDArray[np.float64]:
    """Read positions (n, columns) from one array, which may be a raster's grid or have the columns first.

    `images` is the shape of the images that they belong to, (n, N, N) or (rows, columns, N, N).
    """
    values = container.in_order(key)
    table = values
    if table.ndim >= 2 and table.shape[-1] == columns:
        _require_same_grid(table.shape[:-1], images, label=f"{container.label}: '{key}'")
        table = table.reshape(-1, columns)
    elif table.ndim >= 2 and table.shape[0] == columns:
        _require_same_grid(table.shape[1:], images, label=f"{container.label}: '{key}'")
        table = table.reshape(columns, -1).T
    if table.dtype.kind not in "iuf" or table.ndim != 2 or table.shape[1] != columns or not len(table):
        raise ScanError(
            f"{container.label}: '{key}' is {values.dtype} of shape {values.shape}; "
            f"needed: (n, {columns}) numbers, n not 0"
        )
    bad = np.flatnonzero(~np.isfinite(table).all(axis=1))
    if bad.size:
        raise ScanError(
            f"{container.label}: '{key}'[{bad[0]}] is {table[bad[0]].tolist()}; "
            f"{bad.size} positions are not finite"
        )
    return table.astype(np.float64)
