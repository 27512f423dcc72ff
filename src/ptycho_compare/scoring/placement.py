"""Placement: arms on the truth's grid, and the pixels that all of them share.

A reconstruction that came without a frame is moved to where it fits the truth; our own
canvases have an origin and stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ScoringError
from ptycho_compare.scoring.alignment.likeness import find_likeness
from ptycho_compare.scoring.alignment.ramp import apply_ramp
from ptycho_compare.scoring.alignment.registration import (
    Shift,
    continued,
    register,
    shift_image,
    shift_weight,
)
from ptycho_compare.scoring.alignment.twin import find_twin
from ptycho_compare.scoring.collapse import CollapseLimits, find_collapse
from ptycho_compare.scoring.mask import ComplexImage, Mask, common_mask


@dataclass(frozen=True)
class PlacingSettings:
    """Choices in placing arms.

    Attributes
    ----------
    coverage : float
        Least weight of a scored pixel, in units of the median weight of its arm.
    search_radius_px : float
        How far a ready-made reconstruction may lie from its recorded place.
    skip_registration : bool
        Take ready-made reconstructions as placed.
    limits : CollapseLimits
    """

    coverage: float = 0.1
    search_radius_px: float = 8.0
    skip_registration: bool = False
    limits: CollapseLimits = field(default_factory=CollapseLimits)


@dataclass(frozen=True, eq=False)
class ArmImage:
    """One reconstruction on the truth's pixel grid.

    Attributes
    ----------
    values : ndarray, (H, W), complex
    weight : ndarray, (H, W), float64
        Coverage, 0 where the arm has no content.
    movable : bool
        True for a ready-made reconstruction whose frame is not recorded: it may be moved
        to where it fits. Our own canvases have an origin and are never moved.
    fault : str
        Found while it was made; such an arm fails, but its coverage counts, so that the pixels of
        the others stay the same.
    retrieved : bool
        Its code retrieved its probe together with it.
    of_patches : bool
        Its coverage counts patches of the scan that were laid down.
    """

    values: ComplexImage
    weight: NDArray[np.float64]
    movable: bool
    fault: str = ""
    retrieved: bool = False
    of_patches: bool = False


@dataclass(frozen=True, eq=False)
class PlacedArm:
    """An arm where it will be scored.

    Attributes
    ----------
    values, weight : ndarray, (H, W)
        As in `ArmImage`, moved if `moved`.
    shift : Shift or None
        As measured.
    moved : bool
    movable : bool
        Its frame is not recorded.
    fault : str
        Why it cannot be scored, if so.
    unplaced : bool
        It has no place on the grid: its coverage does not count.
    retrieved : bool
        As in `ArmImage`.
    """

    values: ComplexImage
    weight: NDArray[np.float64]
    shift: Shift | None = None
    moved: bool = False
    movable: bool = False
    fault: str = ""
    unplaced: bool = False
    retrieved: bool = False


@dataclass(frozen=True, eq=False)
class Placement:
    """All arms in place, and the pixels they share.

    Attributes
    ----------
    arms : mapping of str to PlacedArm
    mask : ndarray, (H, W), bool
        Empty when no arm has a place.
    """

    arms: Mapping[str, PlacedArm]
    mask: Mask


def place_arms(
    images: Mapping[str, ArmImage],
    truth: ComplexImage | None,
    *,
    area: NDArray[np.float64] | None = None,
    settings: PlacingSettings = PlacingSettings(),
) -> Placement:
    """Put every arm in its place and draw the common mask.

    Parameters
    ----------
    images : mapping of str to ArmImage
        By arm, all on the truth's pixel grid (H, W).
    truth : ndarray, (H, W), complex, or None
        Without it nothing is moved: where an arm lies must not depend on which others are there.
    area : ndarray, (H, W), float64, optional
        Where pixels may be scored, as a coverage weight: where the truth exists, where a scan lit the
        object. Pixels where the truth is not finite are left out in any case.
    settings : PlacingSettings

    Raises
    ------
    ScoringError
        No arm, unlike grids, or no pixel that every arm covers. Anything wrong with one arm
        is in its `PlacedArm` instead.
    """
    _check_grids(images, truth, area)
    base = _areas(truth, area)
    fixed = [each.weight for each in images.values() if not each.movable and _usable(each.weight)]
    placed = {name: _place(each, truth, [*base, *fixed], settings) for name, each in images.items()}
    weights = [each.weight for each in placed.values() if not each.unplaced]
    if not weights:  # every arm says in its fault why it has no place
        return Placement(placed, np.zeros(next(iter(placed.values())).values.shape, dtype=np.bool_))
    return Placement(placed, common_mask([*base, *weights], coverage=settings.coverage))


def _check_grids(
    images: Mapping[str, ArmImage], truth: ComplexImage | None, area: NDArray[np.float64] | None
) -> None:
    if not images:
        raise ScoringError("no arm to score")
    arrays: dict[str, NDArray[Any]] = {}
    for name, each in images.items():
        arrays |= {name: each.values, f"weight of {name}": each.weight}
    arrays |= {} if truth is None else {"truth": truth}
    arrays |= {} if area is None else {"scored area": area}
    shapes = {name: values.shape for name, values in arrays.items()}
    if len(set(shapes.values())) > 1 or len(next(iter(shapes.values()))) != 2:
        listed = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise ScoringError(f"arms and truth must be images on one grid: {listed}")


def _areas(truth: ComplexImage | None, area: NDArray[np.float64] | None) -> list[NDArray[np.float64]]:
    weights = [] if area is None else [np.asarray(area, dtype=np.float64)]
    return weights if truth is None else [*weights, np.isfinite(truth).astype(np.float64)]


def _usable(weight: NDArray[np.float64]) -> bool:
    return bool(np.isfinite(weight).all() and (weight > 0).any())


def _as_it_lies(arm: ArmImage) -> PlacedArm:
    if _usable(arm.weight):
        return PlacedArm(
            arm.values, arm.weight, movable=arm.movable, fault=arm.fault, retrieved=arm.retrieved
        )
    covered = int(np.count_nonzero(arm.weight > 0))
    bad = int(np.count_nonzero(~np.isfinite(arm.weight)))
    fault = f"no usable coverage: {covered} of {arm.weight.size} pixels covered, {bad} weights not finite"
    return PlacedArm(arm.values, arm.weight, fault=arm.fault or fault, unplaced=True)


def _place(
    arm: ArmImage,
    truth: ComplexImage | None,
    others: list[NDArray[np.float64]],
    settings: PlacingSettings,
) -> PlacedArm:
    """Move an arm that is movable to where it fits; leave any other as it lies."""
    lying = _as_it_lies(arm)
    if lying.unplaced or truth is None or not arm.movable or settings.skip_registration:
        return lying
    try:
        return _registered(arm, truth, others, settings)
    except ScoringError as error:
        return _lost(arm, f"not registered: {error}")


def _registered(
    arm: ArmImage, truth: ComplexImage, others: list[NDArray[np.float64]], settings: PlacingSettings
) -> PlacedArm:
    # its own coverage counts as well: an empty margin has an edge that would be registered
    mask = common_mask([*others, arm.weight], coverage=settings.coverage)
    collapse = find_collapse(arm.values, mask, truth=truth, limits=settings.limits)
    if collapse is not None:
        return _lost(arm, f"{collapse.kind}: {collapse.detail}")
    shift = register(arm.values, truth, mask, radius_px=settings.search_radius_px)
    if not shift.registered:
        found = find_twin(arm.values, truth, mask, direct_overlap=shift.confidence) or find_likeness(
            arm.values, truth, mask, direct_overlap=shift.confidence
        )
        return _lost(arm, f"not registered: {shift.reason}{f'; {found}' if found else ''}", shift)
    other = find_likeness(arm.values, truth, mask, direct_overlap=shift.confidence, registered=True)
    if other is not None:  # what all objects share registers, and would be scored
        return _lost(arm, f"not registered: {other}", Shift(0.0, 0.0, False, shift.confidence, str(other)))
    known = (arm.weight > 0) & np.isfinite(arm.values)
    # moved without its ramp, which would carry fine detail past Nyquist: the ramp stays the gauge's matter
    level = apply_ramp(continued(arm.values, known), shift.ramp)
    back = (-shift.ramp[0], -shift.ramp[1])
    return PlacedArm(
        values=apply_ramp(shift_image(level, shift.dy, shift.dx), back),
        weight=shift_weight(np.where(known, arm.weight, 0.0), shift.dy, shift.dx),
        shift=shift,
        moved=True,
        movable=True,
        fault=arm.fault,
        retrieved=arm.retrieved,
    )


def _lost(arm: ArmImage, fault: str, shift: Shift | None = None) -> PlacedArm:
    return PlacedArm(arm.values, arm.weight, shift=shift, fault=arm.fault or fault, unplaced=True)
