"""Phase G: one comparison, from plan to artifacts.

study and hub -> scan -> plan -> (per arm: predictor -> chunks -> canvas) -> common mask ->
residual -> gauge -> scorecard -> artifacts. Arms do not see each other until they are scored,
so one that dies takes nothing with it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from ptycho_compare.blas import one_blas_thread
from ptycho_compare.clock import Moment
from ptycho_compare.errors import ScoringError
from ptycho_compare.hub import Artifacts
from ptycho_compare.jobs.context import job_context
from ptycho_compare.jobs.progress import attempts_so_far
from ptycho_compare.models.bundle import ModelFile
from ptycho_compare.phases.comparison.arm import Arm, Setting, contained, ready_made_arm, user_arm
from ptycho_compare.phases.comparison.consistency import Consistency, consistencies
from ptycho_compare.phases.comparison.geometry_check import geometry_through_arms, geometry_through_truth
from ptycho_compare.phases.comparison.inputs import (
    ArmInput,
    Inputs,
    inspect_inputs,
    require_fit,
    watched_inputs,
)
from ptycho_compare.phases.comparison.log import LOGGER, comparison_log
from ptycho_compare.phases.comparison.network import NetworkArm
from ptycho_compare.phases.comparison.publish import Result, publish
from ptycho_compare.phases.comparison.recordable import require_recordable
from ptycho_compare.phases.comparison.request import CompareRequest
from ptycho_compare.phases.comparison.segments import require_all
from ptycho_compare.phases.comparison.sharing import failed_shards
from ptycho_compare.phases.comparison.work import Work
from ptycho_compare.reconstruction.canvas import Canvas, Grid
from ptycho_compare.reconstruction.ready_made import ReadyMade
from ptycho_compare.reconstruction.user_made import UserSource
from ptycho_compare.scan.plan import draw_plan
from ptycho_compare.scan.read import Scan, open_scan
from ptycho_compare.scoring.placement import place_arms
from ptycho_compare.scoring.scorecard import ArmScore, Scorecard, score_placed

_log = logging.getLogger(LOGGER)


def compare(
    request: CompareRequest,
    *,
    command: Sequence[str],
    console_level: int | None = logging.INFO,
    shards_only: bool = False,
) -> Scorecard:
    """Run one comparison and write its artifacts.

    Parameters
    ----------
    command : sequence of str
        How it was started, for the manifest.
    console_level : int or None
        Lowest log level shown on stderr.
    shards_only : bool
        Run no network: what shards left must be all. Else the rest is computed here.

    Returns
    -------
    Scorecard
        `failed` names the arms that gave nothing usable; their reasons carry the numbers.

    Raises
    ------
    InputError
        Before any model is loaded. Artifacts of an earlier run are left as they are.
    StorageError
        The output cannot be written; what was saved before is intact.
    DeviceError
        There is a GPU that cannot be used; what was saved before is intact.
    ShardError
        Shards were computed on different devices, or with `shards_only` some are missing.
    Stopped
        SIGTERM or Ctrl-C came; the same comparison goes on from where it was.
    """
    started = Moment.ago()
    watched = watched_inputs(request)
    inputs = inspect_inputs(request)
    names = Artifacts(request.output_dir)
    request.output_dir.mkdir(parents=True, exist_ok=True)
    with (
        job_context(names.job) as context,
        open_setting(request, inputs, spool_folder=request.output_dir) as opened,
    ):
        setting, warnings = opened
        require_recordable(setting, inputs, command=command)
        work = Work(context, request, watched, shards_only)
        goes_on = names.job.checkpoints.exists()
        with comparison_log(names.log, console_level=console_level, append=goes_on):
            for warning in warnings:
                _log.warning(warning)
            count, size = setting.plan.groups.shape
            _log.info("plan: %d groups of %d, k = %.6f", count, size, setting.plan.normalization)
            geometry = geometry_through_truth(setting)
            for shard, how in failed_shards(names.job):
                _log.warning("shard %s %s; what it saved is kept, the rest is computed here", shard, how)
            arms = _arms(inputs, setting, work)
            context.step("scoring")
            arms, of_arms = geometry_through_arms(arms, setting)
            scorecard, consistency = score(arms, setting)
            context.step("artifacts")
            attempts = attempts_so_far(names.job)
            watched.require_same()
            found = geometry + of_arms
            result = Result(watched, setting, arms, scorecard, consistency, warnings, attempts, found)
            with context.publishing():
                publish(result, started=started, command=command, context=context, finish=work.finish)
            _log.info("Comparison complete!")
    return scorecard


@contextmanager
def open_setting(
    request: CompareRequest, inputs: Inputs, *, spool_folder: Path
) -> Iterator[tuple[Setting, list[str]]]:
    """Open the scan and draw the plan.

    Yields what all arms share, and what is unusual but may be meant.
    """
    with open_scan(request.test_data, spool_folder=spool_folder, reading=request.reading) as scan:
        warnings = require_fit(request, inputs, scan)
        plan = draw_plan(
            scan,
            group_size=inputs.group_size,
            groups=request.groups,
            neighbors=request.neighbors,
            seed=request.seed,
            images=request.images,
            image_seed=request.image_seed,
        )
        yield Setting(request, scan, plan, _grid(scan, request.crop_px)), warnings


def _grid(scan: Scan, crop_px: int) -> Grid:
    """Return the object's own grid, or the scanned window of it when the object is unknown."""
    if scan.truth is not None:
        height, width = scan.truth.shape
        return Grid((0, 0), (height, width))
    return Canvas.covering(scan.positions, crop_px=crop_px).grid


