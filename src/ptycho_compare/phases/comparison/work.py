"""What an attempt at a comparison keeps: its context, and the checkpoints of its streams."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ptycho_compare.errors import StorageError
from ptycho_compare.jobs import JobContext
from ptycho_compare.models.bundle import ModelFile
from ptycho_compare.models.engines import libraries_of
from ptycho_compare.phases.comparison import COMPUTED_BY
from ptycho_compare.phases.comparison.log import LOGGER
from ptycho_compare.phases.comparison.request import CompareRequest
from ptycho_compare.reconstruction import Cadence, Checkpoint, StreamState
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
    cadence : Cadence
        Of all checkpoints of the attempt.
    """

    context: JobContext
    request: CompareRequest
    watched: WatchedFiles
    cadence: Cadence = field(default_factory=Cadence)

    def checkpoint(self, stream: str, model: ModelFile, plan: Mapping[str, Any]) -> Checkpoint:
        """Find the checkpoints of one stream, by a name that no other stream of the comparison has.

        `plan` holds how the stream's groups were drawn.
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
        inputs = {"test_data": self.watched.digests[request.test_data], "model": model.sha256}
        files = self.context.files
        return Checkpoint(
            files.checkpoints,
            stream,
            Fingerprint.here(
                inputs, settings, computed_by=COMPUTED_BY, libraries=libraries_of(settings, [model.path])
            ),
            files.set_aside,
            self.cadence,
        )

    def load(self, checkpoint: Checkpoint) -> StreamState | None:
        """Read what an earlier attempt saved of a stream."""

        def tell(reason: str) -> None:
            _log.warning("%s: the checkpoint is set aside: %s", checkpoint.name, reason)
            self.context.noted("set_aside", part=checkpoint.name, reason=reason)

        state = checkpoint.load(tell)
        if state is not None:
            _log.info("%s: goes on from patch %d of %d", checkpoint.name, state.next_row, state.rows)
        return state

    def save(self, checkpoint: Checkpoint, state: StreamState) -> None:
        """Save a stream now; raises ExchangedError where an input was exchanged since it was digested.

        What was computed from another file would else be gone on from once this one is put back.
        """
        self.watched.require_same()
        self.context.working(checkpoint.name, state.next_row, state.timing.total_s, now=True)
        seconds = checkpoint.save(state)
        self.context.saved(checkpoint.name, state.next_row, seconds)

    def saving(self, checkpoint: Checkpoint) -> _Saving:
        """Make the call that follows each batch of a stream."""
        return _Saving(self, checkpoint)

    def finish(self) -> None:
        """Remove the checkpoints: the artifacts hold what they held."""
        try:
            shutil.rmtree(self.context.files.checkpoints, ignore_errors=False)
        except FileNotFoundError:
            return
        except OSError as error:
            raise StorageError(f"{self.context.files.checkpoints}: {error.strerror}") from error


class _Saving:
    """After each batch: tell how far it is; save when it is due, or when asked to stop."""

    def __init__(self, work: Work, checkpoint: Checkpoint) -> None:
        self._work, self._checkpoint = work, checkpoint
        self._since = time.perf_counter()
        self._saved_groups: int | None = None

    def __call__(self, state: StreamState) -> None:
        work = self._work
        work.cadence.worked_s += time.perf_counter() - self._since
        work.context.working(self._checkpoint.name, state.next_row, state.timing.total_s)
        if self._saved_groups is None:
            self._saved_groups = state.reported_groups
        chunk_passed = state.reported_groups > self._saved_groups
        if work.context.asked or work.cadence.due(chunk_passed=chunk_passed):
            work.save(self._checkpoint, state)
            self._saved_groups = state.reported_groups
        if work.context.asked:
            work.context.leave()
        self._since = time.perf_counter()
