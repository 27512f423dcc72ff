"""A full job, killed at random moments: it goes on, and ends as if nothing had been.

With every push without a framework, which `test_resume.py` stops and kills at chosen rows; networks of a
small scan, and many times those of real data, by `make slow`.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
import pytest

from hubs import DOSE, light
from processes import ROOT, environment, marked, nobody_left, run, runs, until
from ptycho_compare.hub import Artifacts, Hub
from ptycho_compare.jobs.claim import read_claim
from ptycho_compare.study import load_study
from results import assert_same_results, results
from sessions import pytest_command, run_here
from sharing import shared

from .runs import (
    Event,
    events,
    work_of,
)

REAL_DOSE = 1_000_000_000
FULL = ("-m", "full", "-k", "train", "--timeout=0")
VICTIMS = ("command", "supervisor", "pytest", "all of them")
SEED = 20251114


@dataclass(frozen=True)
class Undisturbed:
    """The same job, let alone.

    Attributes
    ----------
    debugged : Path
        A hub that is ready for it.
    dose : int
        Of the job.
    seconds : float
        From the start of pytest to its end.
    chunk_rows : dict
        How many rows a chunk has at the most, by part.
    """

    debugged: Path
    dose: int
    seconds: float
    results: dict[str, bytes]
    chunk_rows: dict[str, int]

    def folder(self, hub: Path) -> Path:
        """Of the job in a copy of the hub."""
        return full_folder(hub, self.dose)


def full_folder(hub: Path, dose: int) -> Path:
    return Hub(hub).comparison_dir(dose, "dense", "train", "full")


@pytest.fixture
def undisturbed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """On the hub that a test asks for: ``light``, ``small`` or ``real``."""
    if request.param != "real":
        compared = request.getfixturevalue("compared_hub")

        def compared_before(hub: Path) -> None:
            shutil.copytree(compared, hub)
            if request.param == "light":
                light(hub, load_s=0.5, call_s=0.05)

        return let_alone(tmp_path_factory, f"{request.param} kills", DOSE, compared_before)
    reference = request.getfixturevalue("reference")

    def debugged(hub: Path) -> None:
        shutil.copytree(reference / "hub", hub, copy_function=shutil.copyfile)
        for path in (hub, *hub.rglob("*")):
            path.chmod(path.stat().st_mode | 0o200)
        study = (ROOT / "acceptance" / "study.toml").read_text()
        # a quarter of the 640 groups, in chunks of a quarter: as many stages to kill it in, in less time
        assert study.count("chunk = 256\n") == 1
        (hub / "study.toml").write_text(study.replace("chunk = 256\n", "groups = 160\nchunk = 64\n"))
        debug = run(pytest_command(hub, "-m", "debug", "-k", "train"), hub)
        assert debug.returncode == 0, debug.stdout

    return let_alone(tmp_path_factory, "real kills", REAL_DOSE, debugged)


def let_alone(
    factory: pytest.TempPathFactory, name: str, dose: int, prepare: Callable[[Path], object]
) -> Undisturbed:
    """Prepare a hub, run the job in a copy of it, and look at what came."""

    def make(folder: Path) -> None:
        prepare(folder / "debugged")
        whole = Path(shutil.copytree(folder / "debugged", folder / "whole"))
        began = time.monotonic()
        full = run(pytest_command(whole, *FULL), whole)
        assert full.returncode == 0, full.stdout
        (folder / "seconds.txt").write_text(str(time.monotonic() - began))

    made = shared(factory, name, make)
    seconds, whole = float((made / "seconds.txt").read_text()), full_folder(made / "whole", dose)
    study = load_study(made / "whole" / "study.toml")
    rows = chunk_rows(whole, study.tiers["full"].chunk)
    return Undisturbed(made / "debugged", dose, seconds, results(whole), rows)


def chunk_rows(folder: Path, chunk: int) -> dict[str, int]:
    """A group arm predicts each group, a single-image arm each image when a group first holds it."""
    with np.load(Artifacts(folder).plan) as plan:
        groups = plan["groups"]
    size = groups.shape[1]
    first = np.unique(groups.ravel(), return_index=True)[1] // size  # the group
    return {"PtychoPINN": min(chunk, len(groups)), "Baseline": int(np.bincount(first // chunk).max())}


@dataclass
class Life:
    """A hub in which the job is begun, and killed, until it is done.

    Attributes
    ----------
    hub, folder : Path
        The hub, and that of the job in it.
    kills : list
        What every kill met, for whoever reads of a failure.
    """

    hub: Path
    folder: Path
    kills: list[str] = field(default_factory=list)

    def survives(self, victim: str, moment_s: float) -> bool:
        """Begin, or go on, and kill at a moment; whether the job was done before."""
        command = pytest_command(self.hub, *FULL)
        began = time.monotonic()
        pytest_itself = subprocess.Popen(
            command, cwd=ROOT, env=environment(self.hub), start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            pytest_itself.wait(max(0.0, began + moment_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._kill(victim, pytest_itself.pid)
            pytest_itself.wait()
        else:
            assert pytest_itself.returncode == 0, self.kills
            return True
        until(lambda: not marked(self.hub), f"left after {self.kills}")
        latest = [event["state"] for event in self.events()][-1:]
        self.kills.append(f"{victim} at {moment_s:.2f} s, after {latest}")
        return False

    def _kill(self, victim: str, pid: int) -> None:
        claim = read_claim(Artifacts(self.folder).job.claim)
        supervisor = claim.holder.pid if claim is not None and claim.alive else None
        if victim == "all of them":
            for process in marked(self.hub):
                _kill(process.pid)
        elif victim == "pytest" or supervisor is None:  # no job has begun yet, or it has just ended
            os.killpg(pid, signal.SIGKILL)
        elif victim == "supervisor":
            _kill(supervisor)
        else:
            for child in _children(supervisor):
                _kill(child)

    def events(self) -> list[Event]:
        return events(self.folder)


def _kill(pid: int) -> None:
    if runs(pid):
        os.kill(pid, signal.SIGKILL)


def _children(pid: int) -> list[int]:
    try:
        return [child.pid for child in psutil.Process(pid).children()]
    except psutil.NoSuchProcess:
        return []


def moments(undisturbed: Undisturbed, seed: int) -> Iterator[tuple[str, float]]:
    """Whom to kill, and when: from pytest's first moment to the last of an unbroken run."""
    generator = random.Random(seed)
    while True:
        for victim in generator.sample(VICTIMS, len(VICTIMS)):
            yield victim, generator.uniform(0.0, undisturbed.seconds)


