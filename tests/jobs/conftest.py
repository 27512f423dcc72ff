"""Every test of jobs ends with nobody left."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from processes import MARK, nobody_left


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose processes are marked: after the test, nobody who was started for it runs."""
    monkeypatch.setenv(MARK, str(tmp_path))
    with nobody_left(tmp_path):
        yield tmp_path
