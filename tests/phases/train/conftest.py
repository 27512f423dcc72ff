"""Trained once for all workers, looked at by many tests.

PtychoPINN's network is as users train it; Baseline's is shallow: it is trained again to be broken off.
"""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from later import later
from phases.train.mini import DOSE, STUDY, VIEW, make_hub, shallow_networks
from ptycho_compare.hub import Hub
from sharing import shared

training = later("ptycho_compare.phases.train.train")

NETWORKS = ("baseline", VIEW)


@dataclass(frozen=True)
class Trained:
    """A hub with both networks, and what their trainings printed."""

    hub: Hub
    printed: dict[str, str]
    written: dict[str, list[Path]]


@pytest.fixture(scope="session")
def data_hub(tmp_path_factory: pytest.TempPathFactory) -> Hub:
    """Phases C and D; no test may damage it."""

    def make(folder: Path) -> None:
        make_hub(folder / "hub")

    return Hub(shared(tmp_path_factory, "training data", make).resolve() / "hub")


@pytest.fixture
def hub(data_hub: Hub, tmp_path: Path) -> Hub:
    """A copy that a test may train in."""
    return Hub(Path(shutil.copytree(data_hub.root, tmp_path / "hub")).resolve())


@pytest.fixture
def shallow() -> Iterator[None]:
    """Networks as the Baseline of `trained` has one."""
    with shallow_networks():
        yield


@pytest.fixture(scope="session")
def trained(data_hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Both networks; no test may damage them."""

    def make(folder: Path) -> None:
        hub = Hub(Path(shutil.copytree(data_hub.root, folder / "hub")).resolve())
        for network in NETWORKS:
            depth = shallow_networks() if network == "baseline" else contextlib.nullcontext()
            with contextlib.redirect_stdout(io.StringIO()) as out, depth:
                written = training.train(hub, STUDY, DOSE, network)
            said = {"printed": out.getvalue(), "written": [str(path) for path in written]}
            (folder / f"{network}.json").write_text(json.dumps(said))

    folder = shared(tmp_path_factory, "trained", make)
    said = {network: json.loads((folder / f"{network}.json").read_text()) for network in NETWORKS}
    return Trained(
        Hub(folder.resolve() / "hub"),
        {network: each["printed"] for network, each in said.items()},
        {network: [Path(path) for path in each["written"]] for network, each in said.items()},
    )
