"""Jobs that live on without pytest, and are found again."""

from __future__ import annotations

import contextlib
import os
import re
import signal
from pathlib import Path

import psutil
import pytest

from processes import marked, until
from ptycho_compare.jobs.record import LaunchRecord, read_done, read_launch
from ptycho_compare.sigterm import EXIT_STOPPED
from sessions import (
    TRAIN,
    events,
    gained,
    job_of,
    junit_of,
    launches,
    made_quick,
    progress_of,
    results_of,
    run_here,
    start_on,
)

from .conftest import Unbroken

FULL = ("-m", "full", "-k", "train")


def launch_of(hub: Path) -> LaunchRecord:
    launch = read_launch(job_of(hub))
    assert launch is not None
    return launch


def supervisor_of(hub: Path) -> psutil.Process:
    return psutil.Process(launch_of(hub).pid)


def test_a_detached_job_outlives_its_session_and_is_collected(
    hub_after_debug: Path, unbroken: Unbroken
) -> None:
    """A window too short to gain anything in is long enough to launch a job, and to look after it."""
    report = hub_after_debug.parent / "j.xml"
    done = run_here(hub_after_debug, *FULL, "--ptycho-detach", "--ptycho-window=2s", f"--junitxml={report}")
    assert done.returncode == EXIT_STOPPED, done.stdout
    launch, supervisor = launch_of(hub_after_debug), supervisor_of(hub_after_debug)
    where = f"pid {supervisor.pid} on {launch.host}, log {launch.log}"
    assert f"{TRAIN}: detached: {where}" in done.stdout
    assert junit_of(report)[TRAIN].properties["ptycho.reason"] == f"detached: {where}"
    assert launch.detached
    assert launch.deadline is not None
    assert supervisor.is_running()
    assert os.getsid(supervisor.pid) == supervisor.pid
    assert read_done(job_of(hub_after_debug)) is None

    (job,) = until(supervisor.children, "no command")
    job.suspend()  # however slow sessions are today, they find it at work
    for more in (["--ptycho-detach"], ["--ptycho-window=2s"]):
        looked = run_here(hub_after_debug, *FULL, *more)
        assert looked.returncode == EXIT_STOPPED, looked.stdout
        assert f"{TRAIN}: runs elsewhere: {where}" in looked.stdout
    job.resume()

    collected = run_here(hub_after_debug, *FULL)
    assert collected.returncode == 0, collected.stdout
    assert launches(hub_after_debug)["train-full"] == 1
    assert results_of(hub_after_debug) == unbroken.results


@pytest.mark.slow
def test_what_becomes_of_one_that_is_killed_or_reaches_its_deadline(
    hub_after_debug: Path, unbroken: Unbroken
) -> None:
    """After SIGKILL the next run reports the death, and goes on; a deadline loses nothing."""
    session = start_on(hub_after_debug, *FULL, "--ptycho-detach")
    until(lambda: events(hub_after_debug, "running"))
    with contextlib.suppress(ProcessLookupError):  # it may have done what it was to do
        session.signal(signal.SIGKILL, group=True)
    gained(hub_after_debug)
    supervisor = supervisor_of(hub_after_debug)
    supervisor.kill()
    until(lambda: not marked(hub_after_debug))
    saved = progress_of(hub_after_debug).saved

    deadline_s = f"{round(0.5 * unbroken.seconds, 1):g}"
    second = run_here(hub_after_debug, *FULL, "--ptycho-detach", f"--ptycho-deadline={deadline_s}s")
    assert second.returncode == EXIT_STOPPED, second.stdout
    death = rf"attempt 1 \(pid {supervisor.pid} on \S+\) died without a completion record, at {saved} of"
    assert re.search(death, second.stdout)
    until(lambda: not marked(hub_after_debug))
    done, progress = read_done(job_of(hub_after_debug)), progress_of(hub_after_debug)
    assert done is not None
    assert done.stopped
    assert done.reason == f"its own deadline of {deadline_s} s"
    assert progress.saved == progress.done >= saved > 0

    made_quick(hub_after_debug)
    third = run_here(hub_after_debug, *FULL)
    assert third.returncode == 0, third.stdout
    assert "died" not in third.stdout
    begun = [
        sum(start for start, _ in event["parts"].values()) for event in events(hub_after_debug, "planned")
    ]
    assert begun[1:] == [saved, progress.saved]
    assert results_of(hub_after_debug) == unbroken.results


def test_jobs_are_detached_one_at_a_time(hub_after_debug: Path) -> None:
    """Both are launched; the second waits for its slot, and begins when the first is asked to end."""
    done = run_here(hub_after_debug, "-m", "full", "--ptycho-detach")
    assert done.returncode == EXIT_STOPPED, done.stdout
    assert "2 deferred" in done.stdout
    until(lambda: events(hub_after_debug, "waiting", "test"))
    job_of(hub_after_debug).stop.touch()
    until(lambda: events(hub_after_debug, "running", "test"))
    assert events(hub_after_debug, "ended")[0]["reason"] == "asked by a stop file"
    job_of(hub_after_debug, "test").stop.touch()
