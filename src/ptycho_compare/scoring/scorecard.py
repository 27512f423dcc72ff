"""All arms on one mask: status, gauge, shift, metrics, uncertainty, against a truth or without one.

Arms are placed and the common mask is drawn (`placement`), then each arm is gauged and measured by itself.
What goes wrong with one arm is that arm's failure and changes nothing about the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ScoringError
from ptycho_compare.scoring.agreement import Agreement, agreements
from ptycho_compare.scoring.alignment.distortion import (
    LEAST_OVERLAP,
    SURE_OVERLAP,
    Distortion,
    measure_distortion,
)
from ptycho_compare.scoring.alignment.gauge import Gauge, fit_gauge
from ptycho_compare.scoring.alignment.registration import Shift, register
from ptycho_compare.scoring.alignment.twin import Twin, find_twin
from ptycho_compare.scoring.arm_verdict import ArmVerdict
from ptycho_compare.scoring.collapse import find_collapse
from ptycho_compare.scoring.mask import ComplexImage, Mask, bounding_box
from ptycho_compare.scoring.metrics.arm_metrics import Measurement, judged, measure
from ptycho_compare.scoring.metrics.metric import Component, Difference, Metric, ReferenceKind
from ptycho_compare.scoring.metrics.ptychopinn import ptychopinn_metrics
from ptycho_compare.scoring.metrics.ramp_errors import ramp_errors, ramp_matters
from ptycho_compare.scoring.metrics.ring_curve import RingCurve
from ptycho_compare.scoring.metrics.truth_view import TruthView
from ptycho_compare.scoring.placement import ArmImage, PlacedArm, Placement, place_arms
from ptycho_compare.scoring.settings import DEFAULT_SETTINGS, ScoringSettings
from ptycho_compare.scoring.uncertainty import with_uncertainty

Status = Literal["ok", "failed", "unscored"]


@dataclass(frozen=True, eq=False)
class ArmScore:
    """The result of one arm.

    Attributes
    ----------
    arm : str
    status : {"ok", "failed", "unscored"}
    reason : str
        Why it is not ok, with numbers; empty if ok.
    gauge : Gauge or None
        Removed before scoring.
    shift : Shift or None
        As measured, whether applied or not.
    moved : bool
        The image was moved by `shift`.
    twin : Twin or None
        Set when the arm's twin fits better than the arm.
    metrics : tuple of Metric
        Empty unless ok.
    curves : mapping of str to RingCurve
        "amplitude", "phase", "complex", and "half_..." between reconstructions of half the data.
    image : ndarray, (H, W), complex64
        In the truth's gauge if ok, as placed otherwise.
    verdicts : tuple of ArmVerdict
        Beside the numbers: flat, or without a component.
    contrast : mapping of Component to float
        Of amplitude and phase, as a part of the truth's.
    amplitude_gain : float or None
        Real gain of the amplitude columns alone, on top of the gauge's.
    warnings : tuple of str
        What to know before its numbers are believed.
    distortion : Distortion or None
        Its scale and rotation against the truth, as measured.
    """

    arm: str
    status: Status
    reason: str
    gauge: Gauge | None
    shift: Shift | None
    moved: bool
    twin: Twin | None
    metrics: tuple[Metric, ...]
    curves: Mapping[str, RingCurve]
    image: NDArray[np.complex64]
    verdicts: tuple[ArmVerdict, ...] = ()
    contrast: Mapping[Component, float] = field(default_factory=dict)
    amplitude_gain: float | None = None
    warnings: tuple[str, ...] = ()
    distortion: Distortion | None = None


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
    reference : ReferenceKind
        "none" without a truth.
    ranges : mapping of str to float
        Data ranges behind psnr, ssim and ms_ssim: "amplitude", "phase" (rad), "complex".
    differences : tuple of Difference
        Between every two arms.
    agreements : tuple of Agreement
        Between every two arms, where there is no truth.
    """

    mask: Mask
    arms: tuple[ArmScore, ...]
    metric_version: str
    reference: ReferenceKind
    ranges: Mapping[str, float] = field(default_factory=dict)
    differences: tuple[Difference, ...] = ()
    agreements: tuple[Agreement, ...] = ()

    def arm(self, name: str) -> ArmScore:
        """Score of one arm; a ScoringError names those there are."""
        for each in self.arms:
            if each.arm == name:
                return each
        raise ScoringError(f"no arm {name!r} in this scorecard: {', '.join(each.arm for each in self.arms)}")

    @property
    def box(self) -> tuple[slice, slice]:
        """The mask's bounding box; the whole grid when nothing was scored."""
        return bounding_box(self.mask if self.mask.any() else np.ones_like(self.mask))

    @property
    def warnings(self) -> tuple[str, ...]:
        """Those of all arms, each with its arm's name."""
        return tuple(f"{each.arm}: {text}" for each in self.arms for text in each.warnings)

    @property
    def failed(self) -> tuple[ArmScore, ...]:
        """The arms that failed, in order."""
        return tuple(each for each in self.arms if each.status == "failed")


