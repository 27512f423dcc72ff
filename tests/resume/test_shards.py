"""Shards that are killed, stopped, begun twice, or at work while somebody adds them up."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from hubs import light
from processes import PATIENCE_S, PTYCHO_HUB, environment, nobody_left, run, until
from ptycho_compare.hub import Artifacts, JobFiles
from ptycho_compare.jobs.progress import read_progress
from ptycho_compare.jobs.states import read_states
from ptycho_compare.sigterm import EXIT_STOPPED
from results import assert_same_results

from .runs import (
    DEBUG,
    Event,
    Whole,
    compare,
    debug_folder,
    diagnostics,
    events,
    finish_here,
    job_of,
    let_go,
    signalled_at,
    stopped_at,
    told_here,
)


def shard(hub: Path, share: str, word: str = "compare") -> list[str]:
    return [*PTYCHO_HUB, word, DEBUG, "--shard", share, "--hub", str(hub)]


def files_of(hub: Path, number: int, count: int) -> JobFiles:
    return job_of(debug_folder(hub)).shard(number, count)


def started(command: list[str], hub: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command, env=environment(hub), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def said_by(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, error = process.communicate(timeout=PATIENCE_S)
    return process.returncode, out, error


def test_killed_and_stopped_they_go_on_and_end_as_one_process_does(
    own_hub: Path, light_unbroken: Whole
) -> None:
    """A kill costs a chunk at most; of a shard that is not gone on with, what it saved is taken over."""
    hub = light(own_hub)
    killed = run(stopped_at("PtychoPINN 40-48", 4, shard(hub, "1/2"), signal.SIGKILL), hub)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    finish_here(hub, shard(hub, "1/2"))
    found = list(read_states(files_of(hub, 1, 2).states))
    again = [event["parts"] for event in found if event["state"] == "planned"][1]
    assert again["PtychoPINN 0-20"] == [20, 20]
    assert [event["returncode"] for event in found if event["state"] == "ended"] == [0]

    with signalled_at("Baseline 20-40", 8):
        status, said = told_here(shard(hub, "2/2"))
    assert status == EXIT_STOPPED, said
    assert said.splitlines()[-1].startswith("ptycho-hub: stopped by SIGTERM; the same command")

    finish_here(hub)
    assert_same_results(debug_folder(hub), light_unbroken.results)
    assert diagnostics(debug_folder(hub)) == light_unbroken.diagnostics
    assert not job_of(debug_folder(hub)).shards.exists()
    taken = [event for event in events(debug_folder(hub)) if event["state"] == "taken_over"]
    whole = {"PtychoPINN": [20, 20, 8]}
    assert [event["rows"] for event in taken if event["part"] == "PtychoPINN"] == whole["PtychoPINN"]
    assert [event["rows"] for event in taken if event["part"] == "Baseline"][1] == 8


def test_two_processes_at_one_shard_do_it_once(own_hub: Path) -> None:
    """As a batch system's jobs: whoever comes second waits, and both end with 0."""
    hub = light(own_hub, call_s=0.3)
    with nobody_left(hub):
        first = started(shard(hub, "1/2", "work"), hub)
        until(lambda: files_of(hub, 1, 2).claim.exists())
        second = started(shard(hub, "1/2", "work"), hub)
        refused, said = told_here(shard(hub, "1/2"))
        for process in (first, second):
            code, out, error = said_by(process)
            assert code == 0, error
            assert out.splitlines()[-1] == f"shard 1/2 of {DEBUG}: done"
    assert refused == 2
    assert "works on it; wait for it, or stop it" in said
    progress = read_progress(files_of(hub, 1, 2))  # who comes when the first has ended finds nothing left
    assert sum(attempt.gained for attempt in progress.attempts) == progress.total


def test_term_stops_a_supervised_shard_with_75(own_hub: Path) -> None:
    hub = light(own_hub, call_s=0.1)
    with nobody_left(hub):
        process = started(shard(hub, "2/2", "work"), hub)
        until(lambda: working(files_of(hub, 2, 2)))
        process.send_signal(signal.SIGTERM)
        code, out, error = said_by(process)
    assert code == EXIT_STOPPED, error
    assert out.splitlines()[-1].endswith("stopped with its work saved; the same command goes on")
    assert read_progress(files_of(hub, 2, 2)).saved > 0


def working(files: JobFiles) -> list[Event]:
    return [event for event in read_states(files.states) if event["state"] == "working"]


@pytest.mark.slow
def test_who_adds_up_waits_for_a_shard_that_is_at_work(own_hub: Path, light_unbroken: Whole) -> None:
    """And what no shard is at is computed there meanwhile: nothing twice."""
    hub = light(own_hub)
    log = Artifacts(debug_folder(hub)).log
    with nobody_left(hub):
        held = started(stopped_at("PtychoPINN 20-40", 8, shard(hub, "2/2"), signal.SIGSTOP), hub)
        until(lambda: psutil.Process(held.pid).status() == psutil.STATUS_STOPPED)
        adding = started(compare(hub), hub)
        until(lambda: log.exists() and "waits for the shard that computes groups 20 to 39" in log.read_text())
        assert let_go(held)[0] == 0
        code, _, error = said_by(adding)
        assert code == 0, error
    assert_same_results(debug_folder(hub), light_unbroken.results)
    taken = [event for event in events(debug_folder(hub)) if event["state"] == "taken_over"]
    assert [event["groups"] for event in taken] == ["20-40", "20-40"]


@pytest.mark.slow
@pytest.mark.parametrize("part", ["PtychoPINN 0-20", "PtychoPINN 20-40", "Baseline 0-20", "Baseline 40-48"])
def test_killed_anywhere(part: str, own_hub: Path, light_unbroken: Whole) -> None:
    """Twice in each segment, by one shard of all."""
    hub = light(own_hub)
    for row in (4, 6):  # the last segment of Baseline has no more
        killed = run(stopped_at(part, row, shard(hub, "1/1"), signal.SIGKILL), hub)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
    finish_here(hub, shard(hub, "1/1"))
    finish_here(hub, [*compare(hub), "--shards-only"])
    assert_same_results(debug_folder(hub), light_unbroken.results)


@pytest.mark.slow
@pytest.mark.parametrize(("part", "row"), [("PtychoPINN", 20), ("Baseline", 30)])
def test_who_adds_up_is_killed(part: str, row: int, own_hub: Path, light_unbroken: Whole) -> None:
    """It begins to add up again, and computes what is missing."""
    hub = light(own_hub)
    finish_here(hub, shard(hub, "1/3"))
    killed = run(stopped_at(part, row, compare(hub), signal.SIGKILL), hub)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    finish_here(hub)
    assert_same_results(debug_folder(hub), light_unbroken.results)
