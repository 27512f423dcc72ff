"""Jobs that live on without pytest, and are found again."""

from __future__ import annotations

import contextlib
import os
import re
import signal
from pathlib import Path

import psutil

from processes import marked, until
from ptycho_compare.jobs import EXIT_STOPPED, LaunchRecord, read_done, read_launch
from sessions import (
    TRAIN,
    course_of,
    events,
    gained,
    job_of,
    junit_of,
    launches,
    made_quick,
    results_of,
    run_on,
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


def test_a_detached_job_outlives_its_session_and_is_collected(gated_hub: Path, unbroken: Unbroken) -> None:
    """A window too short to gain anything in is long enough to launch a job, and to look after it."""
    report = gated_hub.parent / "j.xml"
    done = run_on(gated_hub, *FULL, "--ptycho-detach", "--ptycho-window=2s", f"--junitxml={report}")
    assert done.returncode == EXIT_STOPPED, done.stdout
    launch, supervisor = launch_of(gated_hub), supervisor_of(gated_hub)
    where = f"pid {supervisor.pid} on {launch.host}, log {launch.log}"
    assert f"{TRAIN}: detached: {where}" in done.stdout
    assert junit_of(report)[TRAIN].properties["ptycho.reason"] == f"detached: {where}"
    assert launch.detached
    assert launch.deadline is not None
    assert supervisor.is_running()
    assert os.getsid(supervisor.pid) == supervisor.pid
    assert read_done(job_of(gated_hub)) is None

    for more in (["--ptycho-detach"], ["--ptycho-window=2s"]):
        looked = run_on(gated_hub, *FULL, *more)
        assert looked.returncode == EXIT_STOPPED, looked.stdout
        assert f"{TRAIN}: runs elsewhere: {where}" in looked.stdout

    collected = run_on(gated_hub, *FULL)
    assert collected.returncode == 0, collected.stdout
    assert launches(gated_hub)["train-full"] == 1
    assert results_of(gated_hub) == unbroken.results


def test_what_becomes_of_one_that_is_killed_or_reaches_its_deadline(
    gated_hub: Path, unbroken: Unbroken
) -> None:
    """After SIGKILL the next run tells of the death, and goes on; a deadline loses nothing."""
    session = start_on(gated_hub, *FULL, "--ptycho-detach")
    until(lambda: events(gated_hub, "running"))
    with contextlib.suppress(ProcessLookupError):  # it may have done what it was to do
        session.signal(signal.SIGKILL, group=True)
    gained(gated_hub)
    supervisor = supervisor_of(gated_hub)
    supervisor.kill()
    until(lambda: not marked(gated_hub))
    saved = course_of(gated_hub).saved

    deadline_s = f"{round(0.5 * unbroken.seconds, 1):g}"
    second = run_on(gated_hub, *FULL, "--ptycho-detach", f"--ptycho-deadline={deadline_s}s")
    assert second.returncode == EXIT_STOPPED, second.stdout
    death = rf"attempt 1 \(pid {supervisor.pid} on \S+\) died without a completion record, at {saved} of"
    assert re.search(death, second.stdout)
    until(lambda: not marked(gated_hub))
    done, progress = read_done(job_of(gated_hub)), course_of(gated_hub)
    assert done is not None
    assert done.stopped
    assert done.reason == f"its own deadline of {deadline_s} s"
    assert progress.saved == progress.done >= saved > 0

    made_quick(gated_hub)
    third = run_on(gated_hub, *FULL)
    assert third.returncode == 0, third.stdout
    assert "died" not in third.stdout
    begun = [sum(start for start, _ in event["parts"].values()) for event in events(gated_hub, "planned")]
    assert begun[1:] == [saved, progress.saved]
    assert results_of(gated_hub) == unbroken.results


def test_jobs_are_detached_one_at_a_time(gated_hub: Path) -> None:
    """Both are launched; the second waits for its slot, and begins when the first is asked to end."""
    done = run_on(gated_hub, "-m", "full", "--ptycho-detach")
    assert done.returncode == EXIT_STOPPED, done.stdout
    assert "2 deferred" in done.stdout
    until(lambda: events(gated_hub, "waiting", "test"))
    job_of(gated_hub).stop.touch()
    until(lambda: events(gated_hub, "running", "test"))
    assert events(gated_hub, "ended")[0]["reason"] == "asked by a stop file"
    job_of(gated_hub, "test").stop.touch()