@pytest.mark.parametrize(
    ("undisturbed", "seed", "kills"),
    [
        ("light", SEED, 2),
        pytest.param("small", SEED, 4, marks=pytest.mark.slow),
        *(pytest.param("real", SEED + more, 10, marks=pytest.mark.slow) for more in (1, 2, 3)),
    ],
    indirect=["undisturbed"],
)
def test_any_kill_costs_less_than_a_chunk_and_changes_no_byte(
    undisturbed: Undisturbed, tmp_path: Path, seed: int, kills: int
) -> None:
    """As many as are asked for in all; whenever the job is done in spite of them, it begins anew."""
    killed, lives, drawn = 0, 0, moments(undisturbed, seed)
    while killed < kills:
        lives += 1
        with nobody_left(Path(shutil.copytree(undisturbed.debugged, tmp_path / f"life {lives}"))) as hub:
            life = Life(hub, undisturbed.folder(hub))
            while killed < kills and not life.survives(*next(drawn)):
                killed += 1
            done = run_here(hub, *FULL)
            assert done.returncode == 0, (life.kills, done.stdout)
            assert_same_results(life.folder, undisturbed.results)
            assert not Artifacts(life.folder).job.set_aside.exists()
            for lost in work_of(life.events()).lost:
                assert all(rows <= undisturbed.chunk_rows[part] for part, rows in lost.items()), life.kills
            shutil.rmtree(hub)
