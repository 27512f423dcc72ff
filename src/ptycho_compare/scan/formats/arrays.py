"""The small arrays of a scan, checked alike in every format: positions, probe, object, mask, metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ScanError
from ptycho_compare.scan.formats.contents import Container


def read_columns(container: Container, x: str, y: str) -> NDArray[np.float64]:
    """Read positions (n, 2) from one array each for x and y, px."""
    columns = []
    for key in (x, y):
        values = container.array(key)
        if values.dtype.kind not in "iuf" or values.ndim != 1:
            raise ScanError(
                f"{container.label}: '{key}' is {values.dtype} of shape {values.shape}; needed: (n,) numbers"
            )
        bad = np.flatnonzero(~np.isfinite(values))
        if bad.size:
            raise ScanError(
                f"{container.label}: '{key}'[{bad[0]}] is {values[bad[0]]}; "
                f"{bad.size} positions are not finite"
            )
        columns.append(values.astype(np.float64))
    if len(columns[0]) != len(columns[1]) or not len(columns[0]):
        raise ScanError(
            f"{container.label}: '{x}' has {len(columns[0])} positions and '{y}' {len(columns[1])}; "
            "needed: as many, not 0"
        )
    return np.stack(columns, axis=1)


def read_table(container: Container, key: str, *, columns: int) -> NDArray[np.float64]:
    """Read positions from one array (n, columns); axes of length 1 before the first are dropped."""
    values = container.array(key)
    table = values
    while table.ndim > 2 and table.shape[0] == 1:
        table = table[0]
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
    """Read the probe (N, N); of several modes the first, which is the main one, with a warning."""
    values = container.array(key)
    probe = _planes(values)
    if probe.dtype.kind != "c" or probe.ndim != 3 or probe.shape[1] != probe.shape[2] or not probe.size:
        raise ScanError(
            f"{container.label}: '{key}' is {values.dtype} of shape {values.shape}; needed: (N, N) complex"
        )
    if not np.isfinite(probe[0]).all() or not probe[0].any():
        raise ScanError(f"{container.label}: '{key}' is zero or not finite")
    warnings: tuple[str, ...] = ()
    if len(probe) > 1:
        warnings = (f"{container.label}: '{key}' holds {len(probe)} probes; the first is used",)
    return probe[0].astype(np.complex64), warnings


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


def read_mask(container: Container, key: str, *, harmless: int = 0) -> NDArray[np.bool_]:
    """Read a detector mask (N, N): True where any bit that is not `harmless` is set."""
    values = container.array(key)
    mask = _planes(values)
    if mask.dtype.kind not in "biu" or mask.ndim != 3 or len(mask) != 1:
        raise ScanError(
            f"{container.label}: '{key}' is {values.dtype} of shape {values.shape}; "
            "needed: (N, N) whole numbers, the same for all images"
        )
    bad: NDArray[np.bool_] = (mask[0].astype(np.int64) & ~harmless) != 0
    return bad


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
