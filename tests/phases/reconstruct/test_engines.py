"""Every engine by name works, without bad detector pixels too, and none depends on what ran before it in the
same process.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from processes import ROOT, environment
from ptycho_compare.hub import Hub
from ptycho_compare.phases.reconstruct.exchange import EngineTask, Exchange, State
from ptycho_compare.phases.reconstruct.scan_run import hand_over
from ptycho_compare.phases.reconstruct.start import Measured
from ptycho_compare.scan.read import open_scan
from ptycho_compare.storage.fingerprint import Fingerprint
from ptycho_compare.study import Reconstruction, Study
from scans import write_scan

from .conftest import DOSE, SPLIT, VIEW

ENGINES = sorted(get_args(Reconstruction.model_fields["engine"].annotation), key="LSQML".__eq__)
BAD_PIXELS = "LSQML, some detector pixels dead"
EMPTY = Fingerprint({}, {}, "", {})

pytestmark = pytest.mark.slow  # LSQML, that of the demo, runs in test_reconstruct.py with every push


def prepare(folder: Path, scan_file: Path, study: Study, engine: str) -> Exchange:
    folder.mkdir()
    place, how = Exchange(folder), study.reconstruction.model_copy(update={"engine": engine})
    with open_scan(scan_file) as scan:
        hand_over(place, Measured.of(scan, None), how.seed)
    place.write_task(EngineTask(how, EMPTY))
    return place


def with_bad_pixels(scan_file: Path, path: Path) -> Path:
    """The same scan, but a row and a column of the detector are dead, and said to be."""
    with np.load(scan_file, allow_pickle=True) as held:
        arrays = dict(held)
    arrays["diff3d"][:, 14], arrays["diff3d"][:, :, 20] = np.nan, np.nan
    return write_scan(path, arrays)


def state_of(place: Exchange) -> State:
    state = place.read_state(EMPTY, lambda reason: pytest.fail(reason))
    assert state is not None
    return state


@pytest.fixture(scope="module")
def places(
    whole: Hub, tiny_study: Study, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Exchange], str]:
    root = tmp_path_factory.mktemp("engines")
    scan_file = whole.patched(DOSE, SPLIT)
    made = {engine: prepare(root / engine, scan_file, tiny_study, engine) for engine in ENGINES}
    dark = with_bad_pixels(scan_file, root / "dark.npz")
    made[BAD_PIXELS] = prepare(root / BAD_PIXELS, dark, tiny_study, "LSQML")
    made["broken"] = prepare(root / "broken", scan_file, tiny_study, "LSQML")
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


@pytest.mark.parametrize(
    ("name", "limit"),
    [*((engine, 0.1) for engine in ENGINES), (BAD_PIXELS, 0.03)],
    ids=[*ENGINES, "bad pixels"],
)
def test_an_engine_finds_the_object(
    places: tuple[dict[str, Exchange], str], whole: Hub, name: str, limit: float
) -> None:
    """A flat object is at 0.22; bad pixels that are taken as measured zeros give 0.17."""
    place = places[0][name]
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
    assert error < limit


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


def test_no_engine_uses_what_loads_lazily(places: tuple[dict[str, Exchange], str]) -> None:
    assert places[1].splitlines()[-1] == "loaded after all:"
