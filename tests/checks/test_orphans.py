"""Whoever outlived a job is found on this machine, by pid; whoever is kept is not, nor whoever is another."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from jobs.commands import (
    STUBBORN,
    WAIT,
    Family,
    await_ready,
    command_of,
    cued,
    detached,
    finish,
    job,
    kill,
    run,
    supervisor_of,
)
from processes import MARK, environment, marked, runs, until
from ptycho_compare.checks.orphans import orphans
from ptycho_compare.clock import Moment
from ptycho_compare.finding import Finding
from ptycho_compare.hub import Hub
from ptycho_compare.jobs.claim import place_of, read_claim, take_claim
from ptycho_compare.jobs.record import JobSpec, read_done, read_launch
from ptycho_compare.jobs.tree import TOKEN_VARIABLE

pytestmark = pytest.mark.usefixtures("unmeasured")  # tests of jobs run what those do whom these start

JOB = "analysis/dose_1/dense/test/job"
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="a command dies with its supervisor on Linux only")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub whose processes are marked: whoever was started for it is ended after the test."""
    monkeypatch.setenv(MARK, str(tmp_path))
    try:
        yield Hub(tmp_path)
    finally:
        for process in marked(tmp_path):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        until(lambda: not marked(tmp_path), "somebody is left")


@pytest.fixture
def place(hub: Hub) -> Path:
    """Where a comparison's job lies."""
    place = (hub.root / JOB).parent
    place.mkdir(parents=True)
    return place


def started(spec: JobSpec) -> int:
    """Let a job run on by itself; its supervisor's pid."""
    supervisor = detached(spec).pid
    until(lambda: command_of(spec) if spec.files.states.read_text().count('"running"') else 0)
    return supervisor


def ended(spec: JobSpec) -> None:
    """Let it come to its end."""
    supervisor = supervisor_of(spec)
    finish(spec)
    until(lambda: not runs(supervisor))


def held_up(spec: JobSpec) -> int:
    """A running job whose supervisor does nothing and whose claim is gone; the supervisor's pid."""
    supervisor = started(spec)
    os.kill(supervisor, signal.SIGSTOP)
    spec.files.claim.unlink()
    return supervisor


def pids(findings: list[Finding]) -> list[int]:
    """Whom the one finding says to end."""
    (finding,) = findings
    assert (finding.kind, finding.arm) == ("orphan", "")
    return [int(pid) for pid in finding.text.partition("; end what is left: kill ")[2].split()]


