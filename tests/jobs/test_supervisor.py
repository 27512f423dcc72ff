"""One attempt at a job, with a real supervisor and a real command."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import asdict, fields, replace
from datetime import datetime
from pathlib import Path

import psutil
import pytest

from processes import PATIENCE_S, runs, until
from ptycho_compare.errors import InputError, JobError, StorageError
from ptycho_compare.jobs.claim import _LOCK_TIMEOUT_S, read_claim
from ptycho_compare.jobs.executors import local
from ptycho_compare.jobs.executors.local import LocalAttempt, LocalExecutor
from ptycho_compare.jobs.record import DoneRecord, JobSpec, read_done, read_launch
from ptycho_compare.jobs.run_or_join import Ended
from ptycho_compare.jobs.states import read_states
from ptycho_compare.sigterm import EXIT_STOPPED

from .commands import (
    POLITE,
    STUBBORN,
    brought,
    has,
    job,
    never,
    nobody_begins,
    run,
    states,
)

SLOW = pytest.mark.slow
UNMEASURED = pytest.mark.usefixtures("unmeasured")  # the others here run the same code
READY = "print('ready', flush=True); time.sleep(600)"


def when_ready(spec: JobSpec) -> bool:
    return has(spec.log, "ready")()


def started(spec: JobSpec) -> LocalAttempt:
    attempt = LocalExecutor().start(spec, is_done=never, out_of_time=never)
    assert isinstance(attempt, LocalAttempt)
    return attempt


def ended(attempt: LocalAttempt) -> DoneRecord:
    done = until(attempt.poll)
    assert done is not None
    return done


# what a command is given, and what is kept of it


@UNMEASURED
@pytest.mark.parametrize("status", [0, 1, EXIT_STOPPED, *(pytest.param(n, marks=SLOW) for n in (2, 3, 255))])
def test_the_exit_status_is_kept(place: Path, status: int) -> None:
    done = run(job(place, f"raise SystemExit({status})"))
    assert done.returncode == status
    assert done.stopped == (status == 75)
    assert done.reason == ""


@UNMEASURED
def test_a_command_that_a_signal_ended_has_a_negative_status(place: Path) -> None:
    done = run(job(place, "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"))
    assert done.returncode == -signal.SIGSEGV
    assert done.reason == ""
    assert not done.stopped


@UNMEASURED
def test_both_streams_are_kept_from_the_first_byte(place: Path) -> None:
    code = "import os; os.write(2, b'first\\n'); os.write(1, b'second\\n'); os.write(2, b'no line end')"
    spec = job(place, code, log=place / "deep" / "log")
    done = run(spec)
    head, *lines = spec.log.read_text().split("\n")
    assert head == f"--- attempt 1, {done.started}, {socket.gethostname()}"
    assert lines == ["first", "second", "no line end"]
    assert done.tail == lines
    assert done.log == str(spec.log)


@UNMEASURED
def test_attempts_follow_one_another_in_the_log(place: Path) -> None:
    spec = job(place, "print('once more')")
    numbers = [run(spec).attempt for _ in range(2)]
    assert numbers == [1, 2]
    lines = spec.log.read_text().splitlines()
    assert [line.split(",")[0] for line in lines[::2]] == [f"--- attempt {number}" for number in numbers]
    assert lines[1::2] == ["once more"] * 2


@UNMEASURED
def test_bytes_that_are_no_text_are_kept_as_they_are(place: Path) -> None:
    done = run(spec := job(place, "import os; os.write(1, bytes(range(256)) * 100)"))
    assert bytes(range(256)) * 100 in spec.log.read_bytes()
    assert all(isinstance(line, str) for line in done.tail)


@UNMEASURED
def test_megabytes_of_output_are_kept_and_their_last_lines_recorded(place: Path) -> None:
    done = run(spec := job(place, "for number in range(300_000): print('line', number)"))
    assert spec.log.read_text().splitlines()[1:] == [f"line {number}" for number in range(300_000)]
    assert done.tail == [f"line {number}" for number in range(299_980, 300_000)]


@pytest.mark.parametrize(
    "code",
    ["print('x' * 500_000 + 'end')", "for _ in range(30): print('\\xe4' * 20_000 + 'end')"],
    ids=["one line", "many, not ASCII"],
)
def test_endless_lines_do_not_hold_the_supervisor_up(place: Path, code: str) -> None:
    """A progress bar is one line; what it ends with is kept, and the pipe to the launcher never fills."""
    spec = replace(job(place, code), environment={"PYTHONUTF8": "1"}, command=(sys.executable, "-c", code))
    done = run(spec)
    assert spec.log.stat().st_size > 500_000
    assert done.tail
    assert all(line.endswith("end") and len(line) < 1000 for line in done.tail)
    assert read_done(spec.files) == done


@UNMEASURED
def test_the_environment_is_added_to(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INHERITED", "yes")
    monkeypatch.setenv("REPLACED", "no")
    spec = job(
        place,
        "import os; print(os.environ['INHERITED'], os.environ['REPLACED'], os.environ['ADDED'])",
        environment={"REPLACED": "yes", "ADDED": "ä = ö"},
    )
    assert run(spec).tail == ["yes yes ä = ö"]


@UNMEASURED
def test_the_command_gets_no_input(place: Path) -> None:
    assert run(job(place, "import sys; print(repr(sys.stdin.read()))")).tail == ["''"]


@UNMEASURED
def test_the_command_runs_where_its_launcher_does(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here := place / "here").mkdir()
    (here / "psutil.py").write_text("raise SystemExit('imported from the current folder')")
    monkeypatch.chdir(here)
    assert run(job(place, "import os; print(os.getcwd())")).tail == [str(here)]


def test_a_command_may_close_its_output_and_run_on(place: Path) -> None:
    code = (
        f"import os, sys, time; {POLITE} print('ready', flush=True); os.close(1); os.close(2); time.sleep(1)"
    )
    done = run(job(place, code))
    assert done.returncode == 0
    assert done.seconds >= 1
    assert done.tail == ["ready"]


# records


def test_the_records_of_an_attempt_are_whole(place: Path) -> None:
    spec = job(place, "print('done')", deadline_s=3600.0)
    attempt = started(spec)
    launch = attempt.launch
    done = ended(attempt)
    assert launch == read_launch(spec.files)
    assert done == read_done(spec.files)
    assert (launch.attempt, done.attempt) == (1, 1)
    assert launch.command == done.command == list(spec.command)
    assert launch.host == done.host == socket.gethostname()
    assert launch.pid == attempt.supervisor.pid
    assert (launch.folder, launch.log, launch.done) == (str(spec.folder), str(spec.log), str(spec.files.done))
    assert launch.detached is False
    assert launch.deadline is not None
    span = datetime.fromisoformat(launch.deadline) - datetime.fromisoformat(launch.started)
    assert span.total_seconds() == pytest.approx(3600, abs=60)
    assert datetime.fromisoformat(done.started) <= datetime.fromisoformat(done.ended)
    assert done.seconds > 0
    on_disk = json.loads(spec.files.done.read_text())
    assert on_disk.keys() == {field.name for field in fields(DoneRecord)}


@UNMEASURED
def test_the_state_log_holds_the_attempt_in_order(place: Path) -> None:
    spec = job(place, "pass")
    done = run(spec)
    launched, running, last = read_states(spec.files.states)
    assert [event["state"] for event in (launched, running, last)] == ["launched", "running", "ended"]
    assert (launched["attempt"], launched["detached"]) == (1, False)
    assert running["pid"] not in (launched["pid"], os.getpid())
    names = ("attempt", "returncode", "reason", "seconds", "cpu_s", "peak_bytes")
    assert {name: last[name] for name in names} == {name: getattr(done, name) for name in names}


@UNMEASURED
def test_the_completion_record_is_written_last(place: Path) -> None:
    """Its existence is the signal: whoever sees it finds everything else in place."""
    spec = job(place, "print('the work')")
    attempt = started(spec)
    until(spec.files.done.exists)
    assert states(spec)[-1] == "ended"
    assert spec.log.read_text().endswith("the work\n")
    assert ended(attempt).returncode == 0


@UNMEASURED
def test_a_new_attempt_is_not_taken_for_the_one_before(place: Path) -> None:
    run(job(place, "pass"))
    spec = job(place, f"import time; {POLITE} {READY}")
    attempt = started(spec)
    assert attempt.launch.attempt == 2
    assert read_done(spec.files) is None
    until(has(spec.log, "ready"))
    assert attempt.stop().attempt == 2


@UNMEASURED
def test_a_lost_state_log_brings_no_old_record_back(place: Path) -> None:
    """The attempt's number begins anew; the record of another first attempt must not speak for it."""
    spec = job(place, "pass")
    run(spec)
    spec.files.states.unlink()
    again = job(place, f"import time; {POLITE} {READY}")
    attempt = started(again)
    assert read_done(again.files) is None
    until(has(again.log, "ready"))
    assert attempt.stop().stopped


