"""A study's phases C to G by one command on three nodes: submitted once, a node killed, the same results."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hubs import light
from lab_runs import DOSE, STUDY, WHERE, hub_of, ptycho_hub
from processes import PTYCHO_HUB, ROOT, environment, nobody_left, until
from ptycho_compare.hub import Artifacts, Hub, JobFiles
from ptycho_compare.jobs.progress import read_progress
from ptycho_compare.jobs.ticket import read_ticket
from results import assert_same_results, results

from .cluster import Cluster

pytestmark = [pytest.mark.slow]

RUN = ("run", *WHERE, "--on", "slurm", "--allow-commands")
LEASE = {"PTYCHO_LEASE": "10s"}
STEPS = 9


def started(hub: Hub, *words: str, elsewhere: bool = False, **more: str) -> subprocess.Popen[str]:
    """A command; `elsewhere` as on another login node: with processes and a host name of its own."""
    other = ("unshare", "--pid", "--uts", "--mount-proc", "--fork", "--kill-child")
    named = ("sh", "-c", 'hostname login1; exec "$@"', "sh")
    return subprocess.Popen(
        [*((*other, *named) if elsewhere else ()), *PTYCHO_HUB, *words, "--hub", str(hub.root)],
        cwd=ROOT,
        env=environment(hub.root, **LEASE, **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def slow_hub_of(folder: Path) -> Hub:
    """A hub whose comparisons wait at each batch, so that they can be met at work."""
    folder.mkdir(parents=True)
    (folder / "study.toml").write_text(STUDY)
    return Hub(light(folder, call_s=0.3))


def job_of(hub: Hub) -> JobFiles:
    return Artifacts(hub.comparison_dir(DOSE, "dense", "train", "full")).job


def saved(hub: Hub) -> bool:
    return any(each.gained > 0 for each in read_progress(job_of(hub)).attempts)


def attempts_at(hub: Hub) -> list[str]:
    """Hosts of the attempts at a comparison."""
    return [each.launched["host"] for each in read_progress(job_of(hub)).attempts]


@dataclass(frozen=True)
class Told:
    """What commands said, and with which exit status, in their order."""

    hub: Hub
    twice: list[tuple[int, str]]
    in_queue: int
    waited: tuple[int, str]
    again: tuple[int, str]
    killed: str
    local: Hub


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    said, _ = process.communicate(timeout=900)
    return process.returncode, said


@pytest.fixture(scope="module")
def told(slurm_of_session: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    cluster = slurm_of_session
    if not cluster.own_hosts:
        pytest.skip("no namespaces: nodes are no hosts of their own")
    hub = slow_hub_of(tmp_path_factory.mktemp("nodes") / "hub")
    local = hub_of(tmp_path_factory.mktemp("local") / "hub")
    with nobody_left(hub.root), nobody_left(local.root):
        there = started(local, "run", *WHERE, "--at-a-time", "2", "--allow-commands")
        both = [started(hub, *RUN, elsewhere=elsewhere, **cluster.variables) for elsewhere in (False, True)]
        twice = [ended(each) for each in both]
        in_queue = len(cluster.run("squeue", "--noheader", "--states=all", "--format=%k").stdout.split())
        waiting = started(hub, *RUN, "--wait", **cluster.variables)
        until(lambda: saved(hub) or waiting.poll() is not None, "no node compares")
        killed = attempts_at(hub)[0]
        cluster.end(killed, kill=True)
        until(lambda: "down" in cluster.run("sinfo", "--noheader", "-N", "--format=%t").stdout, "not noticed")
        cluster.start_node(killed)
        waited, again = ended(waiting), ended(started(hub, *RUN, **cluster.variables))
        code, said = ended(there)
        assert code == 0, said
        yield Told(hub, twice, in_queue, waited, again, killed, local)


def test_a_second_submission_also_from_another_login_node_submits_nothing_twice(told: Told) -> None:
    assert [code for code, _ in told.twice] == [75, 75], told.twice
    said = Counter(
        re.findall(r"^(\S+): submitted as slurm job", "".join(said for _, said in told.twice), re.M)
    )
    assert len(said) == STEPS
    assert set(said.values()) == {1}
    assert told.in_queue == STEPS


def test_the_command_that_waits_ends_when_all_is_done(told: Told) -> None:
    code, said = told.waited
    assert code == 0, said
    assert said.rstrip().endswith("all is done")
    assert len(re.findall(r"(?m)^\S+ +done$", said)) == STEPS


def test_what_is_done_is_not_submitted(told: Told) -> None:
    code, said = told.again
    assert (code, "submitted" in said) == (0, False), said


def test_a_killed_node_costs_one_attempt_and_what_it_saved_is_not_repeated(told: Told) -> None:
    progress = read_progress(job_of(told.hub))
    first, second = progress.attempts
    assert (first.launched["host"], first.ended) == (told.killed, None)
    assert 0 < first.gained < progress.total
    assert first.gained + second.gained == progress.total
    others = [
        len([each for each in read_progress(files).attempts if each.ran])
        for files in told.hub.jobs()
        if read_ticket(files) is not None and files != job_of(told.hub)
    ]
    assert sum(count > 1 for count in others) <= 1  # two jobs at a time on a node


def test_nodes_worked_and_the_login_node_did_not(told: Told) -> None:
    hosts = {
        each.launched["host"]
        for files in told.hub.jobs()
        for each in read_progress(files).attempts
        if read_ticket(files) is not None
    }
    assert hosts <= {"n0", "n1", "n2"}
    assert len(hosts) > 1


def test_results_and_the_gates_answer_are_those_of_a_local_run(told: Told) -> None:
    """It ran while jobs waited for their queue."""
    for split in ("train", "test"):
        one, other = (hub.comparison_dir(DOSE, "dense", split, "full") for hub in (told.local, told.hub))
        assert_same_results(other, results(one))
    answers = [ptycho_hub(hub, "gate") for hub in (told.local, told.hub)]
    assert answers[0].returncode == answers[1].returncode
    assert answers[0].stdout.replace(str(told.local.root), "HUB") == answers[1].stdout.replace(
        str(told.hub.root), "HUB"
    )
