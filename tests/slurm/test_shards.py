"""A comparison by an array of jobs and one that adds up, whatever becomes of a task: the same bytes."""

from __future__ import annotations

import os
import re
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from processes import PTYCHO_HUB, nobody_left, run, until
from ptycho_compare.hub import Artifacts, JobFiles
from ptycho_compare.jobs.progress import read_progress
from ptycho_compare.jobs.states import read_states
from ptycho_compare.jobs.ticket import Ticket, read_ticket
from results import assert_same_results
from sessions import TRAIN, events, folder_of, job_of

from .cluster import Cluster

pytestmark = [pytest.mark.slow]

COUNT = 3
RESUME = (*PTYCHO_HUB, "resume", TRAIN, "--on", "slurm", "--hub")


@dataclass(frozen=True)
class Told:
    """A comparison in three shards, of which the second was killed and the third begun again.

    Attributes
    ----------
    shards : dict
        State events of each shard's attempts.
    """

    hub: Path
    expected: dict[str, bytes]
    submitted: str
    again: tuple[int, str]
    shards: dict[int, list[dict[str, Any]]]
    ended: tuple[int, str]


def files_of(hub: Path, number: int) -> JobFiles:
    return job_of(hub).shard(number, COUNT)


def ticket_of(files: JobFiles) -> Ticket:
    ticket = read_ticket(files)
    assert ticket is not None
    return ticket


def saved(files: JobFiles) -> bool:
    return any(each.gained > 0 for each in read_progress(files).attempts)


def command_at(hub: Path, number: int) -> int:
    """The process that computes a shard, as the kernel numbers it here."""
    words = ("compare", "--shard", f"{number}/{COUNT}")
    for process in psutil.process_iter(["cmdline"]):
        line = process.info["cmdline"] or []
        if str(hub) in line and all(word in line for word in words):
            return int(process.pid)
    return 0


@pytest.fixture(scope="module")
def told(
    slurm_of_session: Cluster,
    slow_hub: Path,
    expected: dict[str, bytes],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Told]:
    cluster = slurm_of_session
    hub = Path(shutil.copytree(slow_hub, tmp_path_factory.mktemp("shards") / "hub"))
    (hub / "site.toml").write_text(f"[shards]\ncount = {COUNT}\n")
    variables = {"PTYCHO_LEASE": "5s", **cluster.variables}
    with nobody_left(hub):
        submitted = run((*RESUME, str(hub)), hub, **variables)
        assert submitted.returncode == 75, submitted.stderr
        until(lambda: all(saved(files_of(hub, number)) for number in (2, 3)), "no shard saves")
        cluster.run("scancel", "--batch", "--signal=TERM", f"{ticket_of(files_of(hub, 3)).job}_3")
        os.kill(until(lambda: command_at(hub, 2)), signal.SIGKILL)
        until(files_of(hub, 2).done.exists, "its end is not recorded")
        until(lambda: len(begun(hub, 3)) > 1, "it is not begun again")
        again = run((*RESUME, str(hub)), hub, **variables)
        shards: dict[int, list[dict[str, Any]]] = {}

        def is_written() -> bool:
            for number in range(1, COUNT + 1):
                shards[number] = read_or(files_of(hub, number), shards.get(number, []))
            return events(hub, "ended") != []

        until(is_written, "nothing is added up")
        ended = run((*RESUME, str(hub)), hub, **variables)
        yield Told(
            hub,
            expected,
            submitted.stdout,
            (again.returncode, again.stdout),
            shards,
            (ended.returncode, ended.stdout),
        )


def begun(hub: Path, number: int) -> list[dict[str, Any]]:
    return [each for each in read_states(files_of(hub, number).states) if each["state"] == "launched"]


def read_or(files: JobFiles, before: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events of a shard, which go when the comparison is written."""
    found = list(read_states(files.states)) if files.states.exists() else []
    return found if len(found) > len(before) else before


def test_an_array_and_the_job_that_adds_up_are_submitted_once(told: Told) -> None:
    assert re.search(rf"(?m)^{TRAIN}-shards: submitted as slurm job \d+, {COUNT} tasks$", told.submitted)
    assert re.search(rf"(?m)^{TRAIN}: submitted as slurm job \d+$", told.submitted)
    assert "submitted as" not in told.again[1]


def test_a_task_begun_again_for_its_75_does_not_kill_the_job_that_adds_up(told: Told) -> None:
    ends = [each["returncode"] for each in told.shards[3] if each["state"] == "ended"]
    assert ends == [75, 0]
    assert told.ended[0] == 0, told.ended[1]


def test_a_shard_that_fails_is_named_and_the_others_are_kept(told: Told) -> None:
    assert told.again[0] == 75
    assert f"{TRAIN} shard 2/{COUNT}: ended" in told.again[1]
    log = Artifacts(folder_of(told.hub)).log.read_text()
    assert re.search(rf"shard 2/{COUNT} ended with exit status -9 \(\S+\)", log)
    ends = {number: [each for each in told.shards[number] if each["state"] == "ended"] for number in (1, 2)}
    assert (ends[1][-1]["returncode"], ends[2][-1]["returncode"]) == (0, -9)
    by_shards = sum(saved_by(told.shards[number]) for number in (1, 2, 3))
    taken = [event["rows"] for event in events(told.hub, "taken_over")]
    # who is killed between a checkpoint and its note has saved more than it told
    assert by_shards <= sum(taken) < read_progress(job_of(told.hub)).total


def saved_by(found: list[dict[str, Any]]) -> int:
    """How many patches a shard's attempts made safe."""
    parts = {event["part"]: event["done"] for event in found if event["state"] == "checkpoint"}
    return sum(parts.values())


def test_the_results_are_those_of_one_process(told: Told) -> None:
    assert_same_results(folder_of(told.hub), told.expected)
    assert not job_of(told.hub).shards.exists()
