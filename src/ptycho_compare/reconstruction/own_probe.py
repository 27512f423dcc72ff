"""Whether a reconstruction's probe was retrieved together with it, or is the one that was given."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SAME_PROBE = 1e-5
"""Two probes that differ by less than this part of them are one: single precision, another unit."""


def was_retrieved(probe: NDArray[np.complex64] | None, given: NDArray[np.complex64] | None) -> bool:
    """Say if a reconstruction has a probe of its own.

    Parameters
    ----------
    probe : ndarray, (N, N), complex64, or None
        That came with the reconstruction.
    given : ndarray, (N, N), complex64, or None
        The scan's. Its copy, in whatever unit and of whatever global phase, was not retrieved.
    """
    if probe is None or not np.isfinite(probe).all() or not probe.any():
        return False
    if given is None or probe.shape != given.shape:
        return True
    own, other = (each.ravel().astype(np.complex128) for each in (probe, given))
    rest = other - own * (np.vdot(own, other) / np.vdot(own, own))
    return bool(np.linalg.norm(rest) > SAME_PROBE * np.linalg.norm(other))
