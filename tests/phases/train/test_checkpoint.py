"""Checkpoints: whole or not used, and never deleted because they do not fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ptycho_compare.errors import StorageError
from ptycho_compare.hub import JobFiles
from ptycho_compare.phases.train.checkpoint import TrainingCheckpoint, TrainingProgress
from ptycho_compare.records.training_history import Epoch
from ptycho_compare.storage.fingerprint import Fingerprint
from ptycho_compare.storage.watched import WatchedFiles

EPOCHS = [Epoch(1, 0.5, 0.4, 1.0), Epoch(2, 0.3, 0.2, 1.0), Epoch(3, 0.2, 0.2, 1.0), Epoch(4, 0.1, 0.3, 1.0)]
STATE = {"weight_000": np.arange(4.0, dtype=np.float32), "optimizer_000": np.int64(7)}
BEST = {"weight_000": np.ones(4, np.float32)}


def checkpoint(folder: Path, **settings: float) -> TrainingCheckpoint:
    return TrainingCheckpoint(
        JobFiles(folder), Fingerprint({"data": "0" * 64}, settings, "code", {"numpy": "2"}), WatchedFiles({})
    )


def loaded(ours: TrainingCheckpoint) -> tuple[TrainingProgress, list[str]]:
    told: list[str] = []
    return ours.load(told.append), told


def test_what_was_saved_is_read_again(tmp_path: Path) -> None:
    ours = checkpoint(tmp_path)
    for count in (1, 2):
        ours.save(TrainingProgress(EPOCHS[:count], STATE, BEST))
    progress, told = loaded(ours)
    assert (progress.epochs, told) == (EPOCHS[:2], [])
    for held, saved in ((progress.state, STATE), (progress.best, BEST)):
        assert held.keys() == saved.keys()
        assert all(np.array_equal(held[name], saved[name]) for name in saved)
    assert len(list(ours.files.checkpoints.iterdir())) == 2


def test_without_a_checkpoint_nothing_was_done(tmp_path: Path) -> None:
    assert loaded(checkpoint(tmp_path)) == (TrainingProgress(), [])


def test_arrays_without_their_record_do_not_count(tmp_path: Path) -> None:
    ours = checkpoint(tmp_path)
    ours.save(TrainingProgress(EPOCHS[:1], STATE, BEST))
    (ours.files.checkpoints / "training.json").unlink()  # killed between the two
    assert loaded(ours) == (TrainingProgress(), [])


@pytest.mark.parametrize("damage", ["record", "arrays", "missing", "text"])
def test_a_damaged_checkpoint_is_set_aside_whole(tmp_path: Path, damage: str) -> None:
    ours = checkpoint(tmp_path)
    ours.save(TrainingProgress(EPOCHS[:1], STATE, BEST))
    record = ours.files.checkpoints / "training.json"
    (arrays,) = ours.files.checkpoints.glob("training@*.npz")
    match damage:
        case "record":
            record.write_text(record.read_text().replace('"loss": 0.5', '"loss": 0.1'))
        case "arrays":
            arrays.write_bytes(arrays.read_bytes()[:-1] + b"x")
        case "missing":
            arrays.unlink()
        case "text":
            record.write_text("[]")
    progress, (reason,) = loaded(ours)
    assert progress == TrainingProgress()
    assert reason.startswith("damaged: ")
    (away,) = ours.files.set_aside.iterdir()
    assert (away / "training.json").exists()
    assert (away / "reason.txt").read_text() == f"{reason}\n"
    assert list(ours.files.checkpoints.iterdir()) == []


def test_a_checkpoint_of_other_settings_is_set_aside_and_says_which(tmp_path: Path) -> None:
    for rate in (1e-3, 2e-3, 3e-3):  # twice within a second: neither replaces the other
        ours = checkpoint(tmp_path, learning_rate=rate)
        progress, told = loaded(ours)
        assert progress == TrainingProgress()
        assert told == ([] if rate == 1e-3 else [f"setting learning_rate was {rate - 1e-3}, is {rate}"])
        ours.save(TrainingProgress(EPOCHS[:1], STATE, BEST))
    assert len(list(ours.files.set_aside.iterdir())) == 2


def test_a_disk_that_takes_no_more_leaves_the_epoch_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    ours = checkpoint(tmp_path)
    ours.save(TrainingProgress(EPOCHS[:1], STATE, BEST))
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(StorageError, match=r"checkpoints: No space left on device; .*before is intact"):
            ours.save(TrainingProgress(EPOCHS[:2], STATE, BEST))
    assert loaded(ours)[0].epochs == EPOCHS[:1]


def test_the_first_of_the_best_epochs_is_kept() -> None:
    progress = TrainingProgress(EPOCHS)
    assert (progress.kept.epoch, progress.idle) == (2, 2)
    assert TrainingProgress().idle == 0