@UNMEASURED
def test_the_claim_is_held_while_the_command_runs_and_given_back(place: Path) -> None:
    spec = job(place, f"import time; {POLITE} {READY}")
    attempt = started(spec)
    claim = read_claim(spec.files.claim)
    assert claim is not None
    assert claim.alive
    assert (claim.holder.pid, claim.token) == (attempt.launch.pid, attempt.launch.token)
    until(has(spec.log, "ready"))
    attempt.stop()
    assert read_claim(spec.files.claim) is None


@UNMEASURED
def test_memory_and_processor_time_are_measured(place: Path) -> None:
    """Of the whole tree: the child's memory comes and goes between two looks."""
    code = """
import subprocess, sys, time
subprocess.run([sys.executable, "-ISc", "x = b'x' * 200_000_000"])
subprocess.run([sys.executable, "-ISc", "import time\\nwhile time.process_time() < 0.4: pass"])
while time.process_time() < 0.2: pass
"""
    done = run(job(place, code))
    assert 200e6 < done.peak_bytes < 400e6
    assert 0.6 <= done.cpu_s < 20


# how an attempt is stopped


def stopped_while_it_runs(spec: JobSpec) -> DoneRecord:
    done = run(spec, out_of_time=lambda: when_ready(spec))
    assert not runs(
        next(event["pid"] for event in read_states(spec.files.states) if event["state"] == "running")
    )
    assert read_claim(spec.files.claim) is None
    return done


