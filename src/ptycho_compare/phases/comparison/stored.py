"""What a comparison stored: canvases, mask and plan, read as what they must be."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import AdoptionError, ArchiveError
from ptycho_compare.reconstruction.canvas import Grid
from ptycho_compare.reconstruction.kept_patches import KeptPatches
from ptycho_compare.scan.plan import Plan
from ptycho_compare.scoring.placement import ArmImage
from ptycho_compare.untrusted.npz import open_npz


def stored_image(reconstructions: Path, arm: str, grid: Grid) -> ArmImage:
    """Read an arm's canvas and coverage from ``reconstructions.npz``.

    Raises AdoptionError when the file is damaged, lacks the arm, or its grid is another.
    """
    key = arm.lower()
    needed = {f"{key}_complex": ("c", 2), f"{key}_weight": ("biuf", 2), "origin": ("iu", 1)}
    values, weight, corner = _stored(reconstructions, needed)
    origin = tuple(corner.tolist())
    if values.shape != grid.shape or weight.shape != grid.shape or origin != grid.origin:
        raise AdoptionError(
            f"{reconstructions}: {arm} is {values.shape} at {origin}; this comparison's grid is "
            f"{grid.shape} at {grid.origin}"
        )
    return ArmImage(values.astype(np.complex64), weight.astype(np.float64), movable=False)


def stored_mask(reconstructions: Path) -> NDArray[np.bool_]:
    """Read which pixels were scored; raises AdoptionError."""
    (mask,) = _stored(reconstructions, {"mask": ("b", 2)})
    return mask


def stored_patches(path: Path, arm: str, *, count: int, crop_px: int) -> KeptPatches:
    """Read an arm's patches from ``patches.npz``.

    Raises AdoptionError when the file is missing or damaged, or holds others than were to be kept.
    """
    key = arm.lower()
    needed = {f"{key}_patches": ("c", 3), f"{key}_centres": ("f", 2)}
    values, centres = _stored(path, needed)
    if values.shape != (count, crop_px, crop_px) or centres.shape != (count, 2):
        shape = f"{count} patches of {crop_px} x {crop_px} px"
        raise AdoptionError(f"{path}: {arm} is {values.shape} at {centres.shape}; needed: {shape}")
    return KeptPatches(values.astype(np.complex64), centres)


def stored_plan_differs(path: Path, plan: Plan) -> str:
    """Say in what a stored plan differs from the one drawn here; empty when in nothing.

    Raises AdoptionError when the file is damaged, or holds no plan.
    """
    groups, stored_factor = _stored(path, {"groups": ("iu", 2), "normalization": ("f", 0)})
    normalization = float(stored_factor)
    if groups.shape != plan.groups.shape:
        return (
            f"{len(groups)} groups of {groups.shape[-1]}, here {len(plan.groups)} of {plan.groups.shape[1]}"
        )
    other = int(np.count_nonzero((groups != plan.groups).any(axis=1)))
    if other:
        return f"{other} of {len(groups)} groups are others than those drawn here"
    if not math.isclose(normalization, plan.normalization, rel_tol=1e-6):
        return f"normalisation {normalization:.6g}, here {plan.normalization:.6g}"
    return ""


def _stored(path: Path, needed: Mapping[str, tuple[str, int]]) -> list[NDArray[Any]]:
    """Read arrays of the given kinds, as NumPy calls them, and dimensions.

    Raises AdoptionError when the file is damaged, or something else stands in it.
    """
    try:
        with open_npz(path) as archive:
            found = [archive.array(key) for key in needed]
    except ArchiveError as error:
        raise AdoptionError(str(error)) from None
    for (key, (kinds, dimensions)), values in zip(needed.items(), found, strict=True):
        if values.dtype.kind not in kinds or values.ndim != dimensions:
            raise AdoptionError(f"{path}: '{key}' of {values.dtype} {values.shape} is not what belongs there")
    return found
