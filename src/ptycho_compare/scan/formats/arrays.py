"""The small arrays of a scan, checked alike in every format: positions, probe, object, mask, metadata."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ScanError
from ptycho_compare.scan.formats.contents import Container, Images
from ptycho_compare.scan.probe_modes import modes_of, shares_of


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


def read_probe(container: Container, key: str) -> tuple[NDArray[np.complex64], tuple[str, ...]]:
    """Read the modes of the probe (m, N, N), strongest first, with a warning where there are several."""
    values = container.array(key)
    modes = modes_of(values)
    if modes is None:
        shape = f"{values.dtype} of shape {values.shape}"
        square = values.dtype.kind == "c" and values.ndim > 1 and values.shape[-1] == values.shape[-2] > 0
        found = "zero or not finite" if square else f"{shape}; needed: (N, N) complex"
        raise ScanError(f"{container.label}: '{key}' is {found}")
    if len(modes) == 1:
        return modes, ()
    warning = (
        f"{container.label}: '{key}' holds {len(modes)} modes of a probe: their intensities add up; where "
        f"one must do, it is the strongest, which has {shares_of(modes)[0]:.3g} of the power"
    )
    return modes, (warning,)


def read_truth(container: Container, key: str) -> NDArray[np.complex64]:
    """Read the true object (H, W)."""
    values = container.array(key)
    truth = _planes(values)
    if truth.dtype.kind != "c" or truth.ndim != 3 or len(truth) != 1 or not truth.size:
        raise ScanError(
            f"{container.label}: '{key}' is {values.dtype} of shape {values.shape}; needed: (H, W) complex"
        )
    if not np.isfinite(truth).all():
        raise ScanError(f"{container.label}: '{key}' holds values that are not finite")
    return np.asarray(truth[0], np.complex64)


def read_mask(
    container: Container, key: str, *, count: int, harmless: int = 0, good: bool = False
) -> tuple[NDArray[np.bool_], tuple[str, ...]]:
    """Read a detector mask (N, N): True where any bit that is not `harmless` is set.

    Of a mask for each of the `count` images a pixel is bad that is bad in any image, with a warning
    where they differ. With `good` the numbers are weights: 0 and less is bad.
    """

    def is_bad(values: NDArray[Any]) -> NDArray[np.bool_]:
        bad: NDArray[np.bool_] = ~(values > 0) if good else (values.astype(np.int64) & ~harmless) != 0
        return bad

    kinds, needed = ("biuf", "numbers") if good else ("biu", "whole numbers")
    shape = container.shape(key)
    if math.prod(shape[:-2]) > 1:
        images = container.images(key, count=count, side=None)
        if images.dtype.kind not in kinds:
            raise ScanError(f"{container.label}: '{key}' is {images.dtype}; needed: (n, N, N) {needed}")
        return _bad_in_any(images, is_bad, label=f"{container.label}: '{key}'")
    values = container.array(key)
    mask = _planes(values)
    if mask.dtype.kind not in kinds or mask.ndim != 3 or len(mask) != 1:
        raise ScanError(
            f"{container.label}: '{key}' is {values.dtype} of shape {values.shape}; needed: (N, N) {needed}"
        )
    return is_bad(mask[0]), ()


def _bad_in_any(
    images: Images, is_bad: Callable[[NDArray[Any]], NDArray[np.bool_]], *, label: str
) -> tuple[NDArray[np.bool_], tuple[str, ...]]:
    ever = np.zeros((images.side, images.side), np.bool_)
    always = ~ever
    try:
        for block in images.blocks():
            bad = is_bad(block)
            ever |= bad.any(axis=0)
            always &= bad.all(axis=0)
    finally:
        images.close()
    changing = int((ever & ~always).sum())
    if not changing:
        return ever, ()
    warning = (
        f"{label} is another for each image: {changing} px that are bad in some "
        f"are left out of all, with the {int(always.sum())} that are bad in all"
    )
    return ever, (warning,)


def require_inside(
    positions: NDArray[np.float64],
    truth: NDArray[np.complex64] | None,
    *,
    label: str,
    names: tuple[str, str],
) -> None:
    """Refuse positions outside a known object; `names` are the keys that gave x and y."""
    if truth is None:
        return
    height, width = truth.shape
    for key, values, size in zip(names, positions.T, (width, height), strict=True):
        outside = np.flatnonzero((values < 0) | (values > size - 1))
        if outside.size:
            raise ScanError(
                f"{label}: '{key}'[{outside[0]}] = {values[outside[0]]:g} lies outside the object of "
                f"{height} x {width} px ({outside.size} of {len(values)} do); positions are object pixels"
            )


def read_metadata(container: Container) -> Mapping[str, Any]:
    """Read PtychoPINN's ``_metadata``, JSON text; empty when there is none."""
    if "_metadata" not in container:
        return {}
    text = container.text("_metadata")
    try:
        metadata = json.loads(text)
    except (TypeError, ValueError) as error:
        raise ScanError(f"{container.label}: '_metadata' is not JSON text ({error})") from None
    if not isinstance(metadata, dict):
        raise ScanError(f"{container.label}: '_metadata' is JSON, but no object: {text[:60]!r}")
    return metadata


def _planes(values: NDArray[Any]) -> NDArray[Any]:
    """View (..., H, W) or (H, W, 1) as (planes, H, W)."""
    if values.ndim == 3 and values.shape[-1] == 1:
        values = values[..., 0]
    return values.reshape(-1, *values.shape[-2:]) if values.ndim >= 2 and values.size else values