def _arms(inputs: Inputs, setting: Setting, work: Work) -> dict[str, Arm]:
    networks = {
        name: NetworkArm.open(name, arm.content, arm.request.how, setting, work)
        for name, arm in inputs.arms.items()
        if isinstance(arm.content, ModelFile)
    }
    streams = [stream for network in networks.values() for stream in network.streams()]
    work.context.planned({stream.name: (stream.state.done_rows, stream.state.all_rows) for stream in streams})
    if work.shards_only:
        require_all([missing for stream in streams for missing in stream.shards.missing(stream.state)], work)
    return {name: _arm(name, arm, networks.get(name), setting, work) for name, arm in inputs.arms.items()}


def _arm(name: str, arm: ArmInput, network: NetworkArm | None, setting: Setting, work: Work) -> Arm:
    if network is not None:
        model = network.model
        _log.info(
            "%s: %s (%s, N = %d, C = %d)", name, model.path, model.kind, model.patch_px, model.group_size
        )
        return contained(
            name, model, lambda: network.reconstruct(work), raise_if_stopped=work.context.raise_if_stopped
        )
    if isinstance(arm.content, ReadyMade):
        with one_blas_thread():
            return ready_made_arm(arm.content, arm.halves, setting)
    if isinstance(arm.content, UserSource):
        return user_arm(name, arm.content, setting, raise_if_stopped=work.context.raise_if_stopped)
    raise TypeError(f"{name}: no way to run {type(arm.content).__name__}")


def score(arms: Mapping[str, Arm], setting: Setting) -> tuple[Scorecard, Mapping[str, Consistency]]:
    """Score the arms that gave an image; the others stand beside them as failed."""
    with one_blas_thread():
        return _score(arms, setting)


def _score(arms: Mapping[str, Arm], setting: Setting) -> tuple[Scorecard, Mapping[str, Consistency]]:
    images = {name: arm.image for name, arm in arms.items() if arm.image is not None}
    faults = {name: arm.crash for name, arm in arms.items() if arm.image is None}
    truth, settings = setting.scan.truth, setting.request.scoring
    consistency: Mapping[str, Consistency] = {}
    try:
        area = setting.scored_area(images.values())
        placement = place_arms(images, truth, area=area, settings=settings.placing)
        consistency = consistencies(arms, placement, setting)
        more = {name: found.measurement for name, found in consistency.items()}
        scorecard = score_placed(placement, truth, settings=settings, more=more)
    except ScoringError as error:  # nothing that all arms cover, or no arm at all
        faults = {name: faults.get(name, str(error)) for name in arms}
        reference = "none" if truth is None else settings.reference
        empty = np.zeros(setting.grid.shape, np.bool_)
        scorecard = Scorecard(empty, (), settings.metric_version, reference)
    scores = {score.arm: score for score in scorecard.arms}
    scores |= {name: _failed(name, reason, setting.grid) for name, reason in faults.items()}
    for score in scores.values():
        level = logging.INFO if score.status == "ok" else logging.ERROR
        _log.log(level, "%s: %s %s", score.arm, score.status, score.reason)
        if score.twin is not None:
            _log.warning("%s: %s", score.arm, score.twin)
        for text in score.warnings:
            _log.warning("%s: %s", score.arm, text)
    return replace(scorecard, arms=tuple(scores[name] for name in arms)), consistency


def _failed(name: str, reason: str, grid: Grid) -> ArmScore:
    return ArmScore(
        arm=name,
        status="failed",
        reason=reason,
        gauge=None,
        shift=None,
        moved=False,
        twin=None,
        metrics=(),
        curves={},
        image=np.full(grid.shape, np.nan, np.complex64),
    )
