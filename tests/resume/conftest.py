"""The comparison that tests break off, let alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from .runs import (
    Whole,
    debug_folder,
    finish_here,
    whole,
)


@pytest.fixture(scope="session")
def unbroken(small_hub: Path, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """Of the debug comparison."""
    hub = Path(shutil.copytree(small_hub, tmp_path_factory.mktemp("unbroken") / "hub"))
    finish_here(hub)
    return whole(debug_folder(hub))
