"""Every engine by name works, and none depends on what ran before it in the same process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from processes import ROOT, environment
from ptycho_compare.hub import Hub
from ptycho_compare.phases.reconstruct.exchange import EngineTask, Exchange, State
from ptycho_compare.phases.reconstruct.start import Measured, make_start
from ptycho_compare.scan.read import open_scan
from ptycho_compare.storage.fingerprint import Fingerprint
from ptycho_compare.study import Study

from .conftest import DOSE, SPLIT, VIEW

ENGINES = ("EPIE", "RPIE", "DM", "RAAR", "AD", "LSQML")
EMPTY = Fingerprint({}, {}, "", {})

pytestmark = pytest.mark.slow  # LSQML, that of the demo, runs in test_reconstruct.py with every push


def prepare(folder: Path, hub: Hub, study: Study, engine: str) -> Exchange:
    folder.mkdir()
    place = Exchange(folder)
    with open_scan(hub.patched(DOSE, SPLIT)) as scan:
        measured = Measured.of(scan, None)
        energy = place.write_images(measured.shape, measured.blocks())
        place.write_start(make_start(measured.positions, measured.probe, energy, seed=1))
    epochs = study.reconstruction.epochs if engine == "LSQML" else 12
    how = study.reconstruction.model_copy(update={"engine": engine, "epochs": epochs})
    place.write_task(EngineTask(how, EMPTY))
    return place


def state_of(place: Exchange) -> State:
    state = place.read_state(EMPTY, lambda reason: pytest.fail(reason))
    assert state is not None
    return state


@pytest.fixture(scope="module")
def places(
    whole: Hub, tiny_study: Study, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Exchange], str]:
    root = tmp_path_factory.mktemp("engines")
    made = {engine: prepare(root / engine, whole, tiny_study, engine) for engine in ENGINES}
    made["broken"] = prepare(root / "broken", whole, tiny_study, "LSQML")
    start = made["broken"].read_start()
    dead = State(np.full_like(start.object, np.nan), start.probe, np.ones(8), 0.1)
    made["broken"].write_state(dead, EMPTY)
    script = Path(__file__).with_name("every_engine.py")
    inside, outside = os.pipe()  # its end would end the engine
    done = subprocess.run(
        [sys.executable, str(script), *(str(place.folder) for place in made.values())],
        cwd=ROOT, env=environment(root), stdin=inside, capture_output=True, text=True, check=False,
    )  # fmt: skip
    for end in (inside, outside):
        os.close(end)
    assert done.returncode == 0, done.stderr
    return made, done.stdout


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_finds_the_object(places: tuple[dict[str, Exchange], str], whole: Hub, engine: str) -> None:
    place = places[0][engine]
    state, start = state_of(place), place.read_start()
    with open_scan(whole.patched(DOSE, SPLIT)) as scan:
        truth, positions = scan.truth, scan.positions
    (left, top), (right, bottom) = (
        each.astype(int) for each in (positions.min(axis=0), positions.max(axis=0))
    )
    row, column = start.origin_yx
    part = state.object[top - row : bottom - row, left - column : right - column]
    overlap = abs(np.vdot(truth[top:bottom, left:right], part))
    overlap /= np.linalg.norm(truth[top:bottom, left:right]) * np.linalg.norm(part)
    error = np.sqrt(1 - overlap**2)
    assert error < 0.1  # a flat object is at 0.22


def test_what_ran_before_in_the_process_changes_nothing(
    places: tuple[dict[str, Exchange], str], whole: Hub
) -> None:
    state = state_of(places[0]["LSQML"])
    with np.load(whole.ptychi(DOSE, VIEW, SPLIT)) as held:
        np.testing.assert_array_equal(state.object, held["reconstructed_object"])
        np.testing.assert_array_equal(state.probe, held["reconstructed_probe"])


def test_an_object_that_is_not_finite_is_not_kept(places: tuple[dict[str, Exchange], str]) -> None:
    made, told = places
    assert '"event": "failed", "reason": "diverged within' in told
    assert state_of(made["broken"]).epochs == 8
