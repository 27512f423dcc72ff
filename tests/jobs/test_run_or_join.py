"""Running or joining a job: one attempt at a time, whoever comes, and everybody gets its result."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from processes import runs, until
from ptycho_compare.errors import JobError, StorageError
from ptycho_compare.jobs.claim import read_claim
from ptycho_compare.jobs.executors.local import LocalExecutor
from ptycho_compare.jobs.executors.protocol import Running
from ptycho_compare.jobs.record import DoneRecord, JobSpec, read_done, read_launch
from ptycho_compare.jobs.run_or_join import Ended, run_or_join
from ptycho_compare.jobs.states import read_states

from .commands import (
    STUBBORN,
    WAIT,
    Launcher,
    await_ready,
    brought,
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

pytestmark = pytest.mark.usefixtures("unmeasured")

LINGERING = """
import sys, time
from ptycho_compare.jobs.executors.local import LocalExecutor
from ptycho_compare.jobs.record import JobSpec
from ptycho_compare.jobs.run_or_join import run_or_join
run_or_join(JobSpec.from_json(sys.argv[1]), LocalExecutor(), is_done=lambda: False, out_of_time=lambda: False)
print("launched", flush=True)
time.sleep(600)
"""


def record_of(found: dict[str, Any]) -> DoneRecord:
    """The completion record that a launcher was given."""
    assert found.pop("outcome") in ("finished", "failed", "refused", "stopped"), found
    return DoneRecord(**found)


def left_running(spec: JobSpec) -> Running:
    running = detached(spec)
    await_ready(spec)
    return running


def test_an_attempt_tells_of_which_batch_job_it_is(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    spec = job(place, "pass")
    run(spec)
    monkeypatch.delenv("SLURM_JOB_ID")
    run(spec)
    launched = [event for event in read_states(spec.files.states) if event["state"] == "launched"]
    assert [event.get("batch") for event in launched] == ["17", None]


def test_who_is_not_to_join_is_told_who_is_at_work_and_who_waits_may_do_other_work(place: Path) -> None:
    spec, asked = cued(place), []
    running = left_running(spec)

    def meanwhile() -> bool:
        asked.append(len(asked))
        if len(asked) == 2:
            finish(spec)
        return len(asked) < 3

    never_done = {"is_done": lambda: False, "out_of_time": lambda: False}
    told = run_or_join(spec, LocalExecutor(), joins=False, **never_done)
    assert (told.state, told.running) == ("running", replace(running, launch=None))
    assert run_or_join(spec, LocalExecutor(), meanwhile=meanwhile, **never_done).state == "finished"
    assert len(asked) >= 2


# whoever comes second


def test_of_three_launchers_at_once_one_works_and_all_get_its_result(place: Path) -> None:
    spec = cued(place)
    launchers = [Launcher(spec, place / "never") for _ in range(3)]
    for launcher in launchers:
        launcher.await_waiting()
    finish(spec)
    records = [record_of(launcher.found()) for launcher in launchers]
    assert records == [read_done(spec.files)] * 3
    assert (records[0].attempt, records[0].returncode) == (1, 0)
    assert states(spec) == ["launched", "running", "ended"]


def test_whoever_comes_second_waits_and_takes_the_result(place: Path) -> None:
    first = Launcher(spec := cued(place), place / "never")
    await_ready(spec)
    asked = []

    def let_it_end() -> None:
        asked.append(runs(command_of(spec)))
        finish(spec)

    done = run(spec, while_waiting=let_it_end)
    assert asked[0]
    assert done == record_of(first.found())
    assert states(spec).count("launched") == 1


def test_a_failure_is_a_result_too(place: Path) -> None:
    """An arm that failed fails again: whoever waited does not try the same once more."""
    code = (
        "import sys, time; from pathlib import Path; print('ready', flush=True)\n"
        "while not Path(sys.argv[1]).exists(): time.sleep(0.05)\n"
        "sys.exit('failed')"
    )
    spec = job(place, code, place / "finish")
    launchers = [Launcher(spec, place / "never") for _ in range(2)]
    for launcher in launchers:
        launcher.await_waiting()
    finish(spec)
    assert [record_of(launcher.found()).returncode for launcher in launchers] == [1, 1]
    assert states(spec).count("launched") == 1


def ask_by_stop_file(spec: JobSpec, _first: Launcher) -> None:
    spec.files.stop.touch()


def interrupt_the_launcher(_spec: JobSpec, first: Launcher) -> None:
    first.process.send_signal(signal.SIGINT)


def kill_the_launcher(_spec: JobSpec, first: Launcher) -> None:
    first.kill()


def kill_the_supervisor(spec: JobSpec, _first: Launcher) -> None:
    kill(supervisor_of(spec))


@pytest.mark.parametrize(
    ("end_the_first", "events"),
    [
        pytest.param(ask_by_stop_file, ["stopping", "ended"], marks=pytest.mark.slow),
        (interrupt_the_launcher, ["stopping", "ended"]),
        pytest.param(kill_the_launcher, ["stopping", "ended"], marks=pytest.mark.slow),
        (kill_the_supervisor, ["died"]),
    ],
)
def test_whoever_waited_goes_on_where_the_first_was_made_to_end(
    place: Path, end_the_first: Callable[[JobSpec, Launcher], None], events: list[str]
) -> None:
    first = Launcher(spec := cued(place), place / "never")
    first.await_waiting()
    await_ready(spec)
    command = command_of(spec)
    ended = False

    def end_the_first_once() -> None:
        nonlocal ended
        if not ended:
            ended = True
            end_the_first(spec, first)
        launch = read_launch(spec.files)
        if launch is not None and launch.attempt == 2:
            assert not runs(command)  # never two at a time
            finish(spec)

    done = run(spec, while_waiting=end_the_first_once)
    assert (done.attempt, done.returncode, done.reason) == (2, 0, "")
    assert states(spec) == ["launched", "running", *events, "launched", "running", "ended"]
    first.process.wait()


def test_a_launcher_whose_supervisor_is_killed_says_so(place: Path) -> None:
    first = Launcher(spec := cued(place), place / "never")
    await_ready(spec)
    kill_the_supervisor(spec, first)
    found = first.found()
    assert found["outcome"] == "JobError"
    assert "attempt 1 ended without a completion record" in found["text"]
    assert "exit status -9" in found["text"]
    assert str(spec.log) in found["text"]


def test_a_result_that_came_while_one_waited_is_not_made_again(place: Path) -> None:
    """The first was stopped at its very end: everything is there, and `is_done` is asked again."""
    first = Launcher(spec := cued(place), place / "never")
    await_ready(spec)

    def end_the_first() -> None:
        (place / "result").touch()
        spec.files.stop.touch()

    assert brought(spec, is_done=(place / "result").exists, while_waiting=end_the_first) == Ended("finished")
    assert record_of(first.found()).stopped
    assert states(spec).count("launched") == 1
    assert read_claim(spec.files.claim) is None


def test_a_holder_that_found_nothing_to_do_is_not_taken_for_a_result(place: Path) -> None:
    """It launched no attempt: the records that are there are of one long before it."""
    spec = job(place, "print('once more')")
    before = run(spec)
    waiting = []

    def is_done() -> bool:
        waiting.append(Launcher(spec, place / "never"))
        waiting[0].await_waiting()
        return True

    assert brought(spec, is_done=is_done) == Ended("finished")
    done = record_of(waiting[0].found())
    assert (before.attempt, done.attempt) == (1, 2)
    assert spec.log.read_text().count("once more") == 2


def test_out_of_time_while_somebody_else_works_leaves_them_alone(place: Path) -> None:
    first = Launcher(spec := cued(place), place / "never")
    await_ready(spec)
    launch = read_launch(spec.files)
    assert launch is not None
    ended = brought(spec, out_of_time=lambda: True)
    assert ended == Ended("running", running=Running(launch.host, launch.pid, launch.token))
    assert runs(launch.pid)
    assert runs(command_of(spec))
    finish(spec)
    done = record_of(first.found())
    assert (done.returncode, done.reason) == (0, "")


# time and interruption


def test_out_of_time_stops_the_attempt_that_was_launched_here(place: Path) -> None:
    spec = cued(place)
    done = record_of(Launcher(spec, place / "never", seconds=0.0).found())
    assert done.stopped
    assert done.reason == "asked by its launcher"
    assert read_claim(spec.files.claim) is None


def test_ctrl_c_stops_the_attempt_and_passes_on(place: Path) -> None:
    """A terminal sends it to all in the foreground: the command hears of it from its supervisor alone."""
    launcher = Launcher(spec := cued(place), place / "never")
    launcher.await_waiting()
    await_ready(spec)
    os.killpg(launcher.pid, signal.SIGINT)
    assert launcher.found() == {"outcome": "KeyboardInterrupt"}
    done = read_done(spec.files)
    assert done is not None
    assert (done.returncode, done.reason) == (75, "asked by its launcher")
    assert read_claim(spec.files.claim) is None


def test_ctrl_c_of_whoever_waits_leaves_the_other_alone(place: Path) -> None:
    first = Launcher(spec := cued(place), place / "never")
    await_ready(spec)
    second = Launcher(spec, place / "never")
    second.await_waiting()
    os.killpg(second.pid, signal.SIGINT)
    assert second.found() == {"outcome": "KeyboardInterrupt"}
    assert runs(command_of(spec))
    finish(spec)
    assert record_of(first.found()).returncode == 0


def test_a_second_ctrl_c_does_not_wait_for_the_grace(place: Path) -> None:
    spec = job(place, f"{STUBBORN} {WAIT}", grace_s=10_000.0)
    launcher = Launcher(spec, place / "never")
    launcher.await_waiting()
    await_ready(spec)
    os.killpg(launcher.pid, signal.SIGINT)
    until(has(spec.files.states, '"stopping"'))
    os.killpg(launcher.pid, signal.SIGINT)
    assert launcher.found() == {"outcome": "KeyboardInterrupt"}
    assert not runs(command_of(spec))
    assert not runs(supervisor_of(spec))


def test_what_goes_wrong_while_one_waits_stops_the_attempt_and_passes_on(place: Path) -> None:
    spec = cued(place)

    def out_of_time() -> bool:
        if has(spec.log, "ready")():
            raise RuntimeError("the clock is broken")
        return False

    with pytest.raises(RuntimeError, match="the clock is broken"):
        run(spec, out_of_time=out_of_time)
    assert not runs(command_of(spec))
    done = read_done(spec.files)
    assert done is not None
    assert done.stopped


# detached


def test_a_detached_job_outlives_its_launcher_and_all_its_session(place: Path) -> None:
    spec = cued(place, detached=True)
    launcher = subprocess.Popen(
        [sys.executable, "-c", LINGERING, spec.to_json()], stdout=subprocess.PIPE, start_new_session=True
    )
    assert launcher.stdout is not None
    assert launcher.stdout.readline() == b"launched\n"  # at once: the job waits for its cue
    await_ready(spec)
    os.killpg(launcher.pid, signal.SIGKILL)
    launcher.communicate()
    claim = read_claim(spec.files.claim)
    assert claim is not None
    assert claim.alive
    finish(spec)
    done = until(lambda: read_done(spec.files))
    assert done is not None
    assert (done.returncode, done.reason) == (0, "")


def test_whoever_detaches_a_job_knows_where_it_runs_and_holds_nothing_of_it(place: Path) -> None:
    descriptors = psutil.Process().num_fds()
    running = left_running(spec := cued(place))
    assert psutil.Process().num_fds() == descriptors
    assert running.launch == read_launch(spec.files)
    assert running.launch is not None
    assert running.launch.detached
    assert (running.host, running.pid) == (running.launch.host, running.launch.pid)
    assert runs(running.pid)
    finish(spec)


def test_a_job_that_runs_is_not_detached_again(place: Path) -> None:
    running = left_running(spec := cued(place))
    assert detached(spec) == Running(running.host, running.pid, running.token)
    assert states(spec).count("launched") == 1
    finish(spec)


def test_a_detached_job_is_joined_and_collected(place: Path) -> None:
    left_running(spec := cued(place))
    done = run(spec, while_waiting=lambda: finish(spec))
    assert (done.attempt, done.returncode) == (1, 0)
    assert done == read_done(spec.files)


def test_a_detached_job_that_was_killed_is_gone_on_with(place: Path) -> None:
    running = left_running(spec := cued(place))
    kill(running.pid)
    finish(spec)
    done = run(spec)
    assert (done.attempt, done.returncode) == (2, 0)
    assert "died" in states(spec)


# how it ended


@pytest.mark.parametrize(
    ("code", "state", "finding"),
    [
        ("print('all is well')", "finished", None),
        ("sys.exit('no such arm')", "failed", "failed: exit status 1: no such arm"),
        ("print('no such scan'); sys.exit(2)", "refused", "input: exit status 2: no such scan"),
        ("sys.exit(3)", "failed", "failed: exit status 3: no output"),
        ("sys.exit(75)", "stopped", None),
        (
            "print('works', flush=True); os.kill(os.getpid(), 9)",
            "failed",
            "failed: ended by SIGKILL; the next run goes on from the last checkpoint: works",
        ),
    ],
)
def test_a_job_ends_in_one_of_these_ways(place: Path, code: str, state: str, finding: str | None) -> None:
    ended = brought(spec := job(place, f"import os, sys; {code}"))
    assert (ended.state, ended.running) == (state, None)
    assert [str(each) for each in ended.findings] == ([] if finding is None else [finding])
    assert ended.record == read_done(spec.files)


def test_a_command_that_is_killed_after_its_grace_was_stopped(place: Path) -> None:
    spec = job(place, f"{STUBBORN} {WAIT}", grace_s=0.2)
    ended = brought(spec, out_of_time=has(spec.log, "ready"))
    assert (ended.state, ended.findings) == ("stopped", ())
    assert ended.record is not None
    assert ended.record.returncode == -signal.SIGKILL


def test_all_records_say_of_which_kind_the_work_is(place: Path) -> None:
    ended = brought(spec := job(place, "pass", kind="adoption"))
    assert ended.record is not None
    assert ended.record.kind == "adoption"
    launch, done = read_launch(spec.files), read_done(spec.files)
    assert launch is not None
    assert done is not None
    assert (launch.kind, done.kind) == ("adoption", "adoption")


def test_records_that_name_no_kind_of_work_are_read(place: Path) -> None:
    """As older versions wrote them."""
    run(spec := job(place, "pass", kind="adoption"))
    for path in (spec.files.launch, spec.files.done):
        values = json.loads(path.read_text())
        del values["kind"]
        path.write_text(json.dumps(values))
    launch, done = read_launch(spec.files), read_done(spec.files)
    assert launch is not None
    assert done is not None
    assert (launch.kind, done.kind) == ("", "")


# a disk that fails


def test_a_place_that_cannot_be_written_is_named(place: Path) -> None:
    spec = job(place, "print('never')")
    spec.files.states.mkdir(parents=True)
    with pytest.raises(JobError, match=r"states\.jsonl: is no log of states .is a folder"):
        brought(spec)
    assert not spec.log.exists()
    assert read_claim(spec.files.claim) is None


def test_a_log_that_cannot_be_written_is_named(place: Path) -> None:
    """After the launch: nothing runs that would have to be stopped."""
    (place / "file").touch()
    spec = job(place, "pass", log=place / "file" / "log")
    with pytest.raises(StorageError, match=str(place / "file")) as caught:
        brought(spec)
    assert caught.value.__context__ is None
    assert states(spec) == ["launched", "refused"]


def test_a_disk_that_fails_while_a_job_runs_loses_no_result(place: Path) -> None:
    """The record comes through the pipe; the disk could not take it."""
    code = "import os, sys; os.remove(sys.argv[1]); os.mkdir(sys.argv[1]); print('done')"
    spec = job(place, code, place / "job" / "states.jsonl")
    done = run(spec)
    assert (done.returncode, done.tail) == (0, ["done"])
    assert read_done(spec.files) is None
