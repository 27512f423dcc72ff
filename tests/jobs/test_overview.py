"""What people read of jobs in a line: who runs, how far, how long still."""

from __future__ import annotations

import os
import re
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from processes import runs, until
from ptycho_compare.jobs import JobSpec, read_done
from ptycho_compare.jobs.pace import progress_text, running_line, since_text

from .commands import Launcher, await_ready, cued, finish, kill, supervisor_of, telling
from .state_logs import StateLog


@pytest.fixture
def log(tmp_path: Path) -> StateLog:
    return StateLog(tmp_path)


def started(spec: JobSpec, place: Path) -> Launcher:
    launcher = Launcher(spec, place / "never")
    await_ready(spec)
    return launcher


# who runs


def test_where_nothing_runs_there_is_no_line(place: Path) -> None:
    spec = telling(place, before=0, units=40)
    assert running_line([]) == ""
    assert running_line([spec.files]) == ""
    started(spec, place).found()
    assert running_line([spec.files]) == ""


def test_each_job_that_runs_is_told_of_by_its_folder(place: Path) -> None:
    half, early, over = place / "dense" / "train", place / "dense" / "test", place / "sparse" / "test"
    specs = [telling(half, before=0, units=20), cued(early), telling(over, before=0, units=40)]
    launchers = [started(spec, place) for spec in specs]
    launchers[2].found()
    line = running_line([spec.files for spec in specs])
    first, second = line.split("  |  ")
    assert re.fullmatch(r"dense/train 20/40 patches, about \d+ s left", first)
    assert second == "dense/test starts"
    for spec in specs[:2]:
        os.kill(supervisor_of(spec), signal.SIGTERM)
    for launcher in launchers[:2]:
        launcher.process.wait()
    assert running_line([spec.files for spec in specs]) == ""


def test_a_job_that_died_is_not_told_of(place: Path) -> None:
    spec = cued(place)
    launcher = started(spec, place)
    supervisor = supervisor_of(spec)
    kill(supervisor)
    until(lambda: not runs(supervisor))
    assert running_line([spec.files]) == ""
    launcher.found()
    assert read_done(spec.files) is None


def test_a_job_that_waits_for_a_slot_runs_too(place: Path) -> None:
    options = {"slots": 1, "slots_folder": place / "slots"}
    first, second = cued(place / "dense" / "train", **options), cued(place / "dense" / "test", **options)
    launchers = [started(first, place), Launcher(second, place / "never")]
    launchers[1].await_attending()
    assert running_line([first.files, second.files]) == "dense/train starts  |  dense/test waits"
    for spec in (first, second):
        finish(spec)
    assert [launcher.found()["returncode"] for launcher in launchers] == [0, 0]


# how far


def test_a_job_that_was_never_started_waits(log: StateLog) -> None:
    assert progress_text(log.progress()) == "waits"


def test_progress_is_told_from_the_launch_to_the_last_step(log: StateLog) -> None:
    log.tell("launched", attempt=1, host="beamline-7", pid=17)
    assert progress_text(log.progress()) == "waits"
    log.tell("running", 60.0, pid=18)
    assert progress_text(log.progress()) == "starts"
    log.tell("step", 1.0, name="loads PINN")
    assert progress_text(log.progress()) == "loads PINN"
    log.plan(1.0, PINN=(0, 1280), Baseline=(0, 1280))
    log.work("PINN", 512, 256.0, 256.0)
    # nothing was ever measured of the other part
    assert progress_text(log.progress()) == "512/2560 patches"
    log.work("PINN", 1280, 640.0, 384.0)
    log.work("Baseline", 1280 - 1000, 280.0, 280.0)
    # a thousand seconds of units, and a start of 258
    assert progress_text(log.progress()) == "1560/2560 patches, about 21 min left"
    log.tell("step", 1.0, name="scores")
    assert progress_text(log.progress()) == "scores"


def test_a_new_attempt_begins_where_the_one_before_was_safe(log: StateLog) -> None:
    log.launch()
    log.plan(PINN=(0, 100))
    log.work("PINN", 50, 50.0, 50.0)
    log.save("PINN", 50)
    log.work("PINN", 80, 80.0, 30.0)
    log.launch()
    assert progress_text(log.progress()).startswith("80/100 patches")  # as far as anybody knows
    log.plan(PINN=(50, 100))
    assert progress_text(log.progress()) == "50/100 patches, about 2 min left"


def test_an_end_that_was_never_seen_is_not_forecast(log: StateLog) -> None:
    log.launch()
    log.plan(PINN=(0, 100))
    log.work("PINN", 100, 50.0, 50.0)
    assert progress_text(log.progress()) == "100/100 patches"


# since when


@pytest.mark.parametrize(
    ("ago", "text"), [(timedelta(minutes=30), "30 min"), (timedelta(hours=30), "30.0 h")]
)
def test_since_when_the_newest_attempt_goes(tmp_path: Path, ago: timedelta, text: str) -> None:
    log = StateLog(tmp_path, began=datetime.now(UTC) - timedelta(days=30))
    log.launch()
    log.now = datetime.now(UTC) - ago
    log.launch()
    assert since_text(log.progress()) == text


def test_a_clock_that_is_behind_the_launch_counts_from_now(tmp_path: Path) -> None:
    log = StateLog(tmp_path, began=datetime.now(UTC) + timedelta(hours=1))
    log.launch()
    assert since_text(log.progress()) == "0 s"
