"""What cannot be saved is one line with what to do, and never makes a folder anew that was removed."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from ptycho_compare.errors import StorageError
from ptycho_compare.storage.fingerprint import Fingerprint
from ptycho_compare.storage.saved_work import SavedWork


@pytest.fixture
def work(tmp_path: Path) -> SavedWork:
    job = tmp_path / "job"
    job.mkdir()
    return SavedWork(job / "checkpoints", "PINN", Fingerprint({}, {}, "", {}), job / "set_aside")


def test_a_disk_that_fails_is_not_told_to_make_room(work: SavedWork, monkeypatch: pytest.MonkeyPatch) -> None:
    work.write({"a": np.zeros(3)}, {})

    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        with pytest.raises(StorageError) as caught:
            work.write({"a": np.ones(3)}, {})
    assert str(caught.value) == (
        f"{work.folder}: {os.strerror(errno.EIO)}; the checkpoint before is intact: see to the disk, or to "
        "the way to the server that holds it, and run the same command again"
    )
    kept = work.read(lambda _, arrays: arrays["a"].tolist(), pytest.fail)
    assert kept == [0.0, 0.0, 0.0]


def test_where_a_hub_was_removed_none_is_made_anew(work: SavedWork, tmp_path: Path) -> None:
    work.write({}, {})
    shutil.rmtree(tmp_path / "job")
    with pytest.raises(StorageError, match="see who removed its folder meanwhile, and run the same command"):
        work.write({}, {})
    assert list(tmp_path.iterdir()) == []
