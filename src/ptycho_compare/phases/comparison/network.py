"""An arm that is a trained network: its groups streamed onto a canvas, from wherever an attempt stopped.

A network arm is one stream, or three where each half of the data is reconstructed as well.
"""

from __future__ import annotations

import logging
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ptycho_compare.errors import ArmError, OutOfMemoryError
from ptycho_compare.models.bundle import ModelFile
from ptycho_compare.models.own.own_network import kept_part, load_own
from ptycho_compare.models.predictor import Predictor, load_predictor
from ptycho_compare.phases.comparison.arm import Arm, Setting
from ptycho_compare.phases.comparison.diagnostics import BaselineDebug, arm_lines, chunk_lines
from ptycho_compare.phases.comparison.log import LOGGER
from ptycho_compare.phases.comparison.own_reading import require_right_reading
from ptycho_compare.phases.comparison.request import ArmSettings, CompareRequest
from ptycho_compare.phases.comparison.segments import SavedSegments, require_one_device
from ptycho_compare.phases.comparison.sharing import Shard
from ptycho_compare.phases.comparison.work import Work
from ptycho_compare.reconstruction.canvas import read_window
from ptycho_compare.reconstruction.checkpoint import Checkpoint
from ptycho_compare.reconstruction.kept_patches import KeptPatches
from ptycho_compare.reconstruction.segment import Segment, empty_segment, segments_of
from ptycho_compare.reconstruction.stream import (
    Chunk,
    Response,
    empty_stream,
    fixed_point_of,
    reconstruct,
    response_to_images,
)
from ptycho_compare.reconstruction.stream_state import Moments, StreamState
from ptycho_compare.scan.plan import Plan
from ptycho_compare.scoring.placement import ArmImage
from ptycho_compare.study import BASELINE

_log = logging.getLogger(LOGGER)


@dataclass
class Stream:
    """One stream of an arm, or a segment of one: which groups, where its checkpoints stand, how far it is."""

    name: str
    plan: Plan
    checkpoint: Checkpoint
    state: StreamState
    shards: SavedSegments
    keep: frozenset[int] = frozenset()