def test_a_command_that_saves_its_work_is_stopped(place: Path) -> None:
    spec = job(place, f"import time; {POLITE} {READY}")
    done = stopped_while_it_runs(spec)
    assert done.stopped
    assert done.returncode == EXIT_STOPPED
    assert done.reason == "asked by its launcher"
    assert states(spec) == ["launched", "running", "stopping", "ended"]


@UNMEASURED
def test_a_command_that_knows_no_stop_dies_of_it(place: Path) -> None:
    """As any does before it listens: it goes on with the next attempt all the same."""
    done = stopped_while_it_runs(job(place, f"import time; {READY}"))
    assert done.returncode == -signal.SIGTERM
    assert done.stopped


@UNMEASURED
def test_a_command_that_finishes_when_asked_is_finished(place: Path) -> None:
    code = f"import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); {READY}"
    done = stopped_while_it_runs(job(place, code))
    assert done.returncode == 0
    assert done.reason == "asked by its launcher"
    assert not done.stopped


def test_a_command_that_ignores_the_request_is_killed_after_the_grace(place: Path) -> None:
    """And is never taken for one that came to its end."""
    done = stopped_while_it_runs(job(place, f"{STUBBORN} {READY}", grace_s=1.0))
    assert done.returncode == -signal.SIGKILL
    assert done.stopped
    assert done.seconds >= 1.0


def test_a_command_that_is_held_up_is_killed_after_the_grace(place: Path) -> None:
    code = (  # it hears nothing between its word and its stop, either
        f"import os, signal, time; {POLITE} signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM]); "
        "print('ready', flush=True); os.kill(os.getpid(), signal.SIGSTOP); "
        "signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])"
    )
    done = stopped_while_it_runs(job(place, code, grace_s=1.0))
    assert done.returncode == -signal.SIGKILL


@UNMEASURED
def test_the_last_words_of_a_command_that_stops_are_kept(place: Path) -> None:
    code = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit('saved row 17')); "
    assert stopped_while_it_runs(job(place, code + READY)).tail == ["ready", "saved row 17"]


@pytest.mark.parametrize(
    "number",
    [signal.SIGTERM, *(pytest.param(n, marks=SLOW) for n in (signal.SIGINT, signal.SIGHUP))],
)
def test_a_signal_to_the_supervisor_stops_the_command(place: Path, number: signal.Signals) -> None:
    spec = job(place, f"import time; {POLITE} {READY}")
    attempt = started(spec)
    until(has(spec.log, "ready"))
    os.kill(attempt.launch.pid, number)
    done = ended(attempt)
    assert done.stopped
    assert done.reason == number.name


def test_a_stop_file_stops_the_command(place: Path) -> None:
    spec = job(place, f"import time; {POLITE} {READY}")
    attempt = started(spec)
    until(has(spec.log, "ready"))
    spec.files.stop.touch()
    done = ended(attempt)
    assert done.stopped
    assert done.reason == "asked by a stop file"


