"""Jobs on this machine: a supervisor in a session of its own, and the command under it."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Any

from ptycho_compare.errors import InputError, JobError, NotBegunError, StorageError
from ptycho_compare.jobs import tree
from ptycho_compare.jobs.executors.protocol import Running
from ptycho_compare.jobs.record import DoneRecord, JobSpec, LaunchRecord, read_done
from ptycho_compare.sigterm import kept_waiting

_LOOK_S = 0.1
_SUPERVISOR_S = 5.0
"""What a supervisor needs, beyond the grace, to end its tree and write its records."""


@dataclass
class LocalAttempt:
    """See `protocol.Attempt`."""

    spec: JobSpec
    launch: LaunchRecord
    supervisor: subprocess.Popen[str]

    def poll(self) -> DoneRecord | None:
        """See `protocol.Attempt.poll`."""
        return None if self.supervisor.poll() is None else self._ending()

    def stop(self) -> DoneRecord:
        """See `protocol.Attempt.stop`."""
        try:
            _send(self.supervisor, "stop")
            # the supervisor ends its tree after the grace; should it hang itself, it is ended here
            self.supervisor.wait(timeout=self.spec.grace_s + _SUPERVISOR_S)
        except subprocess.TimeoutExpired:
            self._kill()
        except BaseException:  # a second Ctrl-C
            self._kill()
            raise
        return self._ending()

    def leave(self) -> Running:
        """See `protocol.Attempt.leave`."""
        for pipe in (self.supervisor.stdin, self.supervisor.stdout):
            if pipe is not None:
                pipe.close()
        # nobody waits for it any more: without this, Popen warns that it still runs
        self.supervisor.returncode = 0
        return Running(self.launch.host, self.launch.pid, self.launch.token, self.launch)

    def _kill(self) -> None:
        tree.end(self.launch.token, root=self.supervisor.pid, grace_s=1.0)
        self.supervisor.wait()

    def _ending(self) -> DoneRecord:
        """Take the completion record from the pipe, since the disk may be full, else from the disk."""
        events, complaint = _finish(self.supervisor)
        if "ended" in events:
            return DoneRecord(**events["ended"])
        done = read_done(self.spec.files)
        if done is not None and done.attempt == self.launch.attempt:
            return done
        tree.end(self.launch.token, grace_s=1.0)  # nobody supervises what is left of the command
        if "refused" in events:
            raise _refusal(**events["refused"])
        raise JobError(
            f"{self.spec.folder}: attempt {self.launch.attempt} ended without a completion record "
            f"(supervisor {self.launch.pid}: exit status {self.supervisor.returncode}{complaint}); see "
            f"{self.spec.log}; the next run goes on from the last checkpoint"
        )


class LocalExecutor:
    """See `protocol.Executor`."""

    def start(
        self, spec: JobSpec, *, is_done: Callable[[], bool], out_of_time: Callable[[], bool]
    ) -> LocalAttempt | Running | None:
        """See `protocol.Executor.start`."""
        with kept_waiting(signal.SIGTERM):  # until the supervisor can hear it: it may be sent to all of us
            supervisor = subprocess.Popen(
                # -P: what lies in the current folder is nothing to import
                [sys.executable, "-P", "-m", "ptycho_compare.jobs.supervisor", spec.to_json()],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE if not spec.detached else subprocess.DEVNULL,
                text=True,
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
                start_new_session=True,
            )
        try:
            event, facts = _next_event(supervisor, spec, out_of_time)
            if event == "busy":
                _finish(supervisor)
                return Running(**facts)
            if is_done():
                _cancel(supervisor, spec)
                return None
            _send(supervisor, "go")
            _, launch = _next_event(supervisor, spec, out_of_time)
        except BaseException:
            _cancel(supervisor, spec)
            raise
        return LocalAttempt(spec, LaunchRecord(**launch), supervisor)


def _send(supervisor: subprocess.Popen[str], message: str) -> None:
    with contextlib.suppress(BrokenPipeError):  # it has ended
        print(message, file=supervisor.stdin, flush=True)


def _next_event(
    supervisor: subprocess.Popen[str], spec: JobSpec, out_of_time: Callable[[], bool]
) -> tuple[str, dict[str, Any]]:
    """Wait for the next event, for half the grace longer than there is time: its name and facts."""
    over_at = inf
    output = supervisor.stdout
    while output is not None and not select.select([output], [], [], _LOOK_S)[0]:
        now = time.monotonic()
        over_at = min(over_at, now + spec.grace_s / 2) if out_of_time() else over_at
        if now >= over_at:
            supervisor.kill()  # its command, if it has any by now, dies with it
            raise NotBegunError(
                f"{spec.folder}: its supervisor (pid {supervisor.pid}) did not begin in the time there was, "
                "and was ended; run the same command again"
            )
    line = "" if supervisor.stdout is None else supervisor.stdout.readline()
    if not line:
        _, complaint = _finish(supervisor)
        raise JobError(f"the supervisor ended with exit status {supervisor.returncode}{complaint}")
    facts: dict[str, Any] = json.loads(line)
    event = facts.pop("event")
    if event == "refused":
        raise _refusal(**facts)
    return event, facts


def _refusal(*, reason: str, storage: bool) -> InputError:
    return StorageError(reason) if storage else JobError(reason)


def _finish(supervisor: subprocess.Popen[str]) -> tuple[dict[str, dict[str, Any]], str]:
    """Wait for a supervisor: the events not yet read, by name, and the last line of its standard error."""
    lines = [] if supervisor.stdout is None or supervisor.stdout.closed else list(supervisor.stdout)
    events = {facts.pop("event"): facts for facts in map(json.loads, lines)}
    _, errors = supervisor.communicate()
    *_, last = ["", *(errors or "").splitlines()]
    return events, last and f": {last}"


def _cancel(supervisor: subprocess.Popen[str], spec: JobSpec) -> None:
    """End a supervisor, whatever it does: it gives its claim back, and leaves nobody behind."""
    supervisor.terminate()
    try:
        supervisor.wait(timeout=spec.grace_s + _SUPERVISOR_S)
    except subprocess.TimeoutExpired:
        supervisor.kill()
    _finish(supervisor)
