"""Whatever is killed, asked to stop, or too short: one result, no double attempt, and no loop without end."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from processes import PTYCHO_HUB, nobody_left, run, until
from ptycho_compare.hub import JobFiles
from ptycho_compare.jobs.progress import JobProgress, read_progress
from ptycho_compare.jobs.ticket import read_ticket
from results import assert_same_results
from sessions import TEST, TRAIN, events, folder_of, gained, job_of, progress_of

from .cluster import Cluster

pytestmark = [pytest.mark.slow]

LEASE = {"PTYCHO_LEASE": "5s"}
DEBUG = [each.replace("full", "debug") for each in (TRAIN, TEST)]


@pytest.fixture
def hub(slow_hub: Path, tmp_path: Path, cluster: Cluster) -> Iterator[Path]:
    with nobody_left(Path(shutil.copytree(slow_hub, tmp_path / "hub"))) as copy:
        yield copy
        cluster.cancel_all()
        until(lambda: not cluster.at_work())


@pytest.fixture(scope="module")
def too_short(
    slurm_of_session: Cluster, slow_hub: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Path, str]]:
    """A hub whose job loads for longer than it may run, and its number: it has a minute for each attempt.

    The controller looks at limits twice a minute: others are tested meanwhile.
    """
    hub = Path(shutil.copytree(slow_hub, tmp_path_factory.mktemp("short") / "hub"))
    study = hub / "study.toml"
    study.write_text(study.read_text().replace('"load_s": 1.5', '"load_s": 600'))
    (hub / "site.toml").write_text('time = "1m"\n')
    with nobody_left(hub), pytest.MonkeyPatch.context() as patch:
        for name, value in slurm_of_session.variables.items():
            patch.setenv(name, value)
        assert resume(hub)[0] == 75
        number = job_number(job_of(hub))
        slurm_of_session.kept.add(number)
        yield hub, number
        slurm_of_session.kept.remove(number)
        slurm_of_session.cancel_all()


def resume(hub: Path, *ids: str) -> tuple[int, str, str]:
    done = run((*PTYCHO_HUB, "resume", *(ids or (TRAIN,)), "--on", "slurm", "--hub", str(hub)), hub, **LEASE)
    return done.returncode, done.stdout, done.stderr


def brought(cluster: Cluster, hub: Path) -> None:
    """Give the command, and again whenever the queue has nothing of ours, until all is done."""
    while (answer := resume(hub))[0] == 75:
        until(lambda: not in_queue(cluster, hub), "it stays in the queue")
    assert answer[0] == 0, answer


def in_queue(cluster: Cluster, hub: Path) -> bool:
    """Whether the job is still to come, or at work; its number may be another's by now."""
    ticket = read_ticket(job_of(hub))
    if ticket is None:
        return False
    now = cluster.state_of(ticket.job)
    return now.get("Comment") == ticket.token and now["JobState"] in ("PENDING", "RUNNING", "COMPLETING")


def process_of(hub: Path, *words: str) -> int:
    """The process of a command that has all these words, as the kernel numbers it here."""
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or [])
        if str(hub) in line and all(word in line for word in words):
            return int(process.pid)
    return 0


def script_runs(cluster: Cluster, number: str) -> bool:
    """Whether a node has begun a job: until its script is there, SIGTERM finds nobody, or ends it unheard."""
    copy = f"/job{int(number):05d}/slurm_script"
    lines = (" ".join(each.info["cmdline"] or []) for each in psutil.process_iter(["cmdline"]))
    return any(str(cluster.root) in line and copy in line for line in lines)


def killed(find: Callable[[], int]) -> None:
    os.kill(until(find, "nobody to kill"), signal.SIGKILL)


def job_number(files: JobFiles) -> str:
    ticket = read_ticket(files)
    assert ticket is not None
    return ticket.job


def assert_nothing_twice(progress: JobProgress) -> None:
    assert sum(attempt.gained for attempt in progress.attempts) == progress.total
    assert [attempt.ended for attempt in progress.attempts][-1] is not None


