"""Write a comparison's artifacts: each whole or not at all, the manifest last."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.clock import Moment
from ptycho_compare.hub import Artifacts, short_name, utc_text
from ptycho_compare.jobs.context import JobContext
from ptycho_compare.phases.comparison import COMPUTED_BY
from ptycho_compare.phases.comparison.arm import Arm, Setting
from ptycho_compare.phases.comparison.before_stitching import patch_arrays, patch_rows
from ptycho_compare.phases.comparison.consistency import Consistency
from ptycho_compare.phases.comparison.inputs import companions_of
from ptycho_compare.phases.comparison.log import LOGGER
from ptycho_compare.reconstruction.geometry import GeometryCheck
from ptycho_compare.records.manifest import (
    MANIFEST_DIGEST,
    PUBLISHED,
    ArmRecord,
    FileRecord,
    Manifest,
    alignment_record,
    record_artifacts,
    record_file,
    versions,
)
from ptycho_compare.records.reconstructions_npz import write_arrays, write_reconstructions
from ptycho_compare.records.tables.frc_csv import write_cutoffs_csv, write_frc_csv
from ptycho_compare.records.tables.metrics_csv import write_metrics_csv
from ptycho_compare.records.tables.pairs_csv import write_agreements_csv, write_differences_csv
from ptycho_compare.records.tables.patches_csv import write_patches_csv
from ptycho_compare.reporting.figures.frc import plot_frc
from ptycho_compare.reporting.figures.one_arm import write_debug_images
from ptycho_compare.reporting.figures.residual import plot_residuals
from ptycho_compare.reporting.figures.side_by_side import plot_comparison
from ptycho_compare.scan.plan import save_plan
from ptycho_compare.scoring.placement import ArmImage
from ptycho_compare.scoring.scorecard import ArmScore, Scorecard
from ptycho_compare.storage.fingerprint import code_digest
from ptycho_compare.storage.watched import WatchedFiles

_log = logging.getLogger(LOGGER)


@dataclass(frozen=True)
class Result:
    """A finished comparison, not yet written down; `attempts` tells how it came about."""

    watched: WatchedFiles
    setting: Setting
    arms: Mapping[str, Arm]
    scorecard: Scorecard
    consistency: Mapping[str, Consistency]
    warnings: Sequence[str]
    attempts: Sequence[dict[str, Any]] = ()
    geometry: Sequence[GeometryCheck] = ()

    @property
    def images(self) -> dict[str, ArmImage]:
        """Of the arms that gave one."""
        return {name: arm.image for name, arm in self.arms.items() if arm.image is not None}


def publish(
    result: Result,
    *,
    started: Moment,
    command: Sequence[str],
    context: JobContext,
    finish: Callable[[], None],
) -> None:
    """Replace the artifacts of an earlier comparison by this one's.

    The old manifest goes first and the new one comes last: between the two the folder does
    not count as a finished comparison. Artifacts that this comparison does not have (a third
    arm's, say) are removed, so that no reader takes an old one for its own.

    A request to stop that came while artifacts were made is passed on: those are not sealed. The digest of
    the manifest is logged before it is written, so that no later hand can write another. Then all is done:
    `finish` clears away what an attempt after this one would have gone on from.
    """
    request = result.setting.request
    names = Artifacts(request.output_dir)
    names.manifest.unlink(missing_ok=True)
    written = write_artifacts(names, result)
    if request.save_debug_images:
        for arm, image in result.images.items():
            write_debug_images(names.debug_images(arm), arm, image.values)
    for stale in left_by_others(names) - set(written):
        stale.unlink(missing_ok=True)
    context.raise_if_stopped()
    result.watched.require_same()
    manifest = _manifest(result, written, started=started, command=command)
    with context.sealing():
        context.noted(PUBLISHED, **{MANIFEST_DIGEST: manifest.sha256})
        manifest.write(names.manifest)
        finish()


def write_artifacts(names: Artifacts, result: Result, *, figures: bool = True) -> list[Path]:
    """Write tables, arrays and, as a rule, figures: all that a manifest lists; returns where they are."""
    written = [*_tables(names, result), *_arrays(names, result)]
    return [*written, *_figures(names, result)] if figures else written


def left_by_others(names: Artifacts) -> set[Path]:
    """Every artifact that an earlier comparison may have left and this one may not have."""
    some = (
        names.adoption,
        names.frc_plot,
        names.residuals,
        names.residual_plot,
        names.agreement,
        names.differences,
        names.patch_scores,
        names.patches,
    )
    patterns = ("*_frc_curves.csv", "reconstructions*", ".*.tmp")
    return {*some, *(path for pattern in patterns for path in names.folder.glob(pattern))}


def _tables(names: Artifacts, result: Result) -> list[Path]:
    scorecard = result.scorecard
    save_plan(names.plan, result.setting.plan)
    seconds = {
        name: arm.seconds["computation_s"]
        for name, arm in result.arms.items()
        if arm.seconds and "computation_s" in arm.seconds
    }
    write_metrics_csv(names.metrics, scorecard, groups=len(result.setting.plan.groups), seconds=seconds)
    _log.info("Metrics saved to %s", names.metrics)
    write_differences_csv(names.differences, scorecard.differences)
    write_cutoffs_csv(names.frc_cutoffs, scorecard, pixel_nm=result.setting.scan.optics.object_pixel_nm)
    written = [names.plan, names.metrics, names.differences, names.frc_cutoffs]
    if rows := patch_rows(result.arms, scorecard, result.setting):
        write_patches_csv(names.patch_scores, rows)
        written.append(names.patch_scores)
    if scorecard.agreements:
        write_agreements_csv(names.agreement, scorecard.agreements)
        written.append(names.agreement)
    for score in scorecard.arms:
        halves = {
            name.removeprefix("half_"): curve
            for name, curve in score.curves.items()
            if name.startswith("half_")
        }
        own = {name: curve for name, curve in score.curves.items() if not name.startswith("half_")}
        if own:
            write_frc_csv(names.frc_curves(score.arm), score.arm, own)
            written.append(names.frc_curves(score.arm))
        if halves:
            write_frc_csv(names.half_frc_curves(score.arm), score.arm, halves, halves=True)
            written.append(names.half_frc_curves(score.arm))
    return written


def _figures(names: Artifacts, result: Result) -> list[Path]:
    scorecard, scan = result.scorecard, result.setting.scan
    plot_comparison(names.plot, scorecard, scan.truth, result.setting.request.plot)
    written = [names.plot]
    if scorecard.agreements or any(score.curves for score in scorecard.arms):
        plot_frc(names.frc_plot, scorecard, pixel_nm=scan.optics.object_pixel_nm)
        written.append(names.frc_plot)
    residuals = {name: found.residual for name, found in result.consistency.items() if found.residual}
    if residuals:
        maps = {name: residual.map for name, residual in residuals.items()}
        totals = {name: residual.r_factor for name, residual in residuals.items()}
        plot_residuals(names.residual_plot, maps, totals, scorecard.box)
        written.append(names.residual_plot)
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
    residuals = {name: found.residual for name, found in result.consistency.items() if found.residual}
    if request.save_npz and residuals:
        held: dict[str, NDArray[Any]] = {"origin": np.array(grid.origin)}
        for arm, residual in residuals.items():
            held |= {
                f"{arm.lower()}_map": residual.map.astype(np.float32),
                f"{arm.lower()}_images": residual.images,
                f"{arm.lower()}_r_factor": residual.per_image,
            }
        write_arrays(names.residuals, held)
        written.append(names.residuals)
    if request.save_npz and (kept := patch_arrays(result.arms, result.setting)):
        write_arrays(names.patches, kept)
        written.append(names.patches)
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
    result: Result, written: Sequence[Path], *, started: Moment, command: Sequence[str]
) -> Manifest:
    request = result.setting.request
    inputs = {"test_data": request.test_data}
    inputs |= {name: arm.source for name, arm in result.arms.items() if arm.source is not None}
    for name, arm in result.arms.items():
        inputs |= {f"{name}, half {number}": path for number, path in enumerate(arm.half_sources, start=1)}
        inputs |= {} if arm.source is None else companions_of(name, arm.source)
    return Manifest(
        started=utc_text(started.utc, to="microseconds"),
        # no clock that is set meanwhile makes it end before it began
        finished=utc_text(started.utc + timedelta(seconds=Moment.ago().since(started)), to="microseconds"),
        command=list(command),
        settings=request.settings(),
        inputs={name: _recorded(result.watched, path) for name, path in inputs.items()},
        **told_of(result),
        versions=versions() | request.reconstructor_versions(),
        code=code_digest(COMPUTED_BY),
        attempts=list(result.attempts),
        artifacts=record_artifacts(request.output_dir, written),
    )


def told_of(result: Result) -> dict[str, Any]:
    """Return what a manifest tells of a comparison's numbers: all that follows from inputs and canvases."""
    plan, scan, scorecard = result.setting.plan, result.setting.scan, result.scorecard
    return {
        "plan": {
            "groups": len(plan.groups),
            "group_size": plan.groups.shape[1],
            "images": len(np.unique(plan.groups)),
            "images_in_scan": len(scan.positions),
            "normalization": plan.normalization,
            "neighbors": plan.neighbors,
            "seed": plan.seed,
            "algorithm": plan.algorithm,
        },
        "mask_pixels": int(scorecard.mask.sum()),
        "reference": scorecard.reference,
        "truth_range": dict(scorecard.ranges),
        "scan": {
            "values": scan.values,
            "dc": scan.dc,
            "probe": scan.probe is not None,
            "lit_pixels": int(result.setting.light.lit.sum()),
            **asdict(scan.optics),
            "geometry": [asdict(check) for check in result.geometry],
        },
        "metric_version": scorecard.metric_version,
        "arms": {score.arm: _arm_record(score, result.arms[score.arm]) for score in scorecard.arms},
        "warnings": [*result.warnings, *scorecard.warnings],
    }


def _recorded(watched: WatchedFiles, path: Path) -> FileRecord:
    """Record an input as it was when it was read."""
    if path not in watched.digests:
        return record_file(path)
    return FileRecord(path=path.as_posix(), sha256=watched.digests[path], bytes=watched.size(path))


def _arm_record(score: ArmScore, arm: Arm) -> ArmRecord:
    details = {"parameters": dict(arm.parameters or {}), **alignment_record(score)}
    return ArmRecord(
        status=score.status, reason=score.reason, seconds=dict(arm.seconds or {}), details=details
    )
