"""One arm of a comparison: from a model or a file to an image on the object's grid.

Whatever goes wrong inside an arm stays in it, as its own fault or crash.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ptycho_compare.models.bundle import ModelFile
from ptycho_compare.models.predictor import load_predictor
from ptycho_compare.phases.request import ArmSettings, CompareRequest
from ptycho_compare.reconstruction import (
    Chunk,
    Grid,
    ReadyMade,
    reconstruct,
    response_to_images,
)
from ptycho_compare.reconstruction.stream import Moments
from ptycho_compare.reporting.baseline_debug import BaselineDebug
from ptycho_compare.reporting.diagnostics import arm_lines, chunk_lines
from ptycho_compare.reporting.log import LOGGER
from ptycho_compare.scan import Plan, Scan
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


@dataclass(frozen=True)
class Arm:
    """An arm after its reconstruction.

    Attributes
    ----------
    source : Path
        The model or the reconstruction.
    image : ArmImage or None
        None when it crashed.
    crash : str
        Why there is no image.
    seconds : mapping
        Where the time went; ``computation_s`` is what the table reports.
    parameters : mapping
        Of the model, echoed into the manifest.
    """

    source: Path
    image: ArmImage | None
    crash: str
    seconds: Mapping[str, float]
    parameters: Mapping[str, Any]


def ready_made_arm(ready_made: ReadyMade, setting: Setting) -> Arm:
    """Lay a reconstruction made elsewhere; its frame is found when it is scored."""
    values, weight = ready_made.on_grid(setting.scan.positions, setting.grid)
    seconds = {} if ready_made.seconds is None else {"computation_s": ready_made.seconds}
    return Arm(ready_made.path, ArmImage(values, weight, movable=True), "", seconds, {})


def network_arm(name: str, model: ModelFile, how: ArmSettings, setting: Setting) -> Arm:
    """Reconstruct with a trained network."""
    _log.info("%s: %s (%s, N = %d, C = %d)", name, model.path, model.kind, model.patch_px, model.group_size)
    try:
        image, seconds = _reconstructed(name, model, how, setting)
    except Exception as error:  # the boundary of an arm: TensorFlow raises many kinds
        _log.exception("%s: stopped", name)
        crash = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        return Arm(model.path, None, crash, {}, model.parameters)
    return Arm(model.path, image, "", seconds, model.parameters)


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


def _reconstructed(
    name: str, model: ModelFile, how: ArmSettings, setting: Setting
) -> tuple[ArmImage, dict[str, float]]:
    request, scan, plan = setting.request, setting.scan, setting.plan
    began = time.perf_counter()
    predictor = load_predictor(model, batch_rows=how.batch_rows)
    loaded_s = time.perf_counter() - began
    compiled_s = predictor.warm_up()
    response = response_to_images(plan, scan.diffraction, scan.positions, predictor)
    debug = BaselineDebug(predictor) if request.baseline_debug_dir and name == BASELINE else None
    statistics = _Statistics(name)
    canvas, timing = reconstruct(
        plan,
        scan.diffraction,
        scan.positions,
        debug or predictor,
        crop_px=request.crop_px,
        chunk_groups=how.chunk_groups,
        on_chunk=statistics.take,
    )
    for line in arm_lines(name, statistics.inputs, statistics.outputs):
        _log.info(line)
    if debug is not None and request.baseline_debug_dir is not None:
        debug.write(
            request.baseline_debug_dir, statistics.inputs, statistics.outputs, seconds=timing.predict_s
        )
    values, weight = canvas.on_grid(setting.grid)
    image = ArmImage(
        values, weight, movable=False, fault=predictor.fault or _fault(statistics.used, response, request)
    )
    return image, {
        "load_s": loaded_s,
        "compile_s": compiled_s,
        "read_s": timing.read_s,
        "predict_s": timing.predict_s,
        "stitch_s": timing.stitch_s,
        "computation_s": timing.total_s,
    }


def _fault(used: Moments, response: float, request: CompareRequest) -> str:
    """Say what the patches show and the canvas would hide: stitching paints over both."""
    limits = request.scoring.limits
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
