"""The comparison that tests break off, let alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hubs import light
from light import compare_here
from sharing import shared

from .runs import Whole, compare, debug_folder, finish, whole


@pytest.fixture(scope="session")
def unbroken(compared_hub: Path) -> Whole:
    """Of the debug comparison."""
    return whole(debug_folder(compared_hub))


@pytest.fixture(scope="session")
def light_unbroken(small_hub: Path, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """The same by a light hub, for tests that do not look at networks."""

    def make(hub: Path) -> None:
        light(Path(shutil.copytree(small_hub, hub)))
        finish(hub, compare(hub))

    return whole(debug_folder(shared(tmp_path_factory, "light unbroken", make)))


@pytest.fixture(autouse=True)
def _quick(undrawn: None, built_once: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test here looks at figures, or at how a network is built; light hubs are light here too."""
    compare_here(monkeypatch)
