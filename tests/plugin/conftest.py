"""Hubs whose full tier takes seconds to compute, prepared as far as a test needs them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from processes import nobody_left
from sessions import (
    events,
    results_of,
    run_here,
)
from sharing import shared


@dataclass(frozen=True)
class Unbroken:
    """A hub whose comparison of the train split was let alone: debug, then full.

    Attributes
    ----------
    seconds : float
        What the full one took.
    results : dict
        Its scores and canvases.
    """

    hub: Path
    seconds: float
    results: dict[str, bytes]


def said_file(hub: Path) -> Path:
    return hub.with_name(f"{hub.name}.txt")


def said_of(hub: Path) -> str:
    """What the session said that brought a shared hub where it is."""
    return said_file(hub).read_text()


@pytest.fixture(scope="session")
def debugged_hub(slow_hub: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, its debug tier green."""

    def make(hub: Path) -> None:
        done = run_here(Path(shutil.copytree(slow_hub, hub)), "-m", "debug", "-n2")
        assert done.returncode == 0, done.stdout
        said_file(hub).write_text(done.stdout)

    return shared(tmp_path_factory, "debugged", make)


@pytest.fixture(scope="session")
def unbroken(debugged_hub: Path, tmp_path_factory: pytest.TempPathFactory) -> Unbroken:
    """The same, with the full comparison of the train split."""

    def make(hub: Path) -> None:
        done = run_here(Path(shutil.copytree(debugged_hub, hub)), "-m", "full", "-k", "train", "--timeout=0")
        assert done.returncode == 0, done.stdout
        said_file(hub).write_text(done.stdout)

    hub = shared(tmp_path_factory, "unbroken", make)
    (ended,) = events(hub, "ended")
    return Unbroken(hub, ended["seconds"], results_of(hub))


@pytest.fixture
def hub_after_debug(debugged_hub: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of the hub whose debug tier is green; when the test ends, nobody works there."""
    with nobody_left(Path(shutil.copytree(debugged_hub, tmp_path / "hub"))) as hub:
        yield hub


@pytest.fixture
def untried_hub(slow_hub: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of the hub in which nothing was done yet; when the test ends, nobody works there."""
    with nobody_left(Path(shutil.copytree(slow_hub, tmp_path / "hub"))) as hub:
        yield hub


@pytest.fixture
def finished_hub(unbroken: Unbroken, tmp_path: Path) -> Path:
    """A copy of the hub in which the train split is done."""
    return Path(shutil.copytree(unbroken.hub, tmp_path / "hub"))
