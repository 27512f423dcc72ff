"""Slots: no more jobs at a time than allowed, and none lost by whoever dies or stops."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from processes import until
from ptycho_compare.jobs.progress import read_progress
from ptycho_compare.jobs.record import JobSpec, read_done

from .commands import (
    Launcher,
    await_ready,
    command_of,
    cued,
    detached,
    finish,
    has,
    job,
    kill,
    run,
    states,
    supervisor_of,
)

UNMEASURED = pytest.mark.usefixtures("unmeasured")  # the others here run the same code
ALONE = """
import os, sys, time
os.mkdir(sys.argv[1])
time.sleep(0.1)
os.rmdir(sys.argv[1])
"""
"""Fails where another one is at it."""


def slotted(place: Path, name: str, *, slots: int = 1) -> JobSpec:
    return cued(place / name, slots=slots, slots_folder=place / "slots")


def started(spec: JobSpec) -> Launcher:
    launcher = Launcher(spec, spec.folder.parent / "never")
    await_ready(spec)
    return launcher


def waits(spec: JobSpec) -> bool:
    return has(spec.files.states, '"waiting"')()


def run_once_it_waits(spec: JobSpec, act: Callable[[], Any]) -> None:
    """Run it to its end; what it waits for happens once it is seen to wait."""
    acted = False

    def out_of_time() -> bool:
        nonlocal acted
        if not acted and waits(spec):
            acted = True
            assert "running" not in states(spec)
            finish(spec)
            act()
        return False

    done = run(spec, out_of_time=out_of_time)
    assert (done.returncode, done.reason) == (0, "")
    assert states(spec) == ["launched", "waiting", "running", "ended"]


def taken(place: Path) -> list[Path]:
    return list((place / "slots").rglob("slot-*.json"))


# one at a time


def test_of_two_jobs_and_one_slot_the_second_waits_for_the_first(place: Path) -> None:
    first, second = slotted(place, "first"), slotted(place, "second")
    launcher = started(first)
    run_once_it_waits(second, lambda: finish(first))
    assert launcher.found()["returncode"] == 0
    *_, ended = read_progress(first.files).attempts
    (waited,) = read_progress(second.files).attempts
    assert ended.ended is not None
    assert waited.ended is not None
    assert ended.ended["time"] <= waited.ended["time"]
    assert taken(place) == []


@UNMEASURED
def test_of_three_jobs_at_once_never_two_run_in_one_slot(place: Path) -> None:
    options: dict[str, Any] = {"slots": 1, "slots_folder": place / "slots"}
    specs = [job(place / str(number), ALONE, place / "alone", **options) for number in range(3)]
    launchers = [Launcher(spec, place / "never") for spec in specs]
    assert [launcher.found()["returncode"] for launcher in launchers] == [0] * 3


@UNMEASURED
def test_two_slots_hold_two_jobs(place: Path) -> None:
    specs = [slotted(place, name, slots=2) for name in ("first", "second")]
    launchers = [started(spec) for spec in specs]
    assert not any(map(waits, specs))
    third = slotted(place, "third", slots=2)
    run_once_it_waits(third, lambda: finish(specs[0]))
    finish(specs[1])
    assert [launcher.found()["returncode"] for launcher in launchers] == [0, 0]


@UNMEASURED
def test_a_job_that_asks_for_no_slot_runs_beside(place: Path) -> None:
    launcher = started(first := slotted(place, "first"))
    free = cued(place / "free")
    finish(free)
    assert run(free).returncode == 0
    finish(first)
    assert launcher.found()["returncode"] == 0


# sessions that do not agree


@UNMEASURED
def test_what_runs_counts_though_another_session_allows_more(place: Path) -> None:
    """The first slot is free again, but somebody is in the second."""
    first, second = slotted(place, "first", slots=2), slotted(place, "second", slots=2)
    launchers = [started(first), started(second)]
    finish(first)
    assert launchers[0].found()["returncode"] == 0
    run_once_it_waits(slotted(place, "third"), lambda: finish(second))
    assert launchers[1].found()["returncode"] == 0


@UNMEASURED
def test_a_session_that_allows_more_starts_beside_one_that_allows_less(place: Path) -> None:
    launcher = started(first := slotted(place, "first"))
    second = slotted(place, "second", slots=2)
    finish(second)
    assert run(second).returncode == 0
    assert not waits(second)
    finish(first)
    assert launcher.found()["returncode"] == 0


# who dies


@UNMEASURED
def test_the_slot_of_a_holder_that_was_killed_is_free_at_once(place: Path) -> None:
    """No lease runs out first: it is known that its process is gone."""
    first, second = slotted(place, "first"), slotted(place, "second")
    running = detached(first)
    await_ready(first)
    run_once_it_waits(second, lambda: kill(running.pid))
    assert read_done(first.files) is None
    assert taken(place) == []


@UNMEASURED
def test_a_slot_is_given_back_by_a_job_whose_command_is_killed(place: Path) -> None:
    first, second = slotted(place, "first"), slotted(place, "second")
    launcher = started(first)
    run_once_it_waits(second, lambda: kill(command_of(first)))
    assert launcher.found()["returncode"] == -signal.SIGKILL


def test_a_slot_is_given_back_by_a_command_that_cannot_be_started(place: Path) -> None:
    wrong = replace(slotted(place, "wrong"), command=("/no/such/program",))
    assert Launcher(wrong, place / "never").found()["outcome"] == "JobError"
    assert taken(place) == []


# who stops while it waits


def by_stop_file(spec: JobSpec, _launcher: Launcher) -> None:
    spec.files.stop.touch()


def by_sigterm(spec: JobSpec, _launcher: Launcher) -> None:
    os.kill(supervisor_of(spec), signal.SIGTERM)


def by_ctrl_c(_spec: JobSpec, launcher: Launcher) -> None:
    os.killpg(launcher.pid, signal.SIGINT)


def by_killing_its_launcher(_spec: JobSpec, launcher: Launcher) -> None:
    launcher.kill()


@pytest.mark.parametrize(
    ("stop", "reason"),
    [
        (by_stop_file, "asked by a stop file"),
        pytest.param(by_sigterm, "SIGTERM", marks=pytest.mark.slow),
        pytest.param(by_ctrl_c, "asked by its launcher", marks=pytest.mark.slow),
        (by_killing_its_launcher, "its launcher is gone"),
    ],
)
def test_a_job_that_waits_is_stopped_without_having_run(
    place: Path, stop: Callable[[JobSpec, Launcher], None], reason: str
) -> None:
    first, second = slotted(place, "first"), slotted(place, "second")
    launchers = [started(first), Launcher(second, place / "never")]
    launchers[1].await_waiting()
    until(lambda: waits(second))
    stop(second, launchers[1])
    done = until(lambda: read_done(second.files))
    assert done is not None
    assert done.stopped
    assert done.reason == f"{reason}, while it waited for a slot"
    assert (done.seconds, done.tail) == (0.0, [])
    assert states(second) == ["launched", "waiting", "ended"]
    assert not second.log.exists()
    (attempt,) = read_progress(second.files).attempts
    assert (attempt.ran, attempt.unfinished) == (False, False)
    assert len(taken(place)) == 1  # the first's, which runs on

    finish(first)
    assert launchers[0].found()["returncode"] == 0
    finish(second)
    assert run(second).attempt == 2
    launchers[1].process.wait()


def test_a_jobs_own_deadline_counts_while_it_waits(place: Path) -> None:
    launcher = started(first := slotted(place, "first"))
    done = run(replace(slotted(place, "second"), deadline_s=1.0))
    assert done.stopped
    assert done.reason == "its own deadline of 1 s, while it waited for a slot"
    finish(first)
    assert launcher.found()["returncode"] == 0


def test_the_heart_of_a_slot_beats_while_its_command_runs(place: Path) -> None:
    """Whoever looks from another container sees nothing else of its holder."""
    spec = slotted(place, "one")
    launcher = started(spec)
    (slot,) = taken(place)
    os.utime(slot, (0, 0))
    until(lambda: slot.stat().st_mtime > 0)
    finish(spec)
    assert launcher.found()["returncode"] == 0