@dataclass
class NetworkArm:
    """A network arm before its reconstruction; its streams know how far earlier attempts came."""

    name: str
    model: ModelFile
    how: ArmSettings
    setting: Setting
    whole: Stream
    halves: tuple[Stream, ...]

    @classmethod
    def open(
        cls,
        name: str,
        model: ModelFile,
        how: ArmSettings,
        setting: Setting,
        work: Work,
        *,
        resumed: bool = True,
    ) -> NetworkArm:
        """Find what earlier attempts left of each stream, if it is `resumed`; nothing heavy is loaded."""
        request = setting.request

        def stream(label: str, plan: Plan, *, afresh: bool = False) -> Stream:
            drawn: dict[str, Any] = {
                "groups": len(plan.groups),
                "group_size": plan.groups.shape[1],
                "images": request.images,
                "image_seed": request.image_seed,
                "neighbors": plan.neighbors,
                "seed": plan.seed,
                "algorithm": plan.algorithm,
            }
            keep = frozenset(setting.kept_rows(model.group_size) if plan is setting.plan else ())
            drawn |= {"patches": len(keep)} if keep else {}
            saved = partial(work.checkpoint, label, model, drawn)
            shards = SavedSegments(
                label, len(plan.groups), () if afresh else segments_of(plan, how.chunk_groups), saved
            )
            checkpoint = saved()
            state = work.resume(checkpoint) if resumed and not afresh else None
            if state is None:
                positions = setting.scan.positions
                state = empty_stream(plan, positions, group_size=model.group_size, crop_px=request.crop_px)
            return Stream(label, plan, checkpoint, state, shards, keep)

        # what is kept for debugging are the first rows, so these have to be predicted here
        afresh = _debugged(request, name)
        halves = [
            stream(f"{name}+half{number}", plan) for number, plan in enumerate(setting.half_plans, start=1)
        ]
        return cls(name, model, how, setting, stream(name, setting.plan, afresh=afresh), tuple(halves))

    def streams(self) -> Iterator[Stream]:
        """All of them, in the order in which they are worked at."""
        yield self.whole
        yield from self.halves

    def reconstruct(self, work: Work) -> Arm:
        """Bring every stream to its end."""
        network = _Network(self)
        state = self._advance(self.whole, network, work, on_chunk=self._log_chunk, on_end=self._log_end)
        network.write_debug(state)
        fault = str(state.notes["fault"]) or _fault(
            state.finished_chunks.used, float(state.notes["response"]), self.setting.request
        )
        seconds = {
            "load_s": state.notes["load_s"],
            "compile_s": state.notes["compile_s"],
            "read_s": state.timing.read_s,
            "predict_s": state.timing.predict_s,
            "stitch_s": state.timing.stitch_s,
            "computation_s": state.timing.total_s,
        }
        halves: tuple[ArmImage, ...] = ()
        if not fault:
            states = [self._advance(half, network, work) for half in self.halves]
            halves = tuple(self._image(half) for half in states)
            if states:
                seconds["half_data_s"] = sum(half.timing.total_s for half in states)
        parameters = {**self.model.parameters, "device": state.notes["device"], **network.limits(state)}
        return Arm(
            self.model.path,
            self._image(state, fault),
            seconds=seconds,
            parameters=parameters,
            halves=halves,
            patches=self._patches(state),
        )

    def parts_of(self, shard: Shard, work: Work) -> list[Stream]:
        """Return the segments of all streams that a shard computes, each as far as earlier attempts came."""
        return [
            self._segment(stream, segment, work)
            for stream in self.streams()
            for number, segment in enumerate(stream.shards.segments)
            if shard.takes(number)
        ]

    def compute(self, parts: Sequence[Stream], work: Work) -> None:
        """Bring segments to their ends."""
        network = _Network(self)
        for part in parts:
            self._advance(part, network, work)

    def _segment(self, stream: Stream, segment: Segment, work: Work) -> Stream:
        checkpoint = stream.shards.checkpoint(segment)
        state = work.resume(checkpoint)
        if state is None:
            state = empty_segment(
                stream.plan,
                self.setting.scan.positions,
                segment,
                group_size=self.model.group_size,
                crop_px=self.setting.request.crop_px,
            )
        state.notes["host"] = platform.node()
        alone = replace(stream.shards, segments=())
        return Stream(checkpoint.part, stream.plan, checkpoint, state, alone, stream.keep)

    def _advance(
        self,
        stream: Stream,
        network: _Network,
        work: Work,
        on_chunk: Callable[[Chunk], None] | None = None,
        on_end: Callable[[StreamState], None] | None = None,
    ) -> StreamState:
        """Take over what shards left of a stream, and predict the rest of it.

        A batch that does not fit is halved and tried again. `on_chunk` and `on_end` are called by the
        attempt that comes so far, and not by those after it.
        """
        state = stream.state
        state.notes.setdefault("batch_rows", self.how.batch_rows)
        while not state.finished:
            try:
                self._go_on(stream, network, work, on_chunk, on_end)
            except OutOfMemoryError as error:
                network.halve(state, error)
                work.context.noted("batch_halved", part=stream.name, batch=state.notes["batch_rows"])
        return state

    def _go_on(
        self,
        stream: Stream,
        network: _Network,
        work: Work,
        on_chunk: Callable[[Chunk], None] | None,
        on_end: Callable[[StreamState], None] | None,
    ) -> None:
        """Take over the next segment, or predict up to the next that can be taken over."""
        state, shards, scan = stream.state, stream.shards, self.setting.scan
        found = shards.find_next(state, work)
        predictor = network.predictor(stream) if found is None else None
        with work.context.holding():
            if found is not None:
                shards.take(found, state, work, on_chunk=on_chunk)
            if predictor is not None:
                reconstruct(
                    stream.plan,
                    scan.diffraction,
                    scan.positions,
                    predictor,
                    state,
                    chunk_groups=self.how.chunk_groups,
                    until=shards.next_ahead(state.reported_groups, work),
                    keep=stream.keep,
                    on_chunk=on_chunk,
                    after_batch=work.saving(stream.checkpoint),
                )
            if state.finished and on_end is not None:
                on_end(state)
            if state.finished or predictor is not None or work.context.asked:
                work.save(stream.checkpoint, state)

    def _log_chunk(self, chunk: Chunk) -> None:
        for line in chunk_lines(self.name, chunk):
            _log.info(line)
        _log.info("%s: %d of %d groups", self.name, chunk.done, chunk.groups)

    def _log_end(self, state: StreamState) -> None:
        for line in arm_lines(self.name, state.finished_chunks):
            _log.info(line)
        largest, fixed = state.finished_chunks.used.maximum, state.canvas.fixed
        if fixed is not None and largest > fixed.limit:
            shown = state.notes["largest"]
            _log.warning(
                "%s: patches hold values up to %.3g, where those of 16 rows end at %.3g; cut off at %.3g",
                self.name,
                largest,
                shown,
                fixed.limit,
            )

    def _patches(self, state: StreamState) -> KeptPatches | None:
        rows = self.setting.kept_rows(self.model.group_size)
        if not rows:
            return None
        found = KeptPatches.of(state.kept, rows)
        return replace(found, values=kept_part(self.model, found.values))

    def _image(self, state: StreamState, fault: str = "") -> ArmImage:
        values, weight = state.canvas.on_grid(self.setting.grid)
        return ArmImage(kept_part(self.model, values), weight, movable=False, fault=fault, of_patches=True)


