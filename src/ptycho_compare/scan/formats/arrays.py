"""The small arrays of a scan, checked alike in every format: probe, object, mask, metadata."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ScanError
from ptycho_compare.scan.formats.contents import Container, Images
from ptycho_compare.scan.probe_modes import modes_of, part_taken, shares_of
from ptycho_compare.untrusted.bounds import shown, why_unbounded


def read_probe(container: Container, key: str) -> tuple[NDArray[np.complex64], tuple[str, ...]]:
    """Read the modes of the probe (m, N, N), strongest first, with a warning where it holds more than one."""
    values = container.array(key)
    modes = modes_of(values)
    if modes is None:
        shape = f"{values.dtype} of shape {values.shape}"
        square = values.dtype.kind == "c" and values.ndim > 1 and values.shape[-1] == values.shape[-2] > 0
        found = "zero or not finite" if square else f"{shape}; needed: (N, N) complex"
        raise ScanError(f"{container.label}: '{key}' is {found}")
    label = f"{container.label}: '{key}'"
    warnings: list[str] = []
    if (part := part_taken(values)) is not None:
        which = f"part {part.number} (from 0) of {part.count}"
        warnings.append(
            f"{label} has shape {values.shape}, of which only {which} is taken, "
            f"which has {part.share:.3g} of the power of all; if they are modes, store them as (m, N, N)"
        )
    if len(modes) > 1:
        warnings.append(
            f"{label} holds {len(modes)} modes of a probe: their intensities add up; where "
            f"one must do, it is the strongest, which has {shares_of(modes)[0]:.3g} of the power"
        )
    return modes, tuple(warnings)


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
    container: Container,
    *,
    names: tuple[str, str],
    unit: str = "",
    stored: NDArray[np.float64] | None = None,
) -> None:
    """Refuse positions outside a known object.

    `names` are the keys that gave x and y. What the file says is shown where it is not these pixels:
    `stored`, a row for each image in that unit, or the array of that key.
    """
    if truth is None:
        return
    height, width = truth.shape
    for axis, key, values, size in zip("xy", names, positions.T, (width, height), strict=True):
        outside = np.flatnonzero((values < 0) | (values > size - 1))
        if outside.size:
            value = values[outside[0]]
            table = container.array(key) if stored is None and key in container else stored
            row = _row_of(table, int(outside[0]), len(values))
            found = f"{value:g}"
            if row.size and not np.isclose(row, value).any():
                numbers = ", ".join(f"{each:.4g}" for each in row)
                found = f"({numbers}){f' {unit}' if unit else ''}, which is {axis} = {value:g} px,"
            raise ScanError(
                f"{container.label}: '{key}'[{outside[0]}] = {found} lies outside the object of {height} x "
                f"{width} px ({outside.size} of {len(values)} do); {axis} counts object pixels from the "
                f"first, 0 to {size - 1}, and goes from {values.min():g} to {values.max():g}: shift all "
                "positions in the file alike, or leave the object out"
            )


def _row_of(table: NDArray[Any] | None, number: int, count: int) -> NDArray[Any]:
    """Return what a table says of one image; empty where it has not a row for each."""
    if table is None or table.shape[:1] != (count,):
        return np.empty(0)
    return np.atleast_1d(table[number]).ravel()


def read_metadata(container: Container) -> Mapping[str, Any]:
    """Read PtychoPINN's ``_metadata``, JSON text; empty when there is none."""
    if "_metadata" not in container:
        return {}
    text = container.text("_metadata")
    try:
        metadata = json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise ScanError(f"{container.label}: '_metadata' is not JSON text ({shown(error)})") from None
    why = why_unbounded(metadata)
    if why:
        raise ScanError(f"{container.label}: '_metadata': {why}; store plain facts there")
    if not isinstance(metadata, dict):
        raise ScanError(f"{container.label}: '_metadata' is JSON, but no object: {text[:60]!r}")
    return metadata


def _planes(values: NDArray[Any]) -> NDArray[Any]:
    """View (..., H, W) or (H, W, 1) as (planes, H, W)."""
    if values.ndim == 3 and values.shape[-1] == 1:
        values = values[..., 0]
    return values.reshape(-1, *values.shape[-2:]) if values.ndim >= 2 and values.size else values