def rewritten(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


# nobody to find


def test_a_hub_without_jobs_has_no_orphans(hub: Hub) -> None:
    assert orphans(hub) == []
    assert orphans(Hub(hub.root / "none")) == []


def test_a_job_that_ended_leaves_nobody(hub: Hub, place: Path) -> None:
    for code in ("pass", "import sys; sys.exit(3)"):
        run(job(place, code))
        assert orphans(hub) == []


def test_a_job_that_is_kept_has_no_orphans(hub: Hub, place: Path) -> None:
    spec = cued(place)
    started(spec)
    await_ready(spec)
    claim = read_claim(spec.files.claim)
    assert claim is not None
    assert claim.alive
    assert orphans(hub) == []
    ended(spec)
    assert orphans(hub) == []


def test_a_claim_that_nobody_launched_for_has_no_orphans(hub: Hub, place: Path) -> None:
    """An attempt that is about to begin."""
    claim, _ = take_claim(place / "job" / "claim.json")
    assert orphans(hub) == []
    claim.release()


# whom a killed supervisor left


@pytest.fixture
def left(place: Path) -> Family:
    """Four grandchildren whose supervisor was killed: their command died with it, they run on."""
    family = Family(place)
    supervisor = started(family.spec)
    until(lambda: family.born)
    kill(supervisor)
    until(lambda: not runs(supervisor) and not runs(command_of(family.spec)))
    return family


@LINUX
def test_whom_a_killed_supervisor_left_behind_is_found_and_can_be_ended(hub: Hub, left: Family) -> None:
    found = orphans(hub)
    host = os.uname().nodename
    told = " ".join(map(str, sorted(left.pids)))
    assert [finding.text for finding in found] == [
        f"{JOB}: attempt 1 still runs on {host}, and nobody holds its claim; end what is left: kill {told}"
    ]
    subprocess.run(["kill", *map(str, pids(found))], check=True)
    until(lambda: len(list(filter(runs, left.pids))) == 2)
    stubborn = sorted(filter(runs, left.pids))  # two of them ignore the request
    assert pids(orphans(hub)) == stubborn
    subprocess.run(["kill", "-9", *map(str, stubborn)], check=True)
    until(lambda: not any(map(runs, left.pids)))
    assert orphans(hub) == []


@LINUX
def test_while_another_attempt_holds_the_claim_those_of_the_one_before_are_found(
    hub: Hub, left: Family
) -> None:
    claim, before = take_claim(left.spec.files.claim)
    assert before is not None
    (finding,) = orphans(hub)
    assert sorted(left.pids) == pids([finding])
    assert "attempt 1 still runs" in finding.text
    assert ", and another attempt holds its claim; " in finding.text
    claim.release()


@LINUX
def test_the_next_attempt_ends_them(hub: Hub, place: Path, left: Family) -> None:
    assert pids(orphans(hub)) == sorted(left.pids)
    assert run(job(place, "pass", grace_s=1.0)).attempt == 2
    assert orphans(hub) == []


def test_a_process_of_an_attempt_that_has_ended_is_found(hub: Hub, place: Path) -> None:
    """It left the tree, and the token tells."""
    spec = job(place, "pass")
    run(spec)
    launch = read_launch(spec.files)
    assert launch is not None
    process = subprocess.Popen(
        [sys.executable, "-ISc", f"{STUBBORN} {WAIT}"],
        env=environment(hub.root, **{TOKEN_VARIABLE: launch.token}),
        stdout=subprocess.PIPE,
    )
    with process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            (finding,) = orphans(hub)
            assert pids([finding]) == [process.pid]
            assert ", and it has ended; " in finding.text
        finally:
            process.kill()
        until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE)
        assert orphans(hub) == []  # though nobody has waited for it
    assert orphans(hub) == []


# supervisors


def test_a_supervisor_without_its_claim_is_found_with_its_command(hub: Hub, place: Path) -> None:
    spec = cued(place)
    supervisor = held_up(spec)
    (finding,) = orphans(hub)
    assert pids([finding]) == sorted([supervisor, command_of(spec)])
    assert ", and nobody holds its claim; " in finding.text
    for pid in pids([finding]):
        kill(pid)
    until(lambda: not marked(hub.root))
    assert orphans(hub) == []