def score_arms(
    images: Mapping[str, ArmImage],
    truth: ComplexImage | None,
    *,
    area: NDArray[np.float64] | None = None,
    settings: ScoringSettings = DEFAULT_SETTINGS,
) -> Scorecard:
    """Place and score reconstructions: `place_arms`, whose parameters these are, then `score_placed`.

    Raises
    ------
    ScoringError
        There is nothing to compare at all: no arm, unlike grids, or no pixel that every
        arm covers. Anything wrong with one arm is in its `ArmScore` instead.
    """
    placement = place_arms(images, truth, area=area, settings=settings.placing)
    return score_placed(placement, truth, settings=settings)


def score_placed(
    placement: Placement,
    truth: ComplexImage | None,
    *,
    settings: ScoringSettings = DEFAULT_SETTINGS,
    more: Mapping[str, Measurement] | None = None,
) -> Scorecard:
    """Score arms that are in place.

    Parameters
    ----------
    placement : Placement
    truth : ndarray, (H, W), complex, or None
        None: arms are judged by `more` and by how well they agree with each other.
    settings : ScoringSettings
    more : mapping of str to Measurement, optional
        By arm, from elsewhere: the residual in diffraction space, say. Its rows follow the arm's own.
    """
    mask, more = placement.mask, more or {}
    view = None
    if truth is not None and mask.any():
        view = TruthView.build(
            truth, mask, reference=settings.reference, block_px=settings.resampling.block_px
        )
    judge = _Judge(truth, view, mask, settings)
    scored = {name: judge.score(name, arm, more.get(name)) for name, arm in placement.arms.items()}
    alive = {name: found.placed for name, found in scored.items() if found.status == "ok"}
    if truth is None and len(alive) == 1:
        scored = {name: found.judged_alone() for name, found in scored.items()}
    rows, differences = with_uncertainty(
        {name: scored[name].measurement for name in alive},
        settings.resampling,
    )
    return Scorecard(
        mask=mask,
        arms=tuple(found.finished(rows.get(name, ())) for name, found in scored.items()),
        metric_version=settings.metric_version,
        reference="none" if truth is None else settings.reference,
        ranges={} if view is None else {_full_name(name): value for name, value in view.ranges.items()},
        differences=differences,
        agreements=agreements(alive, mask, settings=settings) if truth is None else (),
    )


@dataclass(frozen=True, eq=False)
class _Scored:
    """An arm on its way to a score."""

    name: str
    status: Status
    reason: str
    placed: PlacedArm
    image: ComplexImage
    measurement: Measurement
    gauge: Gauge | None = None
    shift: Shift | None = None
    twin: Twin | None = None
    distortion: Distortion | None = None

    def judged_alone(self) -> _Scored:
        """The arm where there is no other to compare it with."""
        if self.status != "ok" or self.measurement.metrics:
            return self
        reason = "no true object, no residual and no other arm: there is nothing to judge it by"
        return replace(self, status="unscored", reason=reason)

    def finished(self, rows: tuple[Metric, ...]) -> ArmScore:
        with np.errstate(over="ignore", invalid="ignore"):  # a dead arm is shown as dead
            image = self.image.astype(np.complex64)
        ramp = ramp_matters(rows)
        warnings = [f"{ramp}; {self.gauge.ramp_text}"] if ramp and self.gauge is not None else []
        if self.distortion is not None and self.distortion.warning:
            warnings.append(self.distortion.warning)
        return ArmScore(
            arm=self.name,
            status=self.status,
            reason=self.reason,
            gauge=self.gauge,
            shift=self.shift,
            moved=self.placed.moved,
            twin=self.twin,
            metrics=rows,
            curves=self.measurement.curves,
            image=image,
            verdicts=self.measurement.verdicts,
            contrast=self.measurement.contrast,
            amplitude_gain=self.measurement.amplitude_gain,
            warnings=(*warnings, *map(str, self.measurement.verdicts)),
            distortion=self.distortion,
        )


