"""Nobody of a job's tree is left, however it ends: by the process list, not by what is recorded."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from processes import environment, marked, runs, until
from ptycho_compare.errors import JobError
from ptycho_compare.jobs import tree
from ptycho_compare.jobs.record import read_done
from ptycho_compare.jobs.states import read_states

from .commands import (
    POLITE,
    STUBBORN,
    WAIT,
    Family,
    Launcher,
    await_ready,
    command_of,
    detached,
    finish,
    job,
    kill,
    run,
    states,
    supervisor_of,
)

TOKEN, OTHER_TOKEN = secrets.token_hex(8), secrets.token_hex(8)  # other test runs may be under way

pytestmark = pytest.mark.usefixtures("unmeasured")

# the whole tree


@pytest.fixture
def family(place: Path) -> Family:
    """Its command stops at once when asked, once all are born: the grace is long for a slow birth."""
    return Family(place, {"grace_s": 60.0})


def ends_by_itself(family: Family) -> None:
    finish(family.spec)


def is_asked_by_a_stop_file(family: Family) -> None:
    family.spec.files.stop.touch()


def has_its_supervisor_terminated(family: Family) -> None:
    os.kill(supervisor_of(family.spec), signal.SIGTERM)


def has_its_command_killed(family: Family) -> None:
    kill(command_of(family.spec))


@pytest.mark.parametrize(
    ("happens", "returncode", "reason"),
    [
        (ends_by_itself, 0, ""),
        pytest.param(is_asked_by_a_stop_file, 75, "asked by a stop file", marks=pytest.mark.slow),
        (has_its_supervisor_terminated, 75, "SIGTERM"),
        (has_its_command_killed, -signal.SIGKILL, ""),
    ],
)
def test_nobody_is_left_when_a_job(
    family: Family, happens: Callable[[Family], None], returncode: int, reason: str
) -> None:
    seen: list[int] = []

    def out_of_time() -> bool:
        if family.born and not seen:
            seen.extend(filter(runs, family.pids))
            happens(family)
        return False

    done = run(family.spec, out_of_time=out_of_time)
    assert (done.returncode, done.reason) == (returncode, reason)
    assert len(seen) == 4
    assert family.alive() == set()
    (left,) = (event for event in read_states(family.spec.files.states) if event["state"] == "left_behind")
    assert left["processes"] == 4


def test_nobody_is_left_when_its_launcher_stops_a_job(family: Family) -> None:
    done = run(family.spec, out_of_time=lambda: family.born)
    assert done.stopped
    assert family.alive() == set()


def test_nobody_is_left_at_a_jobs_own_deadline(place: Path) -> None:
    family = Family(place, {"grace_s": 60.0, "deadline_s": 2.0})
    done = run(family.spec)
    assert (done.returncode, done.reason) == (75, "its own deadline of 2 s")
    assert family.alive() == set()


def test_nobody_is_left_when_the_supervisor_is_killed(family: Family) -> None:
    """Nobody keeps them any more: the launcher, which waited, ends them."""

    def out_of_time() -> bool:
        if family.born:
            kill(supervisor_of(family.spec))
        return False

    with pytest.raises(JobError, match="attempt 1 ended without a completion record"):
        run(family.spec, out_of_time=out_of_time)
    assert family.alive() == set()


@pytest.mark.skipif(sys.platform != "linux", reason="a command dies with its supervisor on Linux only")
def test_whom_a_killed_supervisor_left_behind_the_next_attempt_ends(place: Path) -> None:
    """It was detached: its command dies with it, the others run on until somebody comes."""
    family = Family(place)
    running = detached(family.spec)
    until(lambda: family.born)
    kill(running.pid)
    until(lambda: not runs(command_of(family.spec)))
    assert sorted(family.alive()) == sorted(family.pids)

    done = run(job(place, "import sys; print(sys.argv[0])", grace_s=1.0))
    assert (done.attempt, done.returncode) == (2, 0)
    (died,) = (event for event in read_states(family.spec.files.states) if event["state"] == "died")
    assert (died["pid"], died["left_behind"]) == (running.pid, 4)
    assert [pid for pid in family.pids if runs(pid)] == []
    assert marked(place) == []


def test_nobody_is_left_when_the_launcher_is_killed(family: Family) -> None:
    launcher = Launcher(family.spec, family.place / "never")
    until(lambda: family.born)
    launcher.kill()
    until(lambda: not family.alive(), "somebody outlived the launcher")
    done = read_done(family.spec.files)
    assert done is not None
    assert (done.returncode, done.reason) == (75, "its launcher is gone")


def test_a_command_that_ignores_the_request_does_not_outlive_its_launcher(place: Path) -> None:
    spec = job(place, f"{STUBBORN} {WAIT}", grace_s=0.5)
    launcher = Launcher(spec, place / "never")
    await_ready(spec)
    launcher.kill()
    until(lambda: not marked(place), "somebody outlived the launcher")
    done = read_done(spec.files)
    assert done is not None
    assert (done.returncode, done.reason) == (-signal.SIGKILL, "its launcher is gone")


@pytest.mark.skipif(sys.platform != "linux", reason="orphans come to their supervisor on Linux only")
def test_an_orphan_that_dropped_its_token_and_its_session_is_ended_all_the_same(place: Path) -> None:
    daemon = f"[sys.executable, '-ISc', \"{STUBBORN} time.sleep(600)\"], env={{}}, start_new_session=True"
    between = f"import subprocess, sys; child = subprocess.Popen({daemon}, stdout=subprocess.DEVNULL)"
    code = (
        f"import subprocess, sys; subprocess.run([sys.executable, '-ISc', {between!r} '; print(child.pid)'])"
    )
    done = run(spec := job(place, code))
    (pid,) = map(int, done.tail)
    assert done.returncode == 0
    assert not runs(pid)
    assert states(spec) == ["launched", "running", "left_behind", "ended"]


def test_a_job_that_leaves_nobody_says_nothing_of_it(place: Path) -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-ISc', 'pass'])"
    run(spec := job(place, code))
    assert "left_behind" not in states(spec)


# who belongs to it


Starter = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(place: Path) -> Iterator[Starter]:
    """Start Python code with a job's token, and wait until it is ready."""
    started = []

    def starter(code: str, token: str, *arguments: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-ISc", code, *map(str, arguments)],
            env=environment(place, **{tree.TOKEN_VARIABLE: token}),
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    yield starter
    for process in started:
        process.kill()
        process.wait()
        if process.stdout is not None:  # somebody else may hold the other end: nothing is read
            process.stdout.close()


def pids(processes: list[psutil.Process]) -> set[int]:
    return {process.pid for process in processes}


def test_members_are_found_by_the_token_alone(start: Starter) -> None:
    found = {start(f"import time; {WAIT}", TOKEN).pid for _ in range(2)}
    start(f"import time; {WAIT}", OTHER_TOKEN)
    assert pids(tree.members(TOKEN)) == found
    assert tree.members("nobody's") == []


def test_descendants_are_members_whatever_their_token(start: Starter) -> None:
    child = f"[sys.executable, '-ISc', \"import time; {WAIT}\"], env={{}}"
    root = start(f"import subprocess, sys; sys.exit(subprocess.run({child}).returncode)", OTHER_TOKEN)
    found = pids(tree.members("nobody's", root=root.pid))
    assert found == pids(tree.descendants(root.pid))
    assert root.pid in found
    assert len(found) == 2
    assert tree.end("nobody's", root=root.pid, grace_s=60.0) == 2
    assert not any(map(runs, found))


def test_a_process_is_no_member_of_its_own_job(place: Path) -> None:
    """A supervisor asks for all of its tree, and a command run by hand carries the token itself."""
    code = (
        "import os; from ptycho_compare.jobs import tree; "
        f"print(len(tree.members('{TOKEN}')), len(tree.members('{TOKEN}', root=os.getpid())))"
    )
    out = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(place, **{tree.TOKEN_VARIABLE: TOKEN}),
        check=True,
        capture_output=True,
        text=True,
    )
    assert out.stdout == "0 0\n"