def test_a_supervisor_that_gave_its_claim_back_and_ends_a_moment_later_is_none(
    hub: Hub, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = cued(place)
    supervisor = held_up(spec)
    waited = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        kill(command_of(spec))
        kill(supervisor)
        until(lambda: not marked(hub.root))

    monkeypatch.setattr("ptycho_compare.checks.orphans.time", SimpleNamespace(sleep=sleep))
    assert orphans(hub) == []
    assert len(waited) == 1


def hours_ago(hours: float) -> str:
    return (datetime.now(UTC) - timedelta(hours=hours)).isoformat(timespec="milliseconds")


def of_this_very_process() -> dict[str, Any]:
    return {"pid": os.getpid(), "started": hours_ago(-1)}


def of_nobody() -> dict[str, Any]:
    gone = subprocess.Popen([sys.executable, "-ISc", "pass"])
    gone.wait()
    return {"pid": gone.pid}


def of_a_zombie() -> dict[str, Any]:
    """Of a supervisor that has ended, and for which nobody waited."""
    command = [sys.executable, "-P", "-m", "ptycho_compare.jobs.supervisor"]
    zombie = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    until(lambda: psutil.Process(zombie.pid).status() == psutil.STATUS_ZOMBIE)
    zombies.append(zombie)
    return {"pid": zombie.pid}


zombies: list[subprocess.Popen[bytes]] = []


@pytest.mark.parametrize(
    ("changes", "is_found"),
    [
        (dict, True),
        (lambda: {"host": "elsewhere"}, False),
        (lambda: {"started": hours_ago(1), "moment": Moment.ago(3600.0).to_json()}, False),
        (lambda: {"started": hours_ago(1), "moment": {}}, False),
        (lambda: {"started": hours_ago(1)}, True),
        (of_this_very_process, False),
        (of_nobody, False),
        (of_a_zombie, False),
    ],
    ids=[
        *("its own", "of another host", "of an earlier pid", "of an earlier pid, by the wall clock alone"),
        *("after a clock was set", "of this process", "of nobody", "of a zombie"),
    ],
)
def test_a_supervisor_is_known_by_host_pid_and_time(
    hub: Hub, place: Path, changes: Callable[[], dict[str, Any]], is_found: bool
) -> None:
    """A record of a step names a supervisor that runs, kept elsewhere in the hub; no claim is there."""
    spec = cued(place)
    supervisor = started(spec)
    step = hub.step("train").job
    step.folder.mkdir(parents=True)
    step.launch.write_bytes(spec.files.launch.read_bytes())
    rewritten(step.launch, token="another", place=place_of(step.folder), **changes())
    found = orphans(hub)
    assert (pids(found) if found else []) == ([supervisor] if is_found else [])
    ended(spec)
    for zombie in zombies:
        zombie.wait()
    zombies.clear()


# records


@pytest.fixture
def spec(hub: Hub, place: Path) -> JobSpec:
    """A job that has ended."""
    spec = job(place, "pass")
    run(spec)
    assert read_done(spec.files) is not None
    return spec


@pytest.mark.parametrize("name", ["launch", "claim"])
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff\xfe\x00"])
def test_a_record_that_cannot_be_read_is_told(hub: Hub, spec: JobSpec, name: str, content: bytes) -> None:
    path = getattr(spec.files, name)
    path.write_bytes(content)
    (finding,) = orphans(hub)
    assert finding.kind == "changed"
    assert finding.text.startswith(f"{path}: is no ")


@pytest.mark.parametrize("name", ["launch", "claim"])
def test_a_folder_in_a_records_place_is_told(hub: Hub, spec: JobSpec, name: str) -> None:
    path = getattr(spec.files, name)
    path.unlink(missing_ok=True)
    path.mkdir()
    (finding,) = orphans(hub)
    assert finding.kind == "changed"
    assert finding.text.startswith(f"{path}: is no ")
    assert "(is a folder; a regular file is needed)" in finding.text


@pytest.mark.parametrize("changes", [{"pid": "12"}, {"pid": -5}, {"token": []}])
def test_a_launch_of_no_process_is_told(hub: Hub, spec: JobSpec, changes: dict[str, Any]) -> None:
    rewritten(spec.files.launch, **changes)
    (finding,) = orphans(hub)
    assert finding.kind == "changed"
    assert finding.text.startswith(f"{spec.files.launch}: is no LaunchRecord (")


@pytest.mark.parametrize("time", ["", "yesterday", 5])
def test_a_supervisor_whose_time_is_none_is_told(hub: Hub, place: Path, time: object) -> None:
    """Whether the process is the one that was meant cannot be said."""
    spec = cued(place)
    started(spec)
    claim, launch = spec.files.claim.read_bytes(), spec.files.launch.read_bytes()
    os.kill(supervisor_of(spec), signal.SIGSTOP)
    spec.files.claim.unlink()
    rewritten(spec.files.launch, started=time)
    (finding,) = orphans(hub)
    assert finding.kind == "changed"
    assert finding.text.startswith(f"{spec.files.launch}: is no LaunchRecord (")
    spec.files.claim.write_bytes(claim)
    spec.files.launch.write_bytes(launch)
    os.kill(supervisor_of(spec), signal.SIGCONT)
    ended(spec)


def test_one_damaged_record_hides_no_other_job(hub: Hub, place: Path) -> None:
    step = hub.step("train").job
    step.folder.mkdir(parents=True)
    step.launch.write_text("{")
    supervisor = held_up(spec := cued(place))
    changed, orphan = orphans(hub)
    assert changed.kind == "changed"
    assert pids([orphan]) == sorted([supervisor, command_of(spec)])


def test_a_copy_of_a_hub_does_not_tell_of_the_originals_job(
    hub: Hub, place: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whoever followed its advice would kill what works elsewhere."""
    spec = cued(place)
    started(spec)
    await_ready(spec)
    copy = Hub(Path(shutil.copytree(hub.root, tmp_path_factory.mktemp("copies") / "copy")))
    for files in copy.jobs():
        files.claim.unlink(missing_ok=True)
    assert [files.folder.exists() for files in copy.jobs()] == [True]
    assert orphans(copy) == []
    ended(spec)
