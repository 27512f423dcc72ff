"""Every test of jobs ends with nobody left."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from .commands import MARK, PATIENCE_S, marked, until


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose processes are marked: after the test, nobody who was started for it runs."""
    monkeypatch.setenv(MARK, str(tmp_path))
    yield tmp_path
    try:
        until(lambda: not marked(tmp_path), PATIENCE_S / 3)
    finally:
        for process in marked(tmp_path):
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
