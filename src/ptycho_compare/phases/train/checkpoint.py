"""How far a training is, on disk after each epoch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from numpy.typing import NDArray

from ptycho_compare.hub import JobFiles
from ptycho_compare.records.training_history import Epoch
from ptycho_compare.storage.fingerprint import Fingerprint
from ptycho_compare.storage.saved_work import Arrays, Facts, SavedWork
from ptycho_compare.storage.watched import WatchedFiles

_NAME = "training"
_BEST = "best_"


@dataclass
class TrainingProgress:
    """A training after some epochs.

    Attributes
    ----------
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
    """Where a training is kept; a checkpoint that rests on another fingerprint is not used.

    `watched` holds the data since they were digested.
    """

    files: JobFiles
    fingerprint: Fingerprint
    watched: WatchedFiles

    def save(self, progress: TrainingProgress) -> float:
        """Write the state after an epoch; the seconds it took.

        Raises StorageError when it cannot be written, and ExchangedError where the data were exchanged: the
        checkpoint before is intact.
        """
        self.watched.require_same()
        best = {f"{_BEST}{name}": values for name, values in progress.best.items()}
        facts = {"epochs": [asdict(epoch) for epoch in progress.epochs]}
        return self._work.write({**progress.state, **best}, facts)

    def load(self, tell: Callable[[str], None]) -> TrainingProgress:
        """Read what an earlier attempt saved (see `SavedWork.read`); without that nothing was done."""
        return self._work.read(_progress, tell) or TrainingProgress()

    @property
    def _work(self) -> SavedWork:
        return SavedWork(self.files.checkpoints, _NAME, self.fingerprint, self.files.set_aside)


def _progress(facts: Facts, arrays: Arrays) -> TrainingProgress:
    best = {name.removeprefix(_BEST): values for name, values in arrays.items() if name.startswith(_BEST)}
    state = {name: values for name, values in arrays.items() if not name.startswith(_BEST)}
    return TrainingProgress([Epoch(**epoch) for epoch in facts["epochs"]], state, best)