def test_a_controller_that_lost_its_state_and_gave_our_number_away(
    cluster: Cluster, hub: Path, expected: dict[str, bytes]
) -> None:
    assert resume(hub)[0] == 75
    number = job_number(job_of(hub))
    gained(hub)
    ours = cluster.state_of(number)["NodeList"]
    cluster.end("slurmctld", kill=True)
    try:
        code, _, said = resume(hub)
        assert code == 2
        assert len(said.splitlines()) == 1
        assert "squeue: " in said or "scontrol: " in said
    finally:
        shutil.rmtree(cluster.root / "state")
        (cluster.root / "state").mkdir()
        cluster.set("FirstJobId", number)  # for good: a node starts no job whose number it has ended
        cluster.start_controller()
    theirs = ("sbatch", "--parsable", "--output=/dev/null", f"--exclude={ours}", "--wrap=sleep 600")
    assert cluster.run(*theirs).stdout.strip() == number
    until(lambda: cluster.state_of(number).get("JobState") == "RUNNING")
    brought(cluster, hub)  # its process may have come to its end meanwhile, or it is submitted again
    assert_same_results(folder_of(hub), expected)
    assert_nothing_twice(progress_of(hub))
    assert run((*PTYCHO_HUB, "stop", "--hub", str(hub)), hub).returncode == 0
    assert cluster.state_of(number)["JobState"] == "RUNNING"


@pytest.fixture
def no_requeue_exit(cluster: Cluster) -> Iterator[None]:
    """The site begins nothing again by itself; where it does: test_shards, test_contract."""
    cluster.set("RequeueExit", "")
    yield
    cluster.set("RequeueExit", "75")


@pytest.mark.usefixtures("no_requeue_exit")
def test_term_in_any_second_of_a_start_has_the_job_begun_again(cluster: Cluster, hub: Path) -> None:
    """There is no accounting here: sacct explains nothing in any of these tests."""
    assert cluster.run("sacct").returncode != 0
    ids = [TRAIN, TEST, *DEBUG]
    assert resume(hub, *ids)[0] == 75
    places = [("train", "full"), ("test", "full"), ("train", "debug"), ("test", "debug")]
    numbers = [job_number(job_of(hub, *place)) for place in places]
    began: dict[str, float] = {}
    due = dict(zip(numbers, (0.0, 1.0, 2.0, 4.0), strict=True))

    def all_asked() -> bool:
        now = time.monotonic()
        for number in [*due]:
            if number not in began and script_runs(cluster, number):
                began[number] = now
            if number in began and now >= began[number] + due[number]:
                cluster.run("scancel", "--batch", "--signal=TERM", number)
                del due[number]
        return not due

    until(all_asked)
    until(lambda: all(cluster.state_of(each)["JobState"] == "COMPLETED" for each in numbers), "not all end")
    restarts = [cluster.state_of(each)["Restarts"] for each in numbers]
    assert {*restarts} <= {"0", "1"}
    assert restarts.count("1") >= 3  # of the first there may have been no process yet: nobody was asked
    assert resume(hub, *ids)[0] == 0
    for place in places:
        assert_nothing_twice(read_progress(job_of(hub, *place)))


@pytest.mark.usefixtures("too_short")
def test_supervisor_and_command_of_the_job_that_adds_up(
    cluster: Cluster, hub: Path, expected: dict[str, bytes]
) -> None:
    (hub / "site.toml").write_text("[shards]\ncount = 2\n")
    assert resume(hub)[0] == 75
    until(lambda: events(hub, "taken_over"), "nothing is taken over")
    killed(lambda: process_of(hub, "ptycho_compare.jobs.supervisor", f'"{job_of(hub).folder}"'))
    until(lambda: process_of(hub, "compare", TRAIN) == 0, "the command outlives its supervisor")
    until(lambda: resume(hub)[0] == 75 and len(events(hub, "launched")) > 1)
    until(lambda: len(events(hub, "planned")) > 1)
    killed(lambda: process_of(hub, f"ptycho_hub compare {TRAIN} "))
    brought(cluster, hub)
    assert_same_results(folder_of(hub), expected)
    first, second, last = progress_of(hub).attempts
    assert first.ended is None
    assert second.ended is not None
    assert second.ended["returncode"] == -signal.SIGKILL
    assert last.ended is not None
    assert last.ended["returncode"] == 0
    assert not job_of(hub).shards.exists()


def test_a_limit_that_is_too_short_ends_red_after_two_restarts(
    cluster: Cluster, too_short: tuple[Path, str]
) -> None:
    hub, number = too_short
    until(lambda: cluster.state_of(number)["JobState"] == "FAILED", "it goes on for ever")
    assert cluster.state_of(number)["Restarts"] == "2"
    assert "2 restarts of batch job" in job_of(hub).batch_log.read_text()
    assert "too short; submit it with a longer time limit" in job_of(hub).batch_log.read_text()
