"""Write a comparison's artifacts: each whole or not at all, the manifest last."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from ptycho_compare.hub import Artifacts, short_name
from ptycho_compare.phases.arm import Arm, Setting
from ptycho_compare.reporting.arrays import write_reconstructions
from ptycho_compare.reporting.figures import plot_comparison, write_debug_images
from ptycho_compare.reporting.log import LOGGER
from ptycho_compare.reporting.manifest import (
    ArmRecord,
    Manifest,
    record_artifacts,
    record_file,
    utc_text,
    versions,
    write_manifest,
)
from ptycho_compare.reporting.metrics_csv import write_frc_csv, write_metrics_csv
from ptycho_compare.scan import save_plan
from ptycho_compare.scoring import ArmImage, ArmScore, Scorecard

_log = logging.getLogger(LOGGER)


@dataclass(frozen=True)
class Result:
    """A finished comparison, not yet written down."""

    setting: Setting
    arms: Mapping[str, Arm]
    scorecard: Scorecard
    warnings: Sequence[str]

    @property
    def images(self) -> dict[str, ArmImage]:
        """Of the arms that gave one."""
        return {name: arm.image for name, arm in self.arms.items() if arm.image is not None}


def publish(result: Result, *, started: datetime, command: Sequence[str]) -> None:
    """Replace the artifacts of an earlier comparison by this one's.

    The old manifest goes first and the new one comes last: between the two the folder does
    not count as a finished comparison. Artifacts that this comparison does not have (a third
    arm's, say) are removed, so that no reader takes an old one for its own.
    """
    request = result.setting.request
    names = Artifacts(request.output_dir)
    names.manifest.unlink(missing_ok=True)
    written = _tables(names, result)
    written += _arrays(names, result)
    plot_comparison(names.plot, result.scorecard, result.setting.scan.truth, request.plot)
    written.append(names.plot)
    if request.save_debug_images:
        for arm, image in result.images.items():
            write_debug_images(names.debug_images(arm), arm, image.values)
    for stale in {*request.output_dir.glob("*_frc_curves.csv"), *request.output_dir.glob("reconstructions*")}:
        if stale not in written:
            stale.unlink()
    write_manifest(names.manifest, _manifest(result, written, started=started, command=command))


def _tables(names: Artifacts, result: Result) -> list[Path]:
    save_plan(names.plan, result.setting.plan)
    seconds = {
        name: arm.seconds["computation_s"]
        for name, arm in result.arms.items()
        if "computation_s" in arm.seconds
    }
    write_metrics_csv(
        names.metrics, result.scorecard, groups=len(result.setting.plan.groups), seconds=seconds
    )
    _log.info("Metrics saved to %s", names.metrics)
    written = [names.plan, names.metrics]
    for score in result.scorecard.arms:
        if score.curves:
            path = names.frc_curves(score.arm)
            write_frc_csv(path, score.arm, score.curves)
            written.append(path)
    return written


def _arrays(names: Artifacts, result: Result) -> list[Path]:
    written = []
    request, grid, full_truth = result.setting.request, result.setting.grid, result.setting.scan.truth
    if request.save_npz:
        weights = {f"{arm.lower()}_weight": image.weight for arm, image in result.images.items()}
        origin = np.array(grid.origin)
        written += write_reconstructions(
            names.reconstructions,
            {arm: image.values for arm, image in result.images.items()},
            truth=full_truth,
            extra={**weights, "mask": result.scorecard.mask, "origin": origin},
        )
    if request.save_npz_aligned:
        box = result.scorecard.box
        truth = None if full_truth is None else full_truth[box]
        origin = np.array([axis.start for axis in box]) + np.array(grid.origin)
        _log.info("Final evaluation shapes: %s", result.scorecard.mask[box].shape)
        written += write_reconstructions(
            names.reconstructions_aligned,
            {score.arm: score.image[box] for score in result.scorecard.arms},
            truth=truth,
            extra={**_offsets(result.scorecard.arms), "mask": result.scorecard.mask[box], "origin": origin},
        )
    return written


def _offsets(scores: Sequence[ArmScore]) -> dict[str, float]:
    """Measured shifts; not a number where nothing was measured, never a Python None."""
    offsets = {}
    for score in scores:
        name = short_name(score.arm)
        measured = score.shift is not None and score.shift.registered
        offsets[f"{name}_offset_dy"] = score.shift.dy if score.shift and measured else float("nan")
        offsets[f"{name}_offset_dx"] = score.shift.dx if score.shift and measured else float("nan")
    return offsets


def _manifest(
    result: Result, written: Sequence[Path], *, started: datetime, command: Sequence[str]
) -> Manifest:
    request = result.setting.request
    inputs = {"test_data": request.test_data, **{name: arm.source for name, arm in result.arms.items()}}
    plan = result.setting.plan
    return Manifest(
        started=utc_text(started),
        finished=utc_text(datetime.now(UTC)),
        command=list(command),
        settings=request.settings(),
        inputs={name: record_file(path) for name, path in inputs.items()},
        plan={
            "groups": len(plan.groups),
            "group_size": plan.groups.shape[1],
            "images": len(np.unique(plan.groups)),
            "normalization": plan.normalization,
            "neighbors": plan.neighbors,
            "seed": plan.seed,
            "algorithm": plan.algorithm,
        },
        mask_pixels=int(result.scorecard.mask.sum()),
        truth_range={
            "amplitude": result.scorecard.truth_range_amplitude,
            "phase": result.scorecard.truth_range_phase,
        },
        metric_version=result.scorecard.metric_version,
        arms={score.arm: _arm_record(score, result.arms[score.arm]) for score in result.scorecard.arms},
        warnings=list(result.warnings),
        versions=versions(),
        artifacts=record_artifacts(request.output_dir, written),
    )


def _arm_record(score: ArmScore, arm: Arm) -> ArmRecord:
    details: dict[str, Any] = {"parameters": dict(arm.parameters)}
    if score.gauge is not None:
        details["gauge"] = {
            "scale_modulus": abs(score.gauge.scale),
            "scale_phase_rad": float(np.angle(score.gauge.scale)),
            "overlap_before": score.gauge.overlap_before,
            "overlap_after": score.gauge.overlap_after,
        }
    if score.shift is not None:
        details["shift"] = {
            "dy_px": score.shift.dy,
            "dx_px": score.shift.dx,
            "registered": score.shift.registered,
            "applied": score.moved,
            "confidence": score.shift.confidence,
            "reason": score.shift.reason,
        }
    return ArmRecord(status=score.status, reason=score.reason, seconds=dict(arm.seconds), details=details)
