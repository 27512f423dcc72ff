"""The modes of a probe: what of an array adds up as intensities, strongest first.

Order tells nothing: after some engines the first mode holds 0.01 % of the power.
"""

from __future__ import annotations

from dataclasses import dataclass
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
    parts = _parts(values)
    if parts is None:
        return None
    with np.errstate(over="ignore"):  # becomes infinite
        main = parts[_main_part(_power_of(parts))]
        modes = main.reshape(-1, *main.shape[-2:]).astype(np.complex64)
    power = (np.abs(modes.astype(np.complex128)) ** 2).sum(axis=(1, 2))
    if not np.isfinite(modes).all() or not power.any():
        return None
    order = np.argsort(-power, kind="stable")
    return np.asarray(modes[order[power[order] > 0]])


@dataclass(frozen=True)
class PartTaken:
    """The main one of several parts of a probe: its number from 0, their count, its share of all power."""

    number: int
    count: int
    share: float


def part_taken(values: NDArray[Any]) -> PartTaken | None:
    """Say which part `modes_of` takes the modes from; None where there is but one with power."""
    parts = _parts(values)
    if parts is None:
        return None
    power = _power_of(parts)
    if np.count_nonzero(power) < 2:
        return None
    main = _main_part(power)
    return PartTaken(main, len(parts), float(power[main] / power.sum()))


def _parts(values: NDArray[Any]) -> NDArray[Any] | None:
    """View an array as parts, each of modes that add up: (parts, m, N, N), or one (N, N)."""
    if values.dtype.kind != "c" or values.ndim < 2 or not values.size:
        return None
    if values.ndim == 3 and values.shape[0] == values.shape[1] != values.shape[2]:
        values = np.moveaxis(values, -1, 0)
    if values.shape[-1] != values.shape[-2]:
        return None
    return values.reshape(-1, *values.shape[-3:]) if values.ndim > 3 else values[np.newaxis]


def _power_of(parts: NDArray[Any]) -> NDArray[np.float64]:
    return np.array([(np.abs(each.astype(np.complex128)) ** 2).sum() for each in parts])


def _main_part(power: NDArray[np.float64]) -> int:
    strongest = int(power.argmax()) if np.isfinite(power).all() else 0
    return strongest if power[0] < _LEAST_OF_MAIN * power[strongest] else 0


def shares_of(modes: NDArray[np.complex64]) -> NDArray[np.float64]:
    """Part of the power in each of some modes (m, N, N)."""
    power = (np.abs(modes.astype(np.complex128)) ** 2).sum(axis=(1, 2))
    return np.asarray(power / power.sum())
