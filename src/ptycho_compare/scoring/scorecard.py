"""All arms against one truth, on one mask: status, gauge, shift, metrics.

The order of things: ready-made images are put in their place, the common mask is drawn
from coverage alone, then each arm is looked at, gauged and measured by itself. What goes
wrong with one arm is that arm's failure and changes nothing about the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ScoringError
from ptycho_compare.scoring.arm_metrics import Metric, TruthView, measure
from ptycho_compare.scoring.collapse import CollapseLimits, find_collapse
from ptycho_compare.scoring.frc import RingCurve
from ptycho_compare.scoring.gauge import Gauge, fit_gauge
from ptycho_compare.scoring.mask import ComplexImage, Mask, bounding_box, common_mask
from ptycho_compare.scoring.registration import Shift, continued, register, shift_image, shift_weight

__all__ = [
    "METRIC_VERSION",
    "ArmImage",
    "ArmScore",
    "Metric",
    "Scorecard",
    "ScoringSettings",
    "score_arms",
]

METRIC_VERSION = "ptycho-compare-1"
"""Names the definitions behind the numbers; changes whenever one of them does."""

Status = Literal["ok", "failed", "unscored"]


@dataclass(frozen=True)
class ScoringSettings:
    """What a study may choose about scoring.

    Attributes
    ----------
    coverage : float
        Least weight of a scored pixel, in units of the median weight of its arm.
    search_radius_px : float
        How far a ready-made reconstruction may lie from its recorded place.
    diagnostic_radius_px : float
        How far the shift of an arm that is never moved is searched.
    skip_registration : bool
        Take ready-made reconstructions as placed.
    frc_sigma : float
        Smoothing of ring curves before the cut-off, in rings.
    limits : CollapseLimits
    """

    coverage: float = 0.1
    search_radius_px: float = 8.0
    diagnostic_radius_px: float = 3.0
    skip_registration: bool = False
    frc_sigma: float = 0.0
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
        What was found wrong with it while it was made; such an arm fails, but its coverage
        counts, so that the pixels of the others stay the same.
    """

    values: ComplexImage
    weight: NDArray[np.float64]
    movable: bool
    fault: str = ""


@dataclass(frozen=True, eq=False)
class ArmScore:
    """What is known about one arm.

    Attributes
    ----------
    arm : str
    status : {"ok", "failed", "unscored"}
    reason : str
        Why it is not ok, with numbers; empty if ok.
    gauge : Gauge or None
        What was removed before scoring.
    shift : Shift or None
        What was measured, in px, whether applied or not.
    moved : bool
        Whether the image was moved by `shift`.
    metrics : tuple of Metric
        Empty unless ok.
    curves : mapping of str to RingCurve
        "amplitude", "phase", "complex"; empty unless ok.
    image : ndarray, (H, W), complex64
        In the truth's gauge if ok, as placed otherwise.
    """

    arm: str
    status: Status
    reason: str
    gauge: Gauge | None
    shift: Shift | None
    moved: bool
    metrics: tuple[Metric, ...]
    curves: Mapping[str, RingCurve]
    image: NDArray[np.complex64]


@dataclass(frozen=True, eq=False)
class Scorecard:
    """All arms of one comparison.

    Attributes
    ----------
    mask : ndarray, (H, W), bool
        The pixels every arm is scored on.
    arms : tuple of ArmScore
        In the order they were given.
    metric_version : str
    truth_range_amplitude, truth_range_phase : float or None
        Data ranges behind psnr, ssim and ms_ssim (phase in rad); None without a truth.
    """

    mask: Mask
    arms: tuple[ArmScore, ...]
    metric_version: str
    truth_range_amplitude: float | None
    truth_range_phase: float | None

    def arm(self, name: str) -> ArmScore:
        """Return the score of one arm; ScoringError names those there are."""
        for each in self.arms:
            if each.arm == name:
                return each
        raise ScoringError(f"no arm {name!r} in this scorecard: {', '.join(each.arm for each in self.arms)}")

    @property
    def box(self) -> tuple[slice, slice]:
        """The mask's bounding box; the whole grid when nothing was scored."""
        return bounding_box(self.mask if self.mask.any() else np.ones_like(self.mask))

    @property
    def failed(self) -> tuple[ArmScore, ...]:
        """The arms that failed, in order."""
        return tuple(each for each in self.arms if each.status == "failed")


