"""A kill in each phase, and the same command again: an unbroken run's result, nothing finished repeated."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from phase_runs import DOSE, WHERE, finished_hub, hub_of
from processes import PTYCHO_HUB, ROOT, environment, marked, nobody_left, run, until
from ptycho_compare.hub import Artifacts, Hub, JobFiles
from ptycho_compare.jobs.states import read_states
from ptycho_compare.storage.files import sha256_of
from results import assert_same_results, results

pytestmark = [pytest.mark.slow]

PHASES = ("simulate", "overlap-dense", "train-baseline", "train-dense", "reconstruct-dense-train")


def command(hub: Hub) -> tuple[str, ...]:
    return (*PTYCHO_HUB, "run", "--hub", str(hub.root), *WHERE, "--splits", "train", "--skip-post-verify")


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Hub:
    """A hub that nobody disturbed, of both splits."""
    return finished_hub(tmp_path_factory)


def job_of(hub: Hub, phase: str) -> JobFiles:
    if phase == "compare":
        return Artifacts(hub.comparison_dir(DOSE, "dense", "train", "full")).job
    return hub.step(f"dose_{DOSE}-{phase}").job


def reached(hub: Hub, phase: str) -> Callable[[], bool]:
    """Whether a phase is at work, and has saved something where it saves on its way."""
    saves = phase not in ("simulate", "overlap-dense")
    wanted = "checkpoint" if saves else "running"
    states = job_of(hub, phase).states
    return lambda: states.exists() and any(event["state"] == wanted for event in read_states(states))


def attempts(hub: Hub) -> dict[str, int]:
    """Count how often each step's command was started."""
    return {
        phase: sum(event["state"] == "launched" for event in read_states(job_of(hub, phase).states))
        for phase in (*PHASES, "compare")
        if job_of(hub, phase).states.exists()
    }


def kill_in(hub: Hub, phase: str) -> None:
    """Run, and kill whoever is at it, all at once, in the middle of a phase."""
    process = subprocess.Popen(
        command(hub), cwd=ROOT, env=environment(hub.root), stdout=subprocess.DEVNULL, start_new_session=True
    )
    until(lambda: reached(hub, phase)() or process.poll() is not None, f"{phase} was not reached")
    for victim in [*marked(hub.root)]:
        os.kill(victim.pid, signal.SIGKILL)
    process.wait()


def test_a_kill_in_each_phase_costs_nothing_but_time(unbroken: Hub, tmp_path: Path) -> None:
    broken = hub_of(tmp_path)
    with nobody_left(broken.root):
        for phase in (*PHASES, "compare"):
            before = attempts(broken)
            kill_in(broken, phase)
            after = attempts(broken)
            done = PHASES[: PHASES.index(phase)] if phase in PHASES else PHASES
            finished = [each for each in done if broken.step(f"dose_{DOSE}-{each}").record.exists()]
            assert finished == list(done)
            # of what was finished before this round nothing was started again; the last kill's phase was once
            again = {each: after[each] - before.get(each, 0) for each in done}
            assert all(count == 0 for each, count in again.items() if each != (done or [None])[-1]), again
        last = run(command(broken), broken.root)
        assert last.returncode == 0, last.stdout
    assert max(attempts(broken).values()) == 2
    assert min(attempts(broken).values()) >= 1
    for path in (
        *(unbroken.patched(DOSE, split) for split in ("train", "test")),
        *(unbroken.own_overlap_view(DOSE, "dense", split) for split in ("train", "test")),
        unbroken.baseline_dir(DOSE) / "wts.h5.zip",
        unbroken.pinn_dir(DOSE, "dense") / "wts.h5.zip",
    ):
        assert sha256_of(broken.root / unbroken.relative(path)) == sha256_of(path), path
    with (
        np.load(unbroken.ptychi(DOSE, "dense", "train")) as one,
        np.load(broken.ptychi(DOSE, "dense", "train")) as other,
    ):
        np.testing.assert_array_equal(one["reconstructed_object"], other["reconstructed_object"])
    one, other = (each.comparison_dir(DOSE, "dense", "train", "full") for each in (unbroken, broken))
    assert_same_results(other, results(one))
