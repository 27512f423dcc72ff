"""What can be measured of an arm without a truth: how well it explains the data, and itself.

The residual in diffraction space tells how well an arm explains what was measured; two
reconstructions of half the data each tell which of its details come back. Both follow
the arm's own rows, whether there is a truth or not.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ArmError, ScoringError
from ptycho_compare.phases.comparison.arm import Arm, Setting
from ptycho_compare.phases.comparison.log import LOGGER
from ptycho_compare.reconstruction.frame_fit import FittedShift, fit_shift
from ptycho_compare.reconstruction.residual import Residual, diffraction_residual
from ptycho_compare.scoring.alignment.gauge import fienup_error, fit_gauge
from ptycho_compare.scoring.alignment.registration import continued, shift_image, shift_weight
from ptycho_compare.scoring.mask import Mask
from ptycho_compare.scoring.metrics.arm_metrics import Estimates, Measurement, measure
from ptycho_compare.scoring.metrics.estimate import Blocks, ratio_estimate
from ptycho_compare.scoring.metrics.metric import Metric
from ptycho_compare.scoring.metrics.ring_rows import HALF_CRITERIA
from ptycho_compare.scoring.metrics.truth_view import TruthView
from ptycho_compare.scoring.placement import ArmImage, PlacedArm, Placement, place_arms

_log = logging.getLogger(LOGGER)

HALF_ROWS = (*HALF_CRITERIA, "frc_auc", "fienup", "phase_rmse")
"""What two halves are compared by; the rows are called ``half_...``."""

ENOUGH_IMAGES = 500
"""Beside a truth the residual is an aside: this many images give it to half a per cent, and all of
them would cost a tenth of what the networks do."""

ONE_IMAGE = 1e-5
"""Rounding: a copy times a constant differs from its original by less; noise of its own is more."""


@dataclass(frozen=True, eq=False)
class Consistency:
    """What was measured of one arm.

    Attributes
    ----------
    measurement : Measurement
        Rows ``r_factor``, ``r_factor_own_probe`` and ``half_...``, as far as they can be given.
    residual : Residual or None
        Through the scan's probe.
    """

    measurement: Measurement
    residual: Residual | None


def consistency_of(
    name: str, arm: Arm, placed: PlacedArm, placement: Placement, setting: Setting, *, rim: bool = False
) -> Consistency:
    """Measure one arm; what cannot be measured is logged and has no row.

    `rim`: its own content counts in the residual also where it is not scored.
    """
    residual, found = None, Measurement((), {}, {})
    probes = {"r_factor": setting.scan.modes, "r_factor_own_probe": arm.modes}
    for row, probe in probes.items():
        if probe is None:
            continue
        if probe.shape[-1] != setting.scan.patch_px:
            _log.warning(
                "%s: no %s: the probe is %d px wide, images are %d",
                name,
                row,
                probe.shape[-1],
                setting.scan.patch_px,
            )
            continue
        try:
            seen, fitted = _residual(placed, probe, placement.mask, setting, rim=rim)
        except (ArmError, ScoringError) as error:
            _log.warning("%s: no %s: %s", name, row, error)
            continue
        if fitted is not None and fitted.at_edge:
            _log.warning(
                "%s: no %s: its frame is not known, and it explains the data best at %s; "
                "--search-radius looks further",
                name,
                row,
                fitted,
            )
            continue
        residual = seen if row == "r_factor" else residual
        if fitted is not None:
            _log.info("%s: its frame is not known; %s is fitted over the shift: %s", name, row, fitted)
        found = found.joined(_row(row, probe, seen, fitted, placement.mask, setting))
    if arm.halves:
        try:
            found = found.joined(_halves(name, arm.halves, placement.mask, setting))
        except ScoringError as error:
            _log.warning("%s: no comparison of its halves: %s", name, error)
    return Consistency(found, residual)


def _residual(
    placed: PlacedArm, probe: NDArray[np.complex64], mask: Mask, setting: Setting, *, rim: bool
) -> tuple[Residual, FittedShift | None]:
    """Compare an arm with the diffraction; where its frame was only guessed, in the frame that fits best."""
    scan, grid, images = setting.scan, setting.grid, _images(setting)
    values, fitted = placed.values, None
    known = (placed.weight > 0) & np.isfinite(values)
    if placed.movable and not placed.moved:
        radius = setting.request.scoring.placing.search_radius_px
        filled = continued(values, known)
        fitted = fit_shift(
            filled, mask, scan.diffraction, scan.positions, probe, grid=grid, images=images, radius_px=radius
        )
        values = shift_image(filled, fitted.dy, fitted.dx)
        known = shift_weight(known.astype(np.float64), fitted.dy, fitted.dx) > 0
    found = diffraction_residual(
        values,
        mask,
        scan.diffraction,
        scan.positions,
        probe,
        grid=grid,
        images=images,
        known=known if rim else None,
    )
    return found, fitted


def _images(setting: Setting) -> NDArray[np.int64]:
    """Return the plan's images; evenly thinned where there is a truth to judge by as well."""
    images = np.unique(setting.plan.groups)
    step = 1 if setting.scan.truth is None else -(-len(images) // ENOUGH_IMAGES)
    return images[::step]


def _row(
    name: str,
    probe: NDArray[np.complex64],
    residual: Residual,
    fitted: FittedShift | None,
    mask: Mask,
    setting: Setting,
) -> Measurement:
    side = Blocks.of(mask, setting.request.scoring.resampling.block_px).side_px
    # images that lie in one block are drawn together
    place = np.floor(setting.scan.positions[residual.images] / side).astype(np.int64)
    labels = np.unique(place, axis=0, return_inverse=True)[1].ravel()
    estimate = ratio_estimate(residual.per_image * residual.weights, residual.weights, labels)
    note = f"{len(residual.images)} images through {'the scan' if name == 'r_factor' else 'its own'} probe"
    if len(probe) > 1:
        note += f" of {len(probe)} modes"
    if fitted is not None:
        note += f"; frame not known, fitted over the shift: {fitted}"
    metric = Metric(
        name, None, None, residual.r_factor, "", note, reference="same_data", fitted=fitted is not None
    )
    return Measurement((metric,), {}, {name: {"value": replace(estimate, value=residual.r_factor)}})


def _halves(name: str, halves: tuple[ArmImage, ...], mask: Mask, setting: Setting) -> Measurement:
    """Compare two reconstructions of half the data; one of them stands in for the truth."""
    settings = setting.request.scoring
    one, other = halves
    # what lies outside of the light would be registered as well
    area = np.where(setting.light.lit, one.weight, 0.0) if other.movable else one.weight
    placed = place_arms({"other": other}, one.values, area=area, settings=settings.placing)
    moved = placed.arms["other"]
    if moved.fault:
        raise ScoringError(moved.fault)
    common = placed.mask & mask
    if (left := fienup_error(moved.values, one.values, common)) < ONE_IMAGE:
        raise ScoringError(
            f"they are one image up to a constant (Fienup error {left:.1g}), no reconstructions of half the "
            "data each"
        )
    view = TruthView.build(
        one.values, common, reference="independent_half", block_px=settings.resampling.block_px
    )
    rule = settings.ramp_rule(name, retrieved=any(half.retrieved for half in halves))
    image = fit_gauge(moved.values, one.values, common, ramp=rule.freed).apply(moved.values)
    measured = measure(image, view, frc_sigma=settings.frc_sigma, criteria=HALF_CRITERIA)
    estimates: Estimates = {
        f"half_{name}": found for name, found in measured.estimates.items() if name in HALF_ROWS
    }
    rows = [
        replace(row, name=f"half_{row.name}", reference="independent_half")
        for row in measured.metrics
        if row.name in HALF_ROWS
    ]
    curves = {f"half_{name}": curve for name, curve in measured.curves.items()}
    return Measurement(tuple(rows), curves, estimates)


def consistencies(arms: Mapping[str, Arm], placement: Placement, setting: Setting) -> dict[str, Consistency]:
    """Measure every arm that has a place and no fault."""
    # networks reach as far as their patches, the others further; beside each other none may
    rim = not any(arm.image is not None and arm.image.of_patches for arm in arms.values())
    return {
        name: consistency_of(name, arms[name], placed, placement, setting, rim=rim)
        for name, placed in placement.arms.items()
        if not placed.fault and np.isfinite(placed.values[placement.mask]).all()
    }