class _Network:
    """The arm's predictor, loaded when there is something left to predict."""

    def __init__(self, arm: NetworkArm) -> None:
        self._arm = arm
        self._loaded: Predictor | None = None
        self._debug: BaselineDebug | None = None
        self._response: Response | None = None

    def predictor(self, stream: Stream) -> Predictor:
        """Load it for the state's batch; what it cost and shows of itself is noted once, in the state."""
        state = stream.state
        if self._loaded is None:
            began = time.perf_counter()
            self._loaded = self._load(state.notes["batch_rows"])
            loaded_s = time.perf_counter() - began
            state.notes["load_s"] = state.notes.get("load_s", 0.0) + loaded_s
            state.notes["compile_s"] = state.notes.get("compile_s", 0.0) + self._loaded.warm_up()
        require_one_device(stream.name, state.notes, self._loaded.device)
        state.notes["device"] = self._loaded.device
        if "response" not in state.notes:
            self._response = self._response or self._measured(self._loaded, state.notes["batch_rows"])
            # as text: it may be not a number, which JSON cannot hold
            told = {"response": repr(self._response.change), "largest": self._response.largest}
            state.notes |= {**told, "fault": self._loaded.fault}
        if state.canvas.fixed is None:
            state.canvas.fixed = fixed_point_of(
                stream.plan,
                self._arm.setting.scan.positions,
                self._loaded,
                largest=state.notes["largest"],
                crop_px=state.canvas.crop_px,
            )
        if _debugged(self._arm.setting.request, self._arm.name):
            self._debug = self._debug or BaselineDebug(self._loaded)
            return self._debug
        return self._loaded

    def _measured(self, predictor: Predictor, batch_rows: int) -> Response:
        setting, model = self._arm.setting, self._arm.model
        if model.kind == "onnx":
            require_right_reading(self._arm.name, model, predictor, setting, batch_rows=batch_rows)
        scan = setting.scan
        return response_to_images(setting.plan, scan.diffraction, scan.positions, predictor)

    def _load(self, batch_rows: int) -> Predictor:
        model = self._arm.model
        if model.kind == "onnx":
            k = self._arm.setting.plan.normalization
            return load_own(model, batch_rows=batch_rows, normalization=k)
        request = self._arm.setting.request
        used = read_window(model.patch_px, request.crop_px)
        return load_predictor(model, batch_rows=batch_rows, engine=request.engine, used=used)

    def halve(self, state: StreamState, error: OutOfMemoryError) -> None:
        """Go on with half the batch; raises ArmError when a single row did not fit."""
        batch = state.notes["batch_rows"]
        if batch <= 1:
            raise ArmError(f"{error}; not even one row at a time") from error
        state.notes["batch_rows"] = batch // 2
        state.notes["batches_that_did_not_fit"] = [*state.notes.get("batches_that_did_not_fit", []), batch]
        _log.warning("%s: %s; goes on with batches of %d", self._arm.name, error, batch // 2)
        self._loaded = self._debug = None

    def limits(self, state: StreamState) -> dict[str, object]:
        """Return what memory imposed, for the manifest; empty as a rule."""
        missed = state.notes.get("batches_that_did_not_fit")
        return {"batch_rows": state.notes["batch_rows"], "batches_that_did_not_fit": missed} if missed else {}

    def write_debug(self, state: StreamState) -> None:
        """Write what was kept for debugging, if that was asked for."""
        folder = self._arm.setting.request.baseline_debug_dir
        if self._debug is not None and folder is not None:
            self._debug.write(folder, state.finished_chunks, seconds=state.timing.predict_s)


def _debugged(request: CompareRequest, name: str) -> bool:
    return request.baseline_debug_dir is not None and name == BASELINE


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
