"""Checkpoints: the canvas of one arm and how far it has come, on disk.

A checkpoint is two files: the canvas under a name with the number of its rows, then the record,
whose existence makes it count and which holds the canvas' digest and its own. A kill between the
two leaves the one before.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from ptycho_compare.basis import Basis
from ptycho_compare.errors import StorageError
from ptycho_compare.files import atomic_path, plain_json, write_json_atomic
from ptycho_compare.jobs import aside_for
from ptycho_compare.reconstruction.canvas import Canvas
from ptycho_compare.reconstruction.stream_state import Statistics, StreamState, Timing

MAX_SHARE = 0.015
"""Share of the computing time that checkpoints may cost; below the promised 2 %."""
_MAX_SHARE_OF_CHUNK = 0.1
_FIRST_GUESS_S = 0.005


@dataclass
class Cadence:
    """When the next checkpoint is due: as soon as it costs less than its share of the time worked.

    At the latest it is due after a whole chunk, whatever those before it cost: one slow moment of the
    disk must not put many chunks at risk. Chunks so small that this would cost a tenth are let pass.

    Attributes
    ----------
    worked_s : float
        Time computed so far.
    spent_s, count : float, int
        What the checkpoints written so far cost, and how many there were.
    saved_at_s : float
        Time computed before the last of them.
    """

    worked_s: float = 0.0
    spent_s: float = 0.0
    count: int = 0
    saved_at_s: float = 0.0

    def due(self, *, chunk_passed: bool = False) -> bool:
        """Whether another one keeps within the share, or a whole chunk was computed since the last."""
        expected = self.spent_s / self.count if self.count else _FIRST_GUESS_S
        if self.spent_s + expected <= MAX_SHARE * self.worked_s:
            return True
        return chunk_passed and expected <= _MAX_SHARE_OF_CHUNK * (self.worked_s - self.saved_at_s)

    def saved(self, seconds: float) -> None:
        """Count one that was written, and what it cost."""
        self.spent_s += seconds
        self.count += 1
        self.saved_at_s = self.worked_s


@dataclass
class Checkpoint:
    """Where one stream's checkpoints stand.

    Attributes
    ----------
    folder : Path
    name : str
        Of the stream; part of the file names.
    basis : Basis
        What a checkpoint must rest on to be used.
    set_aside : Path
        Where one goes that cannot be used.
    cadence : Cadence
        Shared by the streams of a run.
    """

    folder: Path
    name: str
    basis: Basis
    set_aside: Path
    cadence: Cadence = field(default_factory=Cadence)

    @property
    def record(self) -> Path:
        """Its existence makes the checkpoint count."""
        return self.folder / f"{self.name}.json"

    def save(self, state: StreamState) -> float:
        """Write the state; the seconds it took.

        Raises
        ------
        StorageError
            It cannot be written; the checkpoint before is intact.
        """
        began = time.perf_counter()
        try:
            self._write(state)
        except OSError as error:
            raise StorageError(
                f"{self.folder}: {error.strerror}; the checkpoint before is intact: make room, or make it "
                "writable, and run the same command again"
            ) from error
        seconds = time.perf_counter() - began
        self.cadence.saved(seconds)
        return seconds

    def _write(self, state: StreamState) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        buffer = io.BytesIO()
        np.savez(
            buffer,
            total=state.canvas.total,
            weight=state.canvas.weight,
            first_patch=state.first_patch,
            finished_chunks=state.finished_chunks.to_array(),
            chunk=state.chunk.to_array(),
        )
        data = buffer.getvalue()
        canvas = self.folder / f"{self.name}@{state.next_row:08d}.npz"
        with atomic_path(canvas) as temporary:
            temporary.write_bytes(data)
        facts = {
            "canvas": canvas.name,
            "sha256": sha256(data).hexdigest(),
            "origin": list(state.canvas.origin),
            "crop_px": state.canvas.crop_px,
            "next_row": state.next_row,
            "rows": state.rows,
            "groups": state.groups,
            "told_groups": state.told_groups,
            "timing": asdict(state.timing),
            "notes": state.notes,
            "basis": self.basis.to_json(),
        }
        write_json_atomic(self.record, {**facts, "record_sha256": _digest(facts)})
        for old in self.folder.glob(f"{self.name}@*.npz"):
            if old != canvas:
                old.unlink()

    def load(self, tell: Callable[[str], None]) -> StreamState | None:
        """Read the state that an earlier attempt saved.

        Parameters
        ----------
        tell : callable
            Given the reason when there is one that cannot be used; it is then set aside.

        Returns
        -------
        StreamState or None
            None when there is none, or none that can be used.
        """
        if not self.record.exists():
            return None
        try:
            facts = json.loads(self.record.read_text(encoding="utf-8"))
            if facts.pop("record_sha256") != _digest(facts):
                raise ValueError(f"{self.record.name} differs from its own digest")
            differences = Basis.from_json(facts["basis"]).differences(self.basis)
            if not differences:
                return self._state(facts)
            reason = "; ".join(differences)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            reason = f"damaged: {' '.join(str(error).split())}"
        self._put_aside(reason)
        tell(reason)
        return None

    def _state(self, facts: dict[str, Any]) -> StreamState:
        data = (self.folder / facts["canvas"]).read_bytes()
        if sha256(data).hexdigest() != facts["sha256"]:
            raise ValueError(f"{facts['canvas']} differs from the digest in its record")
        with np.load(io.BytesIO(data), allow_pickle=False) as held:
            row, column = facts["origin"]
            canvas = Canvas((row, column), held["total"], held["weight"], facts["crop_px"])
            return StreamState(
                canvas=canvas,
                rows=facts["rows"],
                groups=facts["groups"],
                next_row=facts["next_row"],
                told_groups=facts["told_groups"],
                finished_chunks=Statistics.from_array(held["finished_chunks"]),
                chunk=Statistics.from_array(held["chunk"]),
                timing=Timing(**facts["timing"]),
                first_patch=held["first_patch"],
                notes=facts["notes"],
            )

    def _put_aside(self, reason: str) -> None:
        """Move the files away: nobody's work is deleted because it does not fit here."""
        away = aside_for(self.set_aside, self.name, reason)
        for path in (self.record, *self.folder.glob(f"{self.name}@*.npz")):
            if path.exists():
                path.replace(away / path.name)


def _digest(facts: dict[str, Any]) -> str:
    """SHA-256 of a record's facts, however they are spaced."""
    return sha256(json.dumps(facts, sort_keys=True, default=plain_json).encode()).hexdigest()
