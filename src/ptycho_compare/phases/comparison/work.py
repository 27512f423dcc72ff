"""What an attempt at a comparison keeps: its context, and the checkpoints of its streams."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ptycho_compare.errors import StorageError
from ptycho_compare.hub import Artifacts, JobFiles
from ptycho_compare.jobs.context import JobContext
from ptycho_compare.models.bundle import ModelFile
from ptycho_compare.models.engines import libraries_of
from ptycho_compare.phases.comparison import COMPUTED_BY
from ptycho_compare.phases.comparison.log import LOGGER
from ptycho_compare.phases.comparison.request import CompareRequest
from ptycho_compare.reconstruction.checkpoint import Cadence, Checkpoint
from ptycho_compare.reconstruction.segment import Segment
from ptycho_compare.reconstruction.stream_state import StreamState
from ptycho_compare.storage.fingerprint import Fingerprint
from ptycho_compare.storage.watched import WatchedFiles

_log = logging.getLogger(LOGGER)


@dataclass
class Work:
    """One attempt at a comparison.

    Attributes
    ----------
    context : JobContext
        Tells how far it is, and hears when to stop.
    watched : WatchedFiles
        The inputs, before they were read.
    shards_only : bool
        Where networks are not run: what shards left must be all.
    cadence : Cadence
        Of all checkpoints of the attempt.
    """

    context: JobContext
    request: CompareRequest
    watched: WatchedFiles
    shards_only: bool = False
    cadence: Cadence = field(default_factory=Cadence)

    @property
    def files(self) -> JobFiles:
        """Of the comparison, also where the attempt is at a shard of it."""
        return Artifacts(self.request.output_dir).job

    def checkpoint(
        self, stream: str, model: ModelFile, plan: Mapping[str, Any], segment: Segment | None = None
    ) -> Checkpoint:
        """Find the checkpoints of one stream, by a name that no other stream of the comparison has.

        `plan` holds how the stream's groups were drawn; of a `segment` it is the shard of the stream.
        """
        request = self.request
        # not the other arms, nor how images are scored: neither reaches a canvas
        asked = request.settings()
        settings = {
            "crop_px": request.crop_px,
            "reading": asked["reading"],
            "engine": asked["engine"],
            **plan,
        }
        if segment is not None:
            settings["segment"] = asdict(segment)
        inputs = {"test_data": self.watched.digests[request.test_data], "model": model.sha256}
        fingerprint = Fingerprint.here(
            inputs, settings, computed_by=COMPUTED_BY, libraries=libraries_of(settings, [model.path])
        )
        files = self.files
        if segment is None:
            return Checkpoint(files.checkpoints, stream, fingerprint, files.set_aside, self.cadence)
        return Checkpoint(
            files.shards / stream,
            segment.name,
            fingerprint,
            files.set_aside / stream,
            self.cadence,
            part=f"{stream} {segment.name}",
        )

    def load(self, checkpoint: Checkpoint) -> StreamState | None:
        """Read what an earlier attempt saved of a stream."""

        def tell(reason: str) -> None:
            _log.warning("%s: the checkpoint is set aside: %s", checkpoint.part, reason)
            self.context.noted("set_aside", part=checkpoint.part, reason=reason)

        return checkpoint.load(tell)

    def resume(self, checkpoint: Checkpoint) -> StreamState | None:
        """Read it, and say where the stream goes on."""
        state = self.load(checkpoint)
        if state is not None:
            _log.info("%s: goes on from patch %d of %d", checkpoint.part, state.done_rows, state.all_rows)
        return state

    def save(self, checkpoint: Checkpoint, state: StreamState) -> None:
        """Save a stream now; raises ExchangedError where an input was exchanged since it was digested.

        What was computed from another file would else be gone on from once this one is put back.
        """
        self.watched.require_same()
        self.context.working(checkpoint.part, state.done_rows, state.timing.total_s, now=True)
        seconds = checkpoint.save(state)
        self.context.saved(checkpoint.part, state.done_rows, seconds)

    def saving(self, checkpoint: Checkpoint) -> _Saving:
        """Make the call that follows each batch of a stream."""
        return _Saving(self, checkpoint)

    def finish(self) -> None:
        """Remove the checkpoints and the shards: the artifacts hold what they held."""
        for folder in (self.files.checkpoints, self.files.shards):
            try:
                shutil.rmtree(folder, ignore_errors=False)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise StorageError(f"{folder}: {error.strerror}") from error


class _Saving:
    """After each batch: tell how far it is; save when it is due, or when asked to stop."""

    def __init__(self, work: Work, checkpoint: Checkpoint) -> None:
        self._work, self._checkpoint = work, checkpoint
        self._since = time.perf_counter()
        self._saved_groups: int | None = None

    def __call__(self, state: StreamState) -> None:
        work = self._work
        work.cadence.worked_s += time.perf_counter() - self._since
        work.context.working(self._checkpoint.part, state.done_rows, state.timing.total_s)
        if self._saved_groups is None:
            self._saved_groups = state.reported_groups
        chunk_passed = state.reported_groups > self._saved_groups
        if work.context.asked or work.cadence.due(chunk_passed=chunk_passed):
            work.save(self._checkpoint, state)
            self._saved_groups = state.reported_groups
        if work.context.asked:
            work.context.leave()
        self._since = time.perf_counter()