@dataclass(frozen=True, eq=False)
class _Judge:
    """Truth, mask and settings that every arm is scored with."""

    truth: ComplexImage | None
    view: TruthView | None
    mask: Mask
    settings: ScoringSettings

    def score(self, name: str, placed: PlacedArm, more: Measurement | None) -> _Scored:
        """Score one arm; whatever is wrong with it becomes its status."""
        gauge: Gauge | None = None
        shift, twin = placed.shift, None
        try:
            if placed.fault:
                raise ScoringError(placed.fault)
            collapse = find_collapse(
                placed.values, self.mask, truth=self.truth, limits=self.settings.placing.limits
            )
            if collapse is not None:
                raise ScoringError(f"{collapse.kind}: {collapse.detail}")
            if self.truth is None:
                return _Scored(name, "ok", "", placed, placed.values, more or NOTHING, None, shift)
            rule = self.settings.ramp_rule(name, retrieved=placed.retrieved)
            ways = [fit_gauge(placed.values, self.truth, self.mask, ramp=ramp) for ramp in (False, True)]
            gauge = replace(ways[rule.freed], because=rule.because)
            shift = shift or self._diagnosed(placed.values)
            twin = find_twin(placed.values, self.truth, self.mask, direct_overlap=shift.confidence)
            kept, removed = (way.apply(placed.values) for way in ways)
            image = removed if gauge.freed else kept
            distortion = self._distortion(removed, shift)
            found = self._measured(placed, image, gauge, ramp_errors_of=(kept, removed))
        except ScoringError as error:
            return _Scored(name, "failed", str(error), placed, placed.values, NOTHING, gauge, shift, twin)
        found = found.joined(more or NOTHING)
        return _Scored(name, "ok", "", placed, image, found, gauge, shift, twin, distortion)

    def _distortion(self, level: ComplexImage, shift: Shift) -> Distortion | None:
        """Measure scale and rotation of an arm without its ramp; PtychoPINN's definitions know none."""
        if self.truth is None or self.settings.metrics != "standard":
            return None
        least = LEAST_OVERLAP if shift.registered else SURE_OVERLAP
        return measure_distortion(level, self.truth, self.mask, least_overlap=least)

    def _diagnosed(self, values: ComplexImage) -> Shift:
        """Measure where an arm that stays in place would fit; not knowing is no failure."""
        try:
            return register(
                values, np.asarray(self.truth), self.mask, radius_px=self.settings.diagnostic_radius_px
            )
        except ScoringError as error:
            return Shift(0.0, 0.0, registered=False, confidence=0.0, reason=str(error))

    def _measured(
        self,
        placed: PlacedArm,
        image: ComplexImage,
        gauge: Gauge,
        *,
        ramp_errors_of: tuple[ComplexImage, ComplexImage],
    ) -> Measurement:
        """Measure an arm in its gauge of record, and its error with the ramp kept and removed."""
        limits = self.settings.placing.limits
        if self.view is not None and self.settings.metrics == "standard":
            found = measure(image, self.view, frc_sigma=self.settings.frc_sigma, limits=limits)
            found = found.noted("fienup", gauge.ramp_text)
            return found.joined(ramp_errors(*ramp_errors_of, self.view))
        # these definitions know no mask and have a gauge of their own: unscored pixels are zero
        box, inside = bounding_box(self.mask), self.mask
        pair = (np.where(inside, each, 0)[box] for each in (placed.values, np.asarray(self.truth)))
        metrics, curves = ptychopinn_metrics(*pair, settings=self.settings.ptychopinn)
        shown = NOTHING if self.view is None else judged(image, self.view, limits)
        return replace(shown, metrics=metrics, curves=curves)


NOTHING = Measurement((), {}, {})


def _full_name(component: str) -> str:
    return "complex" if component == "value" else component
