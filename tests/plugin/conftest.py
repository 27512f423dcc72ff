"""Hubs whose full tier takes seconds to compute, prepared as far as a test needs them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from processes import nobody_left
from sessions import (
    TRAIN,
    events,
    folder_of,
    results_of,
    run_here,
)
from sharing import shared


@dataclass(frozen=True)
class Unbroken:
    """A hub whose debug tier is green, and whose full comparison of the train split was let alone.

    Attributes
    ----------
    seconds : float
        What the full one took.
    results : dict
        Its scores and canvases.
    said : str
        What the session said that did all of it, on two workers.
    """

    hub: Path
    seconds: float
    results: dict[str, bytes]
    said: str


@pytest.fixture(scope="session")
def unbroken(slow_hub: Path, tmp_path_factory: pytest.TempPathFactory) -> Unbroken:
    """One worker begins with the full tier, while the other has the debug tier that comes before it."""

    def make(hub: Path) -> None:
        which = ("-m", "debug or full", "-k", "debug or train", "-n2", "--timeout=0")
        done = run_here(Path(shutil.copytree(slow_hub, hub)), *which)
        assert done.returncode == 0, done.stdout
        said_file(hub).write_text(done.stdout)

    def said_file(hub: Path) -> Path:
        return hub.with_name(f"{hub.name}.txt")

    hub = shared(tmp_path_factory, "unbroken", make)
    (ended,) = events(hub, "ended")
    return Unbroken(hub, ended["seconds"], results_of(hub), said_file(hub).read_text())


@pytest.fixture(scope="session")
def debugged_hub(unbroken: Unbroken, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same before its full tier."""

    def make(hub: Path) -> None:
        shutil.copytree(unbroken.hub, hub)
        shutil.rmtree(folder_of(hub))
        (log,) = (hub / "green").glob(f"*{TRAIN}*")
        log.unlink()

    return shared(tmp_path_factory, "debugged", make)


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