@UNMEASURED
def test_a_stop_file_of_an_earlier_attempt_stops_nobody(place: Path) -> None:
    spec = job(place, "print('done')")
    spec.folder.mkdir()
    spec.files.stop.touch()
    assert run(spec).returncode == 0
    assert not spec.files.stop.exists()


def test_an_attempt_has_a_deadline_of_its_own(place: Path) -> None:
    done = run(job(place, f"import time; {POLITE} {READY}", deadline_s=1.5))
    assert done.stopped
    assert done.reason == "its own deadline of 1.5 s"
    assert done.seconds < 1.5 + 30


@UNMEASURED
def test_a_command_that_ended_by_itself_before_the_stop_is_finished(place: Path) -> None:
    attempt = started(spec := job(place, "print('done')"))
    until(spec.files.done.exists)
    done = attempt.stop()
    assert (done.returncode, done.reason) == (0, "")


def test_whoever_loses_the_place_stops_and_leaves_the_records_alone(place: Path) -> None:
    """This machine slept for longer than a lease, and another one took the job over."""
    spec = job(place, f"import time; {POLITE} {READY}")
    attempt = started(spec)
    until(has(spec.log, "ready"))
    claim = json.loads(spec.files.claim.read_text())
    claim["holder"]["host"] = "elsewhere/pid:[1]"
    theirs = json.dumps({**claim, "token": "theirs"})
    spec.files.claim.write_text(theirs)
    done = ended(attempt)
    assert done.stopped
    who = f"pid {claim['holder']['pid']} on elsewhere"
    assert done.reason == f"another process took its place ({who}) after its heart had stopped"
    assert spec.files.claim.read_text() == theirs
    assert not spec.files.done.exists()
    assert "ended" not in states(spec)


# what cannot be


def refusal(spec: JobSpec) -> InputError:
    with pytest.raises(InputError) as caught:
        brought(spec)
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    "program",
    [
        "no-such-program",
        "/",
        *(pytest.param(name, marks=SLOW) for name in ("/no/such/program", "/etc/passwd")),
    ],
)
def test_a_command_that_cannot_be_started_is_one_clear_line(place: Path, program: str) -> None:
    spec = replace(job(place, ""), command=(program, "--flag"))
    error = refusal(spec)
    assert isinstance(error, JobError)
    assert str(error).startswith(f"{program}: cannot be started: ")
    assert read_claim(spec.files.claim) is None
    assert states(spec) == ["launched", "refused"]
    assert run(job(place, "pass")).attempt == 2


@pytest.mark.parametrize(("where", "why"), [("folder", "Not a directory"), ("log", "File exists")])
def test_a_place_that_cannot_be_written_is_one_clear_line(place: Path, where: str, why: str) -> None:
    """Root may write anywhere, so the place lies below a file."""
    (place / "file").touch()
    spec = replace(job(place, "pass"), **{where: place / "file" / "below"})
    error = refusal(spec)
    assert isinstance(error, StorageError)
    assert str(place / "file") in str(error)
    assert why in str(error)


@pytest.mark.skipif(sys.platform != "linux", reason="nobody can write into /proc")
def test_a_file_system_that_cannot_be_written_is_one_clear_line(place: Path) -> None:
    error = refusal(replace(job(place, "pass"), folder=Path("/proc/job")))
    assert isinstance(error, StorageError)
    assert str(error).startswith("/proc/job: ")


def test_a_damaged_claim_is_one_clear_line(place: Path) -> None:
    spec = job(place, "pass")
    spec.folder.mkdir()
    spec.files.claim.write_text("{")
    error = refusal(spec)
    assert isinstance(error, JobError)
    assert str(error).startswith(f"{spec.files.claim}: is no claim")


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full")
def test_a_full_disk_for_the_log_ends_nothing(place: Path) -> None:
    """What the command said last, and what was lost, stands in the completion record."""
    (place / "log").symlink_to("/dev/full")
    done = run(job(place, "print('said')"))
    assert done.returncode == 0
    lost = f"{place / 'log'}: No space left on device; the last lines are in the completion record"
    assert done.tail == ["said", lost]


def test_a_supervisor_that_cannot_live_says_so_in_one_line(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "broken").mkdir()
    (place / "broken" / "psutil.py").write_text("raise ImportError('this psutil is broken')")
    monkeypatch.setenv("PYTHONPATH", str(place / "broken"))
    error = refusal(job(place, "pass"))
    assert isinstance(error, JobError)
    assert str(error) == "the supervisor ended with exit status 1: ImportError: this psutil is broken"