def score_arms(
    images: Mapping[str, ArmImage],
    truth: ComplexImage | None,
    *,
    truth_weight: NDArray[np.float64] | None = None,
    settings: ScoringSettings = ScoringSettings(),
) -> Scorecard:
    """Score reconstructions against the true object.

    Parameters
    ----------
    images : mapping of str to ArmImage
        By arm, all on the truth's pixel grid (H, W).
    truth : ndarray, (H, W), complex, or None
        None gives a scorecard without metrics, in which every living arm is "unscored".
    truth_weight : ndarray, (H, W), float64, optional
        Where the truth exists, as a coverage weight. Pixels where the truth is not finite
        are left out in any case.
    settings : ScoringSettings

    Returns
    -------
    Scorecard

    Raises
    ------
    ScoringError
        There is nothing to compare at all: no arm, unlike grids, or no pixel that every
        arm covers. Anything wrong with one arm is in its `ArmScore` instead.
    """
    _check_grids(images, truth, truth_weight)
    base = _truth_weights(truth, truth_weight)
    fixed = [each.weight for each in images.values() if not each.movable and _usable(each.weight)]
    placed = {name: _place(each, truth, [*base, *fixed], settings) for name, each in images.items()}
    weights = [each.weight for each in placed.values() if not each.fault]
    if not weights:
        faults = "; ".join(f"{name}: {each.fault}" for name, each in placed.items())
        raise ScoringError(f"no arm has a place on the grid: {faults}")
    mask = common_mask([*base, *weights], coverage=settings.coverage)
    view = None if truth is None else TruthView.build(truth, mask)
    return Scorecard(
        mask=mask,
        arms=tuple(
            _score(name, each, images[name].fault, truth, view, mask, settings)
            for name, each in placed.items()
        ),
        metric_version=METRIC_VERSION,
        truth_range_amplitude=None if view is None else view.amplitude_range,
        truth_range_phase=None if view is None else view.phase_range,
    )


@dataclass(frozen=True, eq=False)
class _Placed:
    """An arm where it will be scored; `fault` says why it has no place, if it has none."""

    values: ComplexImage
    weight: NDArray[np.float64]
    shift: Shift | None = None
    moved: bool = False
    fault: str = ""


def _check_grids(
    images: Mapping[str, ArmImage], truth: ComplexImage | None, truth_weight: NDArray[np.float64] | None
) -> None:
    if not images:
        raise ScoringError("no arm to score")
    arrays: dict[str, NDArray[Any]] = {}
    for name, each in images.items():
        arrays |= {name: each.values, f"weight of {name}": each.weight}
    arrays |= {} if truth is None else {"truth": truth}
    arrays |= {} if truth_weight is None else {"weight of the truth": truth_weight}
    shapes = {name: values.shape for name, values in arrays.items()}
    if len(set(shapes.values())) > 1 or len(next(iter(shapes.values()))) != 2:
        listed = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise ScoringError(f"arms and truth must be images on one grid: {listed}")


def _truth_weights(
    truth: ComplexImage | None, truth_weight: NDArray[np.float64] | None
) -> list[NDArray[np.float64]]:
    given = [] if truth_weight is None else [np.asarray(truth_weight, dtype=np.float64)]
    return given if truth is None else [*given, np.isfinite(truth).astype(np.float64)]


def _usable(weight: NDArray[np.float64]) -> bool:
    return bool(np.isfinite(weight).all() and (weight > 0).any())


