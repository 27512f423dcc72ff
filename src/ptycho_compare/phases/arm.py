"""One arm of a comparison: from a model, a file or a user's code to an image on the object's grid.

Whatever goes wrong inside an arm stays in it, as its own fault or crash.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.models.bundle import ModelFile
from ptycho_compare.models.predictor import Predictor, load_predictor
from ptycho_compare.phases.request import ArmSettings, CompareRequest
from ptycho_compare.reconstruction import (
    Canvas,
    Chunk,
    Grid,
    ReadyMade,
    UserSource,
    reconstruct,
    response_to_images,
    user_made,
)
from ptycho_compare.reconstruction.stream import Moments, Timing
from ptycho_compare.reporting.baseline_debug import BaselineDebug
from ptycho_compare.reporting.diagnostics import arm_lines, chunk_lines
from ptycho_compare.reporting.log import LOGGER
from ptycho_compare.scan import Plan, Scan, half_plans
from ptycho_compare.scoring import ArmImage
from ptycho_compare.study import BASELINE

_log = logging.getLogger(LOGGER)


@dataclass(frozen=True)
class Setting:
    """What all arms of a comparison share."""

    request: CompareRequest
    scan: Scan
    plan: Plan
    grid: Grid

    @property
    def half_data(self) -> bool:
        """Whether networks reconstruct each half of the data as well."""
        asked = self.request.half_data
        return self.scan.truth is None if asked is None else asked


@dataclass(frozen=True)
class Arm:
    """An arm after its reconstruction.

    Attributes
    ----------
    source : Path or None
        The model or the reconstruction; None for a user's code.
    image : ArmImage or None
        None when it crashed.
    crash : str
        Why there is no image.
    seconds : mapping
        Where the time went; ``computation_s`` is what the table reports.
    parameters : mapping
        Of the model, echoed into the manifest.
    halves : tuple of ArmImage
        Two reconstructions of half the data each, or none.
    half_sources : tuple of Path
        Their files, if they were made elsewhere.
    probe : ndarray, (N, N), complex64, or None
        The arm's own.
    """

    source: Path | None
    image: ArmImage | None
    crash: str = ""
    seconds: Mapping[str, float] | None = None
    parameters: Mapping[str, Any] | None = None
    halves: tuple[ArmImage, ...] = ()
    half_sources: tuple[Path, ...] = ()
    probe: NDArray[np.complex64] | None = None


def ready_made_arm(ready_made: ReadyMade, halves: tuple[ReadyMade, ...], setting: Setting) -> Arm:
    """Lay a reconstruction made elsewhere; without a recorded frame, its place is found when it is scored."""
    return Arm(
        source=ready_made.path,
        image=_laid(ready_made, setting),
        seconds={} if ready_made.seconds is None else {"computation_s": ready_made.seconds},
        halves=tuple(_laid(half, setting) for half in halves),
        half_sources=tuple(half.path for half in halves),
        probe=ready_made.probe,
    )


def user_arm(name: str, source: UserSource, setting: Setting) -> Arm:
    """Run a reconstructor of the user's own."""
    _log.info("%s: %s", name, source)

    def run() -> Arm:
        began = time.perf_counter()
        values, weight = user_made(source, setting.scan, setting.plan, setting.grid)
        seconds = {"computation_s": time.perf_counter() - began}
        image = ArmImage(values, weight, movable=False)
        return Arm(None, image, seconds=seconds, parameters={"reconstructor": str(source)})

    return _contained(name, None, run)


def network_arm(name: str, model: ModelFile, how: ArmSettings, setting: Setting) -> Arm:
    """Reconstruct with a trained network."""
    _log.info("%s: %s (%s, N = %d, C = %d)", name, model.path, model.kind, model.patch_px, model.group_size)
    return _contained(name, model, lambda: _reconstructed(name, model, how, setting))


def _contained(name: str, model: ModelFile | None, run: Callable[[], Arm]) -> Arm:
    source, parameters = (None, None) if model is None else (model.path, model.parameters)
    try:
        return run()
    except Exception as error:  # the boundary of an arm: TensorFlow and users' code raise many kinds
        _log.exception("%s: stopped", name)
        crash = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        return Arm(source, None, crash, parameters=parameters)


