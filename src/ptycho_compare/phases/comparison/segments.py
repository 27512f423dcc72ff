"""What shards left of a stream, for the process that adds it up."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ptycho_compare.errors import ShardError, and_more
from ptycho_compare.phases.comparison.log import LOGGER
from ptycho_compare.phases.comparison.sharing import shards_at_work
from ptycho_compare.phases.comparison.work import Work
from ptycho_compare.reconstruction.checkpoint import Checkpoint
from ptycho_compare.reconstruction.segment import Segment, take_over
from ptycho_compare.reconstruction.stream import Chunk
from ptycho_compare.reconstruction.stream_state import StreamState
from ptycho_compare.untrusted.regular import read_json

_log = logging.getLogger(LOGGER)
_LOOK_S = 0.2
_NAMED = 4


@dataclass(frozen=True)
class Found:
    """What a shard left of a segment: all of it, or as far as it came."""

    segment: Segment
    state: StreamState


@dataclass(frozen=True)
class SavedSegments:
    """The segments of one stream, and where shards save them.

    Attributes
    ----------
    segments : tuple of Segment
        In the plan's order; none where a stream takes nothing over.
    checkpoint : callable
        Gives the place of a segment.
    """

    stream: str
    groups: int
    segments: tuple[Segment, ...]
    checkpoint: Callable[[Segment], Checkpoint]

    def missing(self, state: StreamState) -> list[str]:
        """Name the segments, from where the stream stands, of which shards left none or not all."""
        ahead = [segment for segment in self.segments if segment.first >= state.reported_groups]
        return [f"{self.stream} {segment}" for segment in ahead if not self._finished(segment)]

    def next_ahead(self, group: int, work: Work) -> int | None:
        """Return where the next segment begins that a shard computed or will; None for none."""
        at_work = [shard for shard, _ in shards_at_work(work.files)]
        for number, segment in enumerate(self.segments):
            held = any(shard.takes(number) for shard in at_work)
            if segment.first > group and (held or self.checkpoint(segment).record.exists()):
                return segment.first
        return None

    def find_next(self, state: StreamState, work: Work) -> Found | None:
        """Read what a shard left of the segment that begins where the stream stands.

        Raises
        ------
        ShardError
            It was computed on another device than those before; or there is none, and networks are not run.
        """
        number = next(
            (n for n, each in enumerate(self.segments) if each.first == state.reported_groups), None
        )
        if number is not None and work.files.shards.exists():
            segment = self.segments[number]
            self._wait(number, work)
            found = work.load(self.checkpoint(segment))
            if found is not None and found.first_row == state.next_row:  # else it stands within the segment
                self._require_fit(state, found, segment)
                return Found(segment, found)
        if work.shards_only:
            require_all([f"{self.stream} groups from {state.reported_groups} on"], work)
        return None

    def take(
        self, taken: Found, state: StreamState, work: Work, *, on_chunk: Callable[[Chunk], None] | None
    ) -> None:
        """Add what was found to the stream, which is then where the shard was."""
        segment, found = taken.segment, taken.state
        take_over(state, found, segment, groups=self.groups, on_chunk=on_chunk)
        _join_notes(state.notes, found.notes)
        told = {"part": self.stream, "groups": segment.name, "rows": found.done_rows}
        told |= {"host": found.notes["host"], "device": found.notes["device"]}
        work.context.noted("taken_over", **told)
        work.context.working(self.stream, state.done_rows, state.timing.total_s, now=True)
        how = "" if found.finished else f", {found.done_rows} of {found.all_rows} patches"
        _log.debug("%s: %s from a shard (%s%s)", self.stream, segment, found.notes["host"], how)

    def _finished(self, segment: Segment) -> bool:
        try:
            return int(read_json(self.checkpoint(segment).record)["reported_groups"]) >= segment.stop
        except FileNotFoundError:
            return False
        except (OSError, ValueError, KeyError, TypeError):
            return True  # what is wrong with it is said when it is read

    def _wait(self, number: int, work: Work) -> None:
        """Let a shard that is at this segment, or will be, come to its end."""
        said = False
        while not self._finished(self.segments[number]):
            held = [claim for shard, claim in shards_at_work(work.files) if shard.takes(number)]
            if not held:
                return
            if not said:
                who = f"pid {held[0].holder.pid} on {held[0].holder.host_name}"
                _log.info(
                    "%s: waits for the shard that computes %s (%s)", self.stream, self.segments[number], who
                )
                said = True
            work.context.raise_if_stopped()
            time.sleep(_LOOK_S)

    def _require_fit(self, state: StreamState, found: StreamState, segment: Segment) -> None:
        host, theirs = found.notes["host"], found.notes["device"]
        ours = state.notes.get("device", theirs)
        again = f"remove {self.checkpoint(segment).record} and run its shard again on one like the others"
        if theirs != ours:
            raise ShardError(
                f"{self.stream}: {segment} were computed on {theirs} ({host}), those before on {ours}: "
                f"sums of different devices differ; {again}"
            )
        if state.canvas.fixed not in (None, found.canvas.fixed):
            raise ShardError(
                f"{self.stream}: {segment} ({host}) are rounded in other steps than those before: "
                f"the network gave other values there; {again}"
            )


def require_all(missing: Sequence[str], work: Work) -> None:
    """Refuse to go on where shards left something out; raises ShardError, which names it."""
    if missing:
        named = f"{', '.join(missing[:_NAMED])}{and_more(missing[_NAMED - 1 :])}"
        raise ShardError(
            f"{work.files.shards}: {named}: not there, or not all of it; run the shards that compute them "
            "again, or leave out --shards-only to have them computed here"
        )


def require_one_device(stream: str, notes: Mapping[str, Any], device: str) -> None:
    """Refuse to go on with what shards computed on another device; raises ShardError."""
    if ("shards" in notes or "host" in notes) and notes.get("device", device) != device:
        raise ShardError(
            f"{stream}: was computed by shards on {notes['device']}, and here is {device}: sums of "
            "different devices differ; run the shards that are missing on one like theirs"
        )


def _join_notes(notes: dict[str, Any], found: Mapping[str, Any]) -> None:
    """Add the notes of a segment to those of its stream."""
    for key in ("load_s", "compile_s"):
        notes[key] = notes.get(key, 0.0) + found.get(key, 0.0)
    notes.update({key: found[key] for key in ("response", "largest", "fault", "device")})
    notes["batch_rows"] = min(notes["batch_rows"], found["batch_rows"])
    missed = [*notes.get("batches_that_did_not_fit", []), *found.get("batches_that_did_not_fit", [])]
    if missed:
        notes["batches_that_did_not_fit"] = missed
    notes["shards"] = notes.get("shards", 0) + 1
