"""The modes of a probe: what of an array adds up as intensities, strongest first.

Order tells nothing: after some engines the first mode holds 0.01 % of the power.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_LEAST_OF_MAIN = 0.1


def modes_of(values: NDArray[Any]) -> NDArray[np.complex64] | None:
    """Read the modes of a probe from an array as codes write it.

    The axis before (N, N) holds modes that add up as intensities. Axes before that one hold other things
    (pty-chi's and ptychodus' orthogonal parts, tike's probe of each position); the first of each is the main
    one, unless it has less than a tenth of the strongest one's power: then they are modes that somebody put
    there. MATLAB's (N, N, m) is understood where N and m differ.

    Parameters
    ----------
    values : ndarray, (..., m, N, N), (N, N) or (N, N, m), complex

    Returns
    -------
    ndarray, (m, N, N), complex64, or None
        By power, falling, those without any left out; None where that is no probe: another shape or
        kind, not finite, zero.
    """
    if values.dtype.kind != "c" or values.ndim < 2 or not values.size:
        return None
    if values.ndim == 3 and values.shape[0] == values.shape[1] != values.shape[2]:
        values = np.moveaxis(values, -1, 0)
    if values.shape[-1] != values.shape[-2]:
        return None
    with np.errstate(over="ignore"):  # becomes infinite
        parts = values.reshape(-1, *values.shape[-3:]) if values.ndim > 3 else values[np.newaxis]
        main = _main_part(parts)
        modes = main.reshape(-1, *values.shape[-2:]).astype(np.complex64)
    power = (np.abs(modes.astype(np.complex128)) ** 2).sum(axis=(1, 2))
    if not np.isfinite(modes).all() or not power.any():
        return None
    order = np.argsort(-power, kind="stable")
    return np.asarray(modes[order[power[order] > 0]])


def _main_part(parts: NDArray[Any]) -> NDArray[Any]:
    if len(parts) == 1:
        return np.asarray(parts[0])
    power = np.array([(np.abs(each.astype(np.complex128)) ** 2).sum() for each in parts])
    strongest = int(power.argmax()) if np.isfinite(power).all() else 0
    return np.asarray(parts[strongest if power[0] < _LEAST_OF_MAIN * power[strongest] else 0])


def shares_of(modes: NDArray[np.complex64]) -> NDArray[np.float64]:
    """Part of the power in each of some modes (m, N, N)."""
    power = (np.abs(modes.astype(np.complex128)) ** 2).sum(axis=(1, 2))
    return np.asarray(power / power.sum())
