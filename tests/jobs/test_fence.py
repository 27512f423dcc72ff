"""A foreign command ends as it ends, and is ended where its place was lost."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from processes import runs, until
from ptycho_compare.jobs.claim import LEASE_VARIABLE, living_claim, why_lost
from ptycho_compare.jobs.executors.local import LocalAttempt, LocalExecutor
from ptycho_compare.jobs.record import JobSpec
from stolen import steal

from .commands import POLITE, STUBBORN, WAIT, await_ready, brought, command_of, job, never, run

pytestmark = pytest.mark.usefixtures("unmeasured")


def fenced(place: Path, code: str) -> JobSpec:
    return job(place, code, fenced=True, grace_s=5.0)


def launched(spec: JobSpec) -> LocalAttempt:
    attempt = LocalExecutor().start(spec, is_done=never, out_of_time=never)
    assert isinstance(attempt, LocalAttempt)
    await_ready(spec)
    return attempt


@pytest.mark.parametrize(
    ("code", "returncode"),
    [
        ("print('done')", 0),
        ("raise SystemExit(3)", 3),
        ("import os; os.kill(os.getpid(), 9)", -signal.SIGKILL),
        ("import os; os.kill(os.getpid(), 15)", -signal.SIGTERM),
    ],
)
def test_a_command_behind_its_fence_ends_as_it_does_without(place: Path, code: str, returncode: int) -> None:
    assert run(fenced(place, code)).returncode == returncode


def test_a_request_to_stop_passes_the_fence(place: Path) -> None:
    record = launched(fenced(place, POLITE + WAIT)).stop()
    assert (record.returncode, record.stopped) == (75, True)


def test_a_command_that_is_not_there_is_refused_in_one_line(place: Path) -> None:
    ended = brought(replace(fenced(place, ""), command=("/no/such/program",)))
    assert ended.state == "refused"
    (finding,) = ended.findings
    assert finding.text == "exit status 2: /no/such/program: cannot be started: No such file or directory"


@pytest.mark.parametrize("code", [POLITE, STUBBORN], ids=["polite", "stubborn"])
def test_a_foreign_command_ends_once_its_stopped_supervisor_lost_the_place(
    place: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    monkeypatch.setenv(LEASE_VARIABLE, "5s")
    spec = fenced(place, code + WAIT)
    attempt = launched(spec)
    os.kill(attempt.launch.pid, signal.SIGSTOP)
    steal(spec.files)
    until(lambda: not runs(command_of(spec)))  # though its supervisor stands still
    os.kill(attempt.launch.pid, signal.SIGCONT)
    until(lambda: attempt.supervisor.poll() is not None)
    claim = living_claim(spec.files.claim)  # theirs stays
    assert claim is not None
    assert claim.token == "theirs"
    assert "ended by the loss of its place: another process took its place (pid " in spec.log.read_text()
    assert why_lost(spec.files.claim, attempt.launch.token)
    attempt.poll()