def test_a_supervisor_that_hangs_is_ended_with_all_it_keeps(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "_SUPERVISOR_S", 1.0)
    spec = job(place, f"import time; {POLITE} {READY}", grace_s=0.5)
    attempt = started(spec)
    until(has(spec.log, "ready"))
    os.kill(attempt.launch.pid, signal.SIGSTOP)
    with pytest.raises(JobError, match=f"attempt 1 ended without a completion record .*{spec.log}"):
        attempt.stop()
    assert not runs(attempt.launch.pid)


# before it begins


def test_what_is_done_is_not_started(place: Path) -> None:
    spec = job(place, "print('never')")
    assert brought(spec, is_done=lambda: True) == Ended("finished")
    assert not spec.log.exists()
    assert read_launch(spec.files) is None
    assert read_claim(spec.files.claim) is None


@UNMEASURED
def test_it_is_asked_whether_it_is_done_only_under_the_claim(place: Path) -> None:
    spec = job(place, "pass")
    seen = []

    def is_done() -> bool:
        claim = read_claim(spec.files.claim)
        seen.append(claim is not None and claim.alive)
        return False

    run(spec, is_done=is_done)
    assert seen == [True]


@UNMEASURED
def test_a_launcher_that_cannot_tell_whether_it_is_done_leaves_nothing_held(place: Path) -> None:
    spec = job(place, "pass")

    def is_done() -> bool:
        raise RuntimeError("cannot tell")

    with pytest.raises(RuntimeError, match="cannot tell"):
        run(spec, is_done=is_done)
    assert read_claim(spec.files.claim) is None
    assert not spec.log.exists()


def test_a_supervisor_that_is_killed_before_it_begins_is_one_clear_line(place: Path) -> None:
    spec = job(place, "pass")

    def is_done() -> bool:
        claim = read_claim(spec.files.claim)
        assert claim is not None
        os.kill(claim.holder.pid, signal.SIGKILL)
        until(lambda: not runs(claim.holder.pid))
        return False

    with pytest.raises(JobError, match="the supervisor ended with exit status -9"):
        run(spec, is_done=is_done)
    assert run(spec).attempt == 1


def test_the_heart_beats_while_the_launcher_makes_up_its_mind(place: Path) -> None:
    """It may read many files: a supervisor elsewhere must not take the silence for death."""
    spec = job(place, "pass")

    def is_done() -> bool:
        long_ago = time.time() - 1000
        os.utime(spec.files.claim, (long_ago, long_ago))
        until(lambda: spec.files.claim.stat().st_mtime > long_ago + 500)
        return False

    assert run(spec, is_done=is_done).returncode == 0


def test_a_supervisor_whose_launcher_dies_before_it_says_go_gives_the_place_back(place: Path) -> None:
    spec = job(place, "print('never')")
    supervisor = subprocess.Popen(
        [sys.executable, "-m", "ptycho_compare.jobs.supervisor", spec.to_json()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert supervisor.stdout is not None
    assert json.loads(supervisor.stdout.readline()) == {"event": "held"}
    supervisor.communicate(timeout=PATIENCE_S)
    assert read_claim(spec.files.claim) is None
    assert not spec.log.exists()


@UNMEASURED
def test_no_pipe_is_left_open(place: Path) -> None:
    process = psutil.Process()
    before = process.num_fds()
    spec = job(place, "pass")
    for _ in range(2):
        run(spec)
        brought(spec, is_done=lambda: True)
        refusal(replace(spec, command=("/no/such/program",)))
    assert process.num_fds() == before


def test_a_spec_is_found_again_in_its_json(place: Path) -> None:
    spec = job(place, "pass", "ä", environment={"A": "1"}, slots=2, slots_folder=place, deadline_s=1.0)
    assert JobSpec.from_json(spec.to_json()) == spec
    assert asdict(JobSpec.from_json(job(place, "pass").to_json())) == asdict(job(place, "pass"))


def test_a_supervisor_that_does_not_begin_is_given_up_when_the_time_is_over(place: Path) -> None:
    """Somebody who is stopped holds the lock; a disk that does not answer does the same."""
    spec = job(place, "pass", grace_s=1.0)
    began = time.monotonic()
    with nobody_begins(spec.files):
        found = brought(spec, out_of_time=lambda: True)
        assert time.monotonic() - began < _LOCK_TIMEOUT_S  # which the supervisor itself would wait
    assert found.state == "not begun"
    (finding,) = found.findings
    assert finding.kind == "window"
    assert "did not begin in the time there was, and was ended" in finding.text
    assert run(spec).returncode == 0
