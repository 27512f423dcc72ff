"""Checkpoints: the canvas of one arm and its next row, on disk, and when the next is due."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.reconstruction.canvas import Canvas
from ptycho_compare.reconstruction.fixed_point import FixedPoint
from ptycho_compare.reconstruction.kept_patches import KeptPatch
from ptycho_compare.reconstruction.stream_state import Statistics, StreamState, Timing
from ptycho_compare.storage.fingerprint import Fingerprint
from ptycho_compare.storage.saved_work import Arrays, Facts, SavedWork

MAX_SHARE = 0.015
"""Share of the computing time that checkpoints may cost; below the promised 2 %."""
_MAX_SHARE_OF_CHUNK = 0.1
_FIRST_GUESS_S = 0.005


@dataclass
class Cadence:
    """The rule for the next checkpoint: due as soon as it costs less than its share of the time worked.

    At the latest it is due after a whole chunk, whatever those before it cost: one slow moment of the
    disk must not put many chunks at risk. Chunks so small that this would cost a tenth are let pass.

    Attributes
    ----------
    worked_s : float
        Time computed so far.
    spent_s, count : float, int
        Cost and number of the checkpoints written so far.
    saved_at_s : float
        Time computed before the last of them.
    """

    worked_s: float = 0.0
    spent_s: float = 0.0
    count: int = 0
    saved_at_s: float = 0.0

    def due(self, *, chunk_passed: bool = False) -> bool:
        """True where another one keeps within the share, or a whole chunk was computed since the last."""
        expected = self.spent_s / self.count if self.count else _FIRST_GUESS_S
        if self.spent_s + expected <= MAX_SHARE * self.worked_s:
            return True
        return chunk_passed and expected <= _MAX_SHARE_OF_CHUNK * (self.worked_s - self.saved_at_s)

    def saved(self, seconds: float) -> None:
        """Count one that was written, and its cost."""
        self.spent_s += seconds
        self.count += 1
        self.saved_at_s = self.worked_s


@dataclass
class Checkpoint:
    """The checkpoints of one stream.

    Attributes
    ----------
    name : str
        Of the stream; part of the file names.
    fingerprint : Fingerprint
        A checkpoint is used on this one only.
    set_aside : Path
        Folder for those that cannot be used.
    cadence : Cadence
        Shared by the streams of a run.
    part : str
        What progress is reported under; the name, where nothing is said.
    """

    folder: Path
    name: str
    fingerprint: Fingerprint
    set_aside: Path
    cadence: Cadence = field(default_factory=Cadence)
    part: str = ""

    def __post_init__(self) -> None:
        self.part = self.part or self.name

    def save(self, state: StreamState) -> float:
        """Write the state; the seconds it took.

        Raises
        ------
        StorageError
            It cannot be written; the checkpoint before is intact.
        """
        arrays: dict[str, NDArray[Any]] = {
            "total": state.canvas.total,
            "weight": state.canvas.weight,
            "first_patch": state.first_patch,
            "finished_chunks": state.finished_chunks.to_array(),
            "chunk": state.chunk.to_array(),
        }
        if state.each_chunk is not None:
            arrays["each_chunk"] = np.array([each.to_array() for each in state.each_chunk]).reshape(-1, 3, 4)
        if state.kept:
            arrays["kept_rows"] = np.array(list(state.kept), np.int64)
            arrays["kept_values"] = np.stack([each.values for each in state.kept.values()])
            arrays["kept_centres"] = np.stack([each.centre for each in state.kept.values()])
        facts = {
            "origin": list(state.canvas.origin),
            "crop_px": state.canvas.crop_px,
            "fixed": None if state.canvas.fixed is None else asdict(state.canvas.fixed),
            "first_row": state.first_row,
            "next_row": state.next_row,
            "rows": state.rows,
            "groups": state.groups,
            "reported_groups": state.reported_groups,
            "timing": asdict(state.timing),
            "notes": state.notes,
        }
        seconds = self._work.write(arrays, facts)
        self.cadence.saved(seconds)
        return seconds

    def load(self, tell: Callable[[str], None]) -> StreamState | None:
        """Read the state that an earlier attempt saved, None where there is none; as `SavedWork.read`."""
        return self._work.read(_state, tell)

    @property
    def record(self) -> Path:
        """Its existence makes the checkpoint count."""
        return self._work.record

    @property
    def _work(self) -> SavedWork:
        return SavedWork(self.folder, self.name, self.fingerprint, self.set_aside)


def _state(facts: Facts, arrays: Arrays) -> StreamState:
    row, column = facts["origin"]
    fixed = None if facts["fixed"] is None else FixedPoint(**facts["fixed"])
    return StreamState(
        canvas=Canvas((row, column), arrays["total"], arrays["weight"], facts["crop_px"], fixed),
        rows=facts["rows"],
        groups=facts["groups"],
        next_row=facts["next_row"],
        reported_groups=facts["reported_groups"],
        finished_chunks=Statistics.from_array(arrays["finished_chunks"]),
        chunk=Statistics.from_array(arrays["chunk"]),
        timing=Timing(**facts["timing"]),
        first_patch=arrays["first_patch"],
        notes=facts["notes"],
        first_row=facts["first_row"],
        each_chunk=[Statistics.from_array(each) for each in arrays["each_chunk"]]
        if "each_chunk" in arrays
        else None,
        kept=_kept(arrays),
    )


def _kept(arrays: Arrays) -> dict[int, KeptPatch]:
    if "kept_rows" not in arrays:
        return {}
    pairs = zip(arrays["kept_values"], arrays["kept_centres"], strict=True)
    return {row: KeptPatch(*pair) for row, pair in zip(arrays["kept_rows"].tolist(), pairs, strict=True)}
