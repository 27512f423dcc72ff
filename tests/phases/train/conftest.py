"""Trained once, looked at by many tests."""

from __future__ import annotations

import contextlib
import io
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from phases.train.mini import DOSE, STUDY, VIEW, make_hub
from ptycho_compare.hub import Hub
from ptycho_compare.phases.train.train import train


@dataclass(frozen=True)
class Trained:
    """A hub with both networks, and what their trainings printed."""

    hub: Hub
    printed: dict[str, str]
    written: dict[str, list[Path]]


@pytest.fixture(scope="session")
def data_hub(tmp_path_factory: pytest.TempPathFactory) -> Hub:
    """Phases C and D; no test may damage it."""
    return make_hub(tmp_path_factory.mktemp("training") / "data")


@pytest.fixture
def hub(data_hub: Hub, tmp_path: Path) -> Hub:
    """A copy that a test may train in."""
    return Hub(Path(shutil.copytree(data_hub.root, tmp_path / "hub")).resolve())


@pytest.fixture(scope="session")
def trained(data_hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Both networks; no test may damage them."""
    hub = Hub(Path(shutil.copytree(data_hub.root, tmp_path_factory.mktemp("trained") / "hub")).resolve())
    printed, written = {}, {}
    for network in ("baseline", VIEW):
        with contextlib.redirect_stdout(io.StringIO()) as out:
            written[network] = train(hub, STUDY, DOSE, network)
        printed[network] = out.getvalue()
    return Trained(hub, printed, written)
