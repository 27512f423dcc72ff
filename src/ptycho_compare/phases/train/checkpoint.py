"""How far a training is, on disk after each epoch.

Like a comparison's checkpoint it is two files: the arrays under a name with the number of epochs, then
the record with their digest and its own, whose existence makes them count.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.basis import Basis
from ptycho_compare.errors import StorageError
from ptycho_compare.files import atomic_path, write_json_atomic
from ptycho_compare.hub import JobFiles
from ptycho_compare.jobs import aside_for

_RECORD = "training.json"
_BEST = "best_"


@dataclass(frozen=True)
class Epoch:
    """What one epoch gave.

    Attributes
    ----------
    epoch : int
        From 1.
    loss, val_loss : float
        Mean over the steps of the epoch, and over the held-out groups after it.
    seconds : float
    """

    epoch: int
    loss: float
    val_loss: float
    seconds: float


@dataclass
class Progress:
    """A training after some epochs.

    Attributes
    ----------
    epochs : list of Epoch
    state : dict of str to ndarray
        Weights and optimiser after the last of them.
    best : dict of str to ndarray
        Weights after the epoch with the lowest validation loss.
    """

    epochs: list[Epoch] = field(default_factory=list)
    state: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    best: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    @property
    def kept(self) -> Epoch:
        """The epoch with the lowest validation loss, the first of equals."""
        return min(self.epochs, key=lambda each: each.val_loss)

    @property
    def idle(self) -> int:
        """Epochs since then."""
        return len(self.epochs) - self.kept.epoch if self.epochs else 0


@dataclass(frozen=True)
class TrainingCheckpoint:
    """Where a training is kept.

    Attributes
    ----------
    files : JobFiles
        Of the job.
    basis : Basis
        What the training rests on; a checkpoint on another one is not used.
    """

    files: JobFiles
    basis: Basis

    def save(self, progress: Progress) -> float:
        """Write the state after an epoch; the seconds it took.

        Raises
        ------
        StorageError
            It cannot be written; the checkpoint before is intact.
        """
        began = time.perf_counter()
        try:
            self._write(progress)
        except OSError as error:
            raise StorageError(
                f"{self.files.checkpoints}: {error.strerror}; the epoch before is safe: make room, or make "
                "it writable, and run the same command again"
            ) from error
        return time.perf_counter() - began

    def _write(self, progress: Progress) -> None:
        folder = self.files.checkpoints
        folder.mkdir(parents=True, exist_ok=True)
        best = {f"{_BEST}{name}": values for name, values in progress.best.items()}
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **progress.state, **best)
        data = buffer.getvalue()
        arrays = folder / f"epoch@{len(progress.epochs):05d}.npz"
        with atomic_path(arrays) as temporary:
            temporary.write_bytes(data)
        facts = {
            "arrays": arrays.name,
            "sha256": sha256(data).hexdigest(),
            "epochs": [asdict(epoch) for epoch in progress.epochs],
            "basis": self.basis.to_json(),
        }
        write_json_atomic(folder / _RECORD, {**facts, "record_sha256": _digest(facts)})
        for old in folder.glob("epoch@*.npz"):
            if old != arrays:
                old.unlink()

    def load(self, tell: Callable[[str], None]) -> Progress:
        """Read what an earlier attempt saved; where there is nothing, nothing was done.

        Parameters
        ----------
        tell : callable
            Given the reason when there is a checkpoint that cannot be used; it is then set aside.
        """
        record = self.files.checkpoints / _RECORD
        if not record.exists():
            return Progress()
        try:
            facts = json.loads(record.read_text(encoding="utf-8"))
            if facts.pop("record_sha256") != _digest(facts):
                raise ValueError(f"{record.name} differs from its own digest")
            differences = Basis.from_json(facts["basis"]).differences(self.basis)
            if not differences:
                return self._progress(facts)
            reason = "; ".join(differences)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            reason = f"damaged: {' '.join(str(error).split())}"
        self._put_aside(reason)
        tell(reason)
        return Progress()

    def _progress(self, facts: dict[str, Any]) -> Progress:
        data = (self.files.checkpoints / facts["arrays"]).read_bytes()
        if sha256(data).hexdigest() != facts["sha256"]:
            raise ValueError(f"{facts['arrays']} differs from the digest in its record")
        with np.load(io.BytesIO(data), allow_pickle=False) as held:
            best = {name.removeprefix(_BEST): held[name] for name in held if name.startswith(_BEST)}
            state = {name: held[name] for name in held if not name.startswith(_BEST)}
        return Progress([Epoch(**epoch) for epoch in facts["epochs"]], state, best)

    def _put_aside(self, reason: str) -> None:
        """Move the files away: nobody's work is deleted because it does not fit here."""
        away = aside_for(self.files.set_aside, "training", reason)
        for path in self.files.checkpoints.iterdir():
            path.replace(away / path.name)
        self.files.checkpoints.rmdir()


def _digest(facts: dict[str, Any]) -> str:
    return sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