def _place(
    arm: ArmImage,
    truth: ComplexImage | None,
    others: list[NDArray[np.float64]],
    settings: ScoringSettings,
) -> _Placed:
    """Put an arm where it will be scored: a movable one where it fits, any other as it lies."""
    if not _usable(arm.weight):
        covered = int(np.count_nonzero(arm.weight > 0))
        bad = int(np.count_nonzero(~np.isfinite(arm.weight)))
        fault = f"no usable coverage: {covered} of {arm.weight.size} pixels covered, {bad} weights not finite"
        return _Placed(arm.values, arm.weight, fault=fault)
    if truth is None or not arm.movable or settings.skip_registration:
        return _Placed(arm.values, arm.weight)
    try:
        return _registered(arm, truth, others, settings)
    except ScoringError as error:
        return _Placed(arm.values, arm.weight, fault=f"not registered: {error}")


def _registered(
    arm: ArmImage, truth: ComplexImage, others: list[NDArray[np.float64]], settings: ScoringSettings
) -> _Placed:
    # its own coverage counts as well: an empty margin has an edge that would be registered
    mask = common_mask([*others, arm.weight], coverage=settings.coverage)
    collapse = find_collapse(arm.values, mask, truth=truth, limits=settings.limits)
    if collapse is not None:
        return _Placed(arm.values, arm.weight, fault=f"{collapse.kind}: {collapse.detail}")
    shift = register(arm.values, truth, mask, radius_px=settings.search_radius_px)
    if not shift.registered:
        return _Placed(arm.values, arm.weight, shift=shift, fault=f"not registered: {shift.reason}")
    known = (arm.weight > 0) & np.isfinite(arm.values)
    return _Placed(
        values=shift_image(continued(arm.values, known), shift.dy, shift.dx),
        weight=shift_weight(np.where(known, arm.weight, 0.0), shift.dy, shift.dx),
        shift=shift,
        moved=True,
    )


def _score(
    name: str,
    placed: _Placed,
    fault: str,
    truth: ComplexImage | None,
    view: TruthView | None,
    mask: Mask,
    settings: ScoringSettings,
) -> ArmScore:
    """Score one arm; whatever is wrong with it ends here, as its own status."""
    gauge: Gauge | None = None
    shift = placed.shift
    try:
        if fault or placed.fault:
            raise ScoringError(fault or placed.fault)
        collapse = find_collapse(placed.values, mask, truth=truth, limits=settings.limits)
        if collapse is not None:
            raise ScoringError(f"{collapse.kind}: {collapse.detail}")
        if truth is None or view is None:
            reason = "no true object to score against"
            return _without_metrics(name, "unscored", reason, placed, gauge, shift)
        gauge = fit_gauge(placed.values, truth, mask)
        if shift is None:
            shift = _diagnosed(placed.values, truth, mask, settings.diagnostic_radius_px)
        image = gauge.apply(placed.values)
        metrics, curves = measure(image, view, frc_sigma=settings.frc_sigma)
    except ScoringError as error:
        return _without_metrics(name, "failed", str(error), placed, gauge, shift)
    return ArmScore(name, "ok", "", gauge, shift, placed.moved, metrics, curves, _single(image))


def _diagnosed(values: ComplexImage, truth: ComplexImage, mask: Mask, radius_px: float) -> Shift:
    """Measure where an arm that stays in place would fit; not knowing is no failure."""
    try:
        return register(values, truth, mask, radius_px=radius_px)
    except ScoringError as error:
        return Shift(0.0, 0.0, registered=False, confidence=0.0, reason=str(error))


def _without_metrics(
    name: str, status: Status, reason: str, placed: _Placed, gauge: Gauge | None, shift: Shift | None
) -> ArmScore:
    return ArmScore(name, status, reason, gauge, shift, placed.moved, (), {}, _single(placed.values))


def _single(values: ComplexImage) -> NDArray[np.complex64]:
    with np.errstate(over="ignore", invalid="ignore"):  # a dead arm is shown as dead
        return values.astype(np.complex64)
