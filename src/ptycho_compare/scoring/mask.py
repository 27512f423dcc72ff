"""The common mask: the pixels that are scored, the same ones for every arm.

It is drawn from coverage weights only, never from image values, so a dead arm cannot change the
pixels of the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from ptycho_compare.errors import ScoringError

Mask = NDArray[np.bool_]
ComplexImage = NDArray[np.complexfloating[Any, Any]]


def common_mask(weights: Sequence[NDArray[np.float64]], *, coverage: float = 0.1) -> Mask:
    """Keep the pixels that every array covers well enough.

    Parameters
    ----------
    weights : sequence of ndarray, (H, W), float64
        Accumulated coverage of each arm (and of the truth) on the object's grid; 0 where
        nothing was measured. Any unit: each array is judged against its own median.
    coverage : float
        A pixel stays if its weight is at least `coverage` times the median of that
        array's positive weights, in every array.

    Returns
    -------
    ndarray, (H, W), bool

    Raises
    ------
    ScoringError
        No array, unlike shapes, a weight that is not finite, or no pixel left (the
        message says how many pixels each array covers).
    """
    if not weights:
        raise ScoringError("no coverage weights: a common mask needs at least one array")
    covered = [_covered(weight, index, coverage) for index, weight in enumerate(weights)]
    shapes = {each.shape for each in covered}
    if len(shapes) > 1:
        raise ScoringError(f"coverage weights lie on different grids: {_listed(sorted(shapes))}")
    mask: Mask = np.logical_and.reduce(covered)
    if not mask.any():
        counts = _listed(f"array {index} covers {each.sum()}" for index, each in enumerate(covered))
        raise ScoringError(f"no pixel is covered by every array ({mask.size} pixels; {counts})")
    return mask


def erode(mask: Mask, radius_px: int) -> Mask:
    """Keep the pixels of a mask (H, W) whose whole (2 r + 1) x (2 r + 1) window lies in it.

    Outside the image counts as outside the mask; r = 0 returns a copy.
    """
    if radius_px < 0:
        raise ScoringError(f"a mask is eroded by 0 px or more, not by {radius_px} px")
    inside = scipy.ndimage.minimum_filter(
        mask.astype(np.uint8), size=2 * radius_px + 1, mode="constant", cval=0
    )
    return np.asarray(inside, dtype=np.bool_)


def bounding_box(mask: Mask) -> tuple[slice, slice]:
    """Rows and columns of the smallest box that holds the mask (H, W): ``image[bounding_box(mask)]``."""
    check_grid(mask)
    rows = np.flatnonzero(mask.any(axis=1))
    cols = np.flatnonzero(mask.any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(cols[0]), int(cols[-1]) + 1)


OPAQUE_BELOW = 0.01
"""A truth whose modulus is below this part of its rms on the mask is opaque there: it passes 1e-4 of the
mean light, and the phase of what is left says nothing."""


def lit_part(truth: ComplexImage, mask: Mask) -> Mask:
    """Keep the pixels of a mask (H, W) in which a truth (H, W) lets light through; all if it does nowhere."""
    modulus = np.abs(np.where(mask, truth, 0.0))
    floor = OPAQUE_BELOW * float(np.sqrt(np.mean(modulus[mask] ** 2)))
    return np.asarray(mask & (modulus >= floor))


def check_grid(mask: Mask, **images: NDArray[Any]) -> None:
    """Refuse images that cannot be compared on this mask.

    Parameters
    ----------
    mask : ndarray, (H, W), bool
    **images : ndarray, (H, W)
        By the name that the message uses. Only pixels inside the mask must be finite.

    Raises
    ------
    ScoringError
        The mask is empty or not a boolean image, an image has another shape, or holds
        values inside the mask that are not finite.
    """
    if mask.ndim != 2 or mask.dtype != np.bool_:
        raise ScoringError(f"a mask is a boolean image, not {mask.dtype} of shape {mask.shape}")
    if not mask.any():
        raise ScoringError(f"the mask of shape {mask.shape} is empty")
    for name, values in images.items():
        if values.shape != mask.shape:
            raise ScoringError(f"{name} has shape {values.shape}, the mask {mask.shape}")
        bad = int(np.count_nonzero(~np.isfinite(values[mask])))
        if bad:
            raise ScoringError(f"{name} is not finite in {bad} of {int(mask.sum())} mask pixels")


def _covered(weight: NDArray[np.float64], index: int, coverage: float) -> Mask:
    if weight.ndim != 2:
        raise ScoringError(f"coverage weight {index} is not an image: shape {weight.shape}")
    bad = int(np.count_nonzero(~np.isfinite(weight)))
    if bad:
        raise ScoringError(f"coverage weight {index} is not finite in {bad} of {weight.size} pixels")
    positive = weight > 0
    if not positive.any():
        return np.zeros(weight.shape, dtype=np.bool_)
    least = coverage * float(np.median(weight[positive]))
    # `positive` again: with coverage 0 an uncovered pixel would pass the comparison
    return np.asarray(positive & (weight >= least), dtype=np.bool_)


def _listed(items: Any) -> str:
    return ", ".join(str(item) for item in items)
