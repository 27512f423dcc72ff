"""`pytest --ptycho-on slurm`: comparisons by a queue's jobs, deferred with their numbers or waited for."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from hubs import DOSE, FOUR_SPLITS, make_four
from processes import ROOT, environment, nobody_left, until
from ptycho_compare.jobs.executors import queue
from ptycho_compare.jobs.ticket import read_ticket
from ptycho_compare.sigterm import EXIT_STOPPED
from sessions import TEST, TRAIN, events, job_of, launches, pytest_command, run_here, worked_s

from .cluster import Cluster

ON = ("--ptycho-on", "slurm", "--ptycho-allow-commands")
DEBUG = f"dose_{DOSE}-dense-train-debug"


@pytest.fixture
def hub(quick_hub: Path, tmp_path: Path, cluster: Cluster) -> Iterator[Path]:
    with nobody_left(Path(shutil.copytree(quick_hub, tmp_path / "hub"))) as copy:
        yield copy
        cluster.run("scancel", "--user=root")


def test_tests_are_deferred_with_the_numbers_of_their_jobs_which_are_submitted_once(
    hub: Path, cluster: Cluster
) -> None:
    (hub / "site.toml").write_text('options = ["--hold"]\n')
    refused = run_here(hub, "-m", "debug", *ON[:2])
    assert refused.returncode == 1
    assert "site.toml: options would be run by the jobs" in refused.stdout
    first = run_here(hub, "-m", "debug or full", *ON)
    assert first.returncode == EXIT_STOPPED, first.stdout
    numbers = dict(re.findall(r"(?m)^(dose_\S+-debug): slurm job (\d+), waits: submitted$", first.stdout))
    assert len(numbers) == len({*numbers.values()}) == 2
    assert f"{TRAIN}: {DEBUG} comes first: slurm job {numbers[DEBUG]}, waits: submitted" in first.stdout
    again = run_here(hub, "-m", "debug", *ON)
    assert again.returncode == EXIT_STOPPED, again.stdout
    assert f"{DEBUG}: slurm job {numbers[DEBUG]}, waits: JobHeldUser" in again.stdout
    assert len(cluster.run("squeue", "--noheader").stdout.splitlines()) == 2
    assert launches(hub) == {}


@pytest.fixture
def looking_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions here that wait look at the queue as often as at first: it is nobody else's."""
    monkeypatch.setattr(queue, "_LAST_LOOK_S", queue._FIRST_LOOK_S)


@pytest.mark.slow
@pytest.mark.usefixtures("looking_often")
def test_tests_wait_for_their_jobs_and_a_failure_is_told_once(hub: Path) -> None:
    """A comparison whose reconstruction is dead is red; the others are brought to their evidence."""
    import numpy as np

    from ptycho_compare.hub import Hub

    path = Hub(hub).ptychi(DOSE, "dense", "test")
    whole = path.read_bytes()
    with np.load(path) as file:
        np.savez(path, **{**file, "reconstructed_object": np.zeros_like(file["reconstructed_object"])})
    done = run_here(hub, "-m", "debug or full", *ON, "--ptycho-wait")
    assert done.returncode == 1, done.stdout
    assert re.search(r"(?m)^dose_\S+-test-debug +failed ", done.stdout)
    assert re.search(rf"(?m)^{TEST} +blocked ", done.stdout)
    assert re.search(rf"(?m)^{TRAIN} +passed ", done.stdout)
    assert launches(hub) == {"train-debug": 1, "train-full": 1, "test-debug": 1}
    assert read_ticket(job_of(hub, "test", "debug")) is None
    path.write_bytes(whole)
    mended = run_here(hub, "-m", "debug", "-k", "test-debug", *ON, "--ptycho-wait")
    assert mended.returncode == 0, mended.stdout
    assert launches(hub) == {"train-debug": 1, "train-full": 1, "test-debug": 2}


@pytest.mark.slow
@pytest.mark.usefixtures("looking_often")
def test_jobs_that_are_lost_twice_are_red_and_say_where_to_look(hub: Path) -> None:
    (hub / "site.toml").write_text('prelude = "echo module: not found; exit 1"\n')
    done = run_here(hub, "-m", "debug", "-k", "train", *ON, "--ptycho-wait")
    assert done.returncode == 1, done.stdout
    assert "2 jobs in a row were lost" in done.stdout
    assert "last line: module: not found" in done.stdout


@pytest.mark.slow
def test_two_allocations_on_one_hub_take_at_most_two_thirds_of_the_time_of_one(
    cluster: Cluster, small_hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pytest in each, whose jobs wait rather than compute: this machine stands for both nodes.

    One does one job after the other: what it takes is what the jobs take together.
    """
    monkeypatch.chdir(ROOT)
    tried = []
    for attempt in range(3):  # others at work on this machine may slow them down
        with nobody_left(make_four(tmp_path / f"{attempt}", small_hub, call_s=0.25)) as hub:
            for key, value in environment(hub).items():
                monkeypatch.setenv(key, value)
            script = f"--wrap={shlex.join(pytest_command(hub, '-m', 'debug'))}"
            for number in range(2):
                assert cluster.run("sbatch", f"--output={hub}-{number}.txt", script).returncode == 0
            until(lambda: not cluster.run("squeue", "--noheader").stdout, "they do not end")
            said = [Path(f"{hub}-{number}.txt").read_text() for number in range(2)]
            assert all("4 passed" in each for each in said), said
            assert [len(events(hub, "launched", split, "debug")) for split in FOUR_SPLITS] == [1] * 4
        worked = [worked_s(hub, split, "debug") for split in FOUR_SPLITS]
        in_turn = sum(over - begun for begun, over in worked)
        begun, over = (list(each) for each in zip(*worked, strict=True))
        tried.append((in_turn, max(over) - min(begun)))
        print(f"{tried[-1][1] / in_turn:.2f} of the time of one")
        if tried[-1][1] <= 0.65 * in_turn:
            return
    pytest.fail(f"seconds of the jobs in turn and of two allocations: {tried}")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--ptycho-wait",), "--ptycho-wait goes with --ptycho-on slurm"),
        (("--ptycho-on", "pbs"), "--ptycho-on: 'pbs'; there is: slurm"),
        (
            ("--ptycho-on", "slurm", "--ptycho-fresh"),
            "--ptycho-on and --ptycho-fresh exclude each other",
        ),
    ],
)
def test_what_means_nothing_is_refused_before_anything_is_collected(
    words: tuple[str, ...], told: str, quick_hub: Path
) -> None:
    done = run_here(quick_hub, *words)
    assert done.returncode == 4
    assert told in done.stderr


def test_inside_an_allocation_nothing_is_submitted(quick_hub: Path) -> None:
    done = run_here(quick_hub, *ON, SLURM_JOB_ID="7")
    assert done.returncode == 4
    assert "nothing is submitted inside a Slurm allocation (job 7)" in done.stderr