def test_nobody_descends_from_nobody(start: Starter) -> None:
    gone = start(f"import time; {WAIT}", OTHER_TOKEN)
    gone.kill()
    gone.wait()
    assert tree.descendants(None) == []
    assert tree.descendants(gone.pid) == []
    assert tree.members("nobody's", root=gone.pid) == []


def test_a_process_that_has_ended_is_no_member_though_nobody_waited_for_it(start: Starter) -> None:
    zombie = start(f"import time; {WAIT}", TOKEN)
    zombie.kill()
    until(lambda: psutil.Process(zombie.pid).status() == psutil.STATUS_ZOMBIE)
    assert tree.members(TOKEN, root=zombie.pid) == []
    assert tree.end(TOKEN, root=zombie.pid, grace_s=60.0) == 0


def test_where_nobody_runs_there_is_nobody_to_end() -> None:
    assert tree.end("nobody's", grace_s=10_000.0) == 0


def test_whoever_ends_when_asked_is_not_killed(start: Starter) -> None:
    """And its exit status stays with whoever started it."""
    polite = [start(f"{POLITE} {WAIT}", TOKEN) for _ in range(2)]
    other = start(f"{POLITE} {WAIT}", OTHER_TOKEN)
    assert tree.end(TOKEN, grace_s=10_000.0) == 2
    assert [process.wait() for process in polite] == [75, 75]
    assert runs(other.pid)


def test_whoever_does_not_is_killed_after_the_grace(start: Starter) -> None:
    stubborn, polite = start(f"{STUBBORN} {WAIT}", TOKEN), start(f"{POLITE} {WAIT}", TOKEN)
    began = time.monotonic()
    assert tree.end(TOKEN, grace_s=0.7) == 2
    assert time.monotonic() - began >= 0.7
    assert (stubborn.wait(), polite.wait()) == (-signal.SIGKILL, 75)


def test_a_process_that_is_held_up_is_killed_too(start: Starter) -> None:
    held_up = start(f"{POLITE} {WAIT}", TOKEN)
    os.kill(held_up.pid, signal.SIGSTOP)
    assert tree.end(TOKEN, grace_s=0.1) == 1
    assert held_up.wait() == -signal.SIGKILL


def test_whoever_is_started_while_the_tree_ends_is_ended_too(place: Path, start: Starter) -> None:
    successor = f"[sys.executable, '-ISc', \"{STUBBORN} time.sleep(600)\"], start_new_session=True"
    code = f"""
import pathlib, signal, subprocess, sys, time
def bear(*_):
    child = subprocess.Popen({successor})
    pathlib.Path(sys.argv[1]).write_text(str(child.pid))
    sys.exit(0)
signal.signal(signal.SIGTERM, bear)
{WAIT}
"""
    parent = start(code, TOKEN, place / "successor")
    assert tree.end(TOKEN, grace_s=60.0) == 2
    assert parent.wait() == 0
    assert not runs(int((place / "successor").read_text()))
