"""Arms come from the study: one that compares no network needs none, and loads no framework."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from hubs import make_quick_hub
from ptycho_compare.hub import Artifacts
from sessions import UNDRAWN, folder_of, run_here

LOADING = str(Path(__file__).with_name("loading.py"))


@dataclass(frozen=True)
class Judged:
    """A session on a hub without networks, and which modules its jobs had loaded at their ends."""

    hub: Path
    session: subprocess.CompletedProcess[str]
    loaded: list[set[str]]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    root = tmp_path_factory.mktemp("judged")
    hub, folder = make_quick_hub(root / "hub"), root / "loaded"
    folder.mkdir()
    which = ("-m", "debug or phase_e", "-k", "train or networks", "-rs")
    done = run_here(hub, *which, runner=(LOADING, str(folder)), **UNDRAWN)
    return Judged(hub, done, [set(file.read_text().split()) for file in folder.iterdir()])


def test_a_study_without_networks_is_green(judged: Judged) -> None:
    assert judged.session.returncode == 0, judged.session.stdout
    assert "1 passed" in judged.session.stdout
    manifest = Artifacts(folder_of(judged.hub, "train", "debug")).manifest
    assert list(json.loads(manifest.read_text())["arms"]) == ["PtyChi"]


def test_its_comparison_loads_no_framework(judged: Judged) -> None:
    (modules,) = [each for each in judged.loaded if "ptycho_compare.phases.comparison.compare" in each]
    assert not {"tensorflow", "keras", "torch", "onnxruntime"} & modules


def test_phase_e_is_not_asked_for(judged: Judged) -> None:
    assert "the study compares no network, and none is there" in judged.session.stdout