def _laid(ready_made: ReadyMade, setting: Setting) -> ArmImage:
    values, weight = ready_made.on_grid(setting.scan.positions, setting.grid)
    return ArmImage(values, weight, movable=not ready_made.placed)


class _Statistics:
    """Statistics over an arm's chunks, reported as they come."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.inputs, self.outputs, self.used = Moments(), Moments(), Moments()

    def take(self, chunk: Chunk) -> None:
        for total, part in (
            (self.inputs, chunk.inputs),
            (self.outputs, chunk.outputs),
            (self.used, chunk.used),
        ):
            total.add_moments(part)
        for line in chunk_lines(self.name, chunk):
            _log.info(line)
        _log.info("%s: %d of %d groups", self.name, chunk.done, chunk.groups)


def _reconstructed(name: str, model: ModelFile, how: ArmSettings, setting: Setting) -> Arm:
    request, scan, plan = setting.request, setting.scan, setting.plan
    began = time.perf_counter()
    predictor = load_predictor(model, batch_rows=how.batch_rows)
    loaded_s = time.perf_counter() - began
    compiled_s = predictor.warm_up()
    response = response_to_images(plan, scan.diffraction, scan.positions, predictor)
    debug = BaselineDebug(predictor) if request.baseline_debug_dir and name == BASELINE else None
    statistics = _Statistics(name)
    canvas, timing = _streamed(plan, debug or predictor, how, setting, statistics.take)
    for line in arm_lines(name, statistics.inputs, statistics.outputs):
        _log.info(line)
    if debug is not None and request.baseline_debug_dir is not None:
        debug.write(
            request.baseline_debug_dir, statistics.inputs, statistics.outputs, seconds=timing.predict_s
        )
    fault = predictor.fault or _fault(statistics.used, response, request)
    seconds = {
        "load_s": loaded_s,
        "compile_s": compiled_s,
        "read_s": timing.read_s,
        "predict_s": timing.predict_s,
        "stitch_s": timing.stitch_s,
        "computation_s": timing.total_s,
    }
    halves: tuple[ArmImage, ...] = ()
    if setting.half_data and not fault:
        began = time.perf_counter()
        halves = tuple(
            _on_grid(_streamed(half, predictor, how, setting)[0], setting)
            for half in half_plans(plan, scan.positions)
        )
        seconds["half_data_s"] = time.perf_counter() - began
    image = _on_grid(canvas, setting, fault)
    return Arm(model.path, image, seconds=seconds, parameters=model.parameters, halves=halves)


def _streamed(
    plan: Plan,
    predictor: Predictor,
    how: ArmSettings,
    setting: Setting,
    on_chunk: Callable[[Chunk], None] | None = None,
) -> tuple[Canvas, Timing]:
    return reconstruct(
        plan,
        setting.scan.diffraction,
        setting.scan.positions,
        predictor,
        crop_px=setting.request.crop_px,
        chunk_groups=how.chunk_groups,
        on_chunk=on_chunk,
    )


def _on_grid(canvas: Canvas, setting: Setting, fault: str = "") -> ArmImage:
    values, weight = canvas.on_grid(setting.grid)
    return ArmImage(values, weight, movable=False, fault=fault)


def _fault(used: Moments, response: float, request: CompareRequest) -> str:
    """Say what the patches show and the canvas would hide: stitching paints over both."""
    limits = request.scoring.placing.limits
    empty = used.size - used.nonzero
    if empty > limits.max_zero_fraction * used.size:
        return (
            f"mostly_empty: {empty} of {used.size} pixels in the central {request.crop_px} x "
            f"{request.crop_px} px of its patches are exactly zero "
            f"({empty / used.size:.1%}, limit {limits.max_zero_fraction:.1%})"
        )
    if response < limits.min_contrast:
        return (
            f"flat: its patches change by {response:.2g} of their size when other images are given "
            f"(limit {limits.min_contrast:g}); the network ignores its input"
        )
    return ""
