"""Jobs on this machine: a keeper in a session of its own, and under it the command."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ptycho_compare.errors import JobError, StorageError
from ptycho_compare.jobs import tree
from ptycho_compare.jobs.executor import Busy
from ptycho_compare.jobs.record import DoneRecord, JobSpec, LaunchRecord, read_done


@dataclass
class LocalAttempt:
    """See `executor.Attempt`."""

    spec: JobSpec
    launch: LaunchRecord
    keeper: subprocess.Popen[str]

    def poll(self) -> DoneRecord | None:
        """See `executor.Attempt.poll`."""
        return None if self.keeper.poll() is None else self._ending()

    def stop(self) -> DoneRecord:
        """See `executor.Attempt.stop`."""
        try:
            self._say("stop")
            # the keeper ends its tree after the grace; should it hang itself, it is ended here
            self.keeper.wait(timeout=self.spec.grace_s + 5.0)
        except BaseException:  # also a second Ctrl-C
            self._kill()
            raise
        return self._ending()

    def leave(self) -> None:
        """See `executor.Attempt.leave`."""
        for pipe in (self.keeper.stdin, self.keeper.stdout):
            if pipe is not None:
                pipe.close()
        # not ours to wait for any more: without this, Popen warns that it still runs
        self.keeper.returncode = 0

    def _say(self, word: str) -> None:
        try:
            print(word, file=self.keeper.stdin, flush=True)
        except BrokenPipeError:
            return  # it has ended

    def _kill(self) -> None:
        tree.end(self.launch.token, root=self.keeper.pid, grace_s=1.0)
        self.keeper.wait()

    def _ending(self) -> DoneRecord:
        """Take the completion record from the pipe, since the disk may be full, else from the disk."""
        heard = [] if self.keeper.stdout is None or self.keeper.stdout.closed else list(self.keeper.stdout)
        for event in map(json.loads, heard):
            if event.pop("event") == "ended":
                return DoneRecord(**event)
        done = read_done(self.spec.files)
        if done is None or done.attempt != self.launch.attempt:
            # nobody keeps what is left of the command
            tree.end(self.launch.token, grace_s=1.0)
            raise JobError(
                f"{self.spec.folder}: attempt {self.launch.attempt} ended without a completion record "
                f"(keeper {self.launch.pid}: exit status {self.keeper.returncode}); its last words are in "
                f"{self.spec.log}; the next run goes on from the last checkpoint"
            )
        return done


class LocalExecutor:
    """See `executor.Executor`."""

    def start(self, spec: JobSpec, *, is_done: Callable[[], bool]) -> LocalAttempt | Busy | None:
        """See `executor.Executor.start`."""
        keeper = subprocess.Popen(
            [sys.executable, "-m", "ptycho_compare.jobs.keeper", spec.to_json()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if not spec.detached else subprocess.DEVNULL,
            text=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )
        try:
            heard = _hear(keeper)
            if heard["event"] == "busy":
                keeper.wait()
                return Busy(heard["host"], heard["pid"])
            _require(keeper, heard, "held")
            if is_done():
                _finish(keeper, "cancel")
                return None
            print("go", file=keeper.stdin, flush=True)
            heard = _hear(keeper)
            _require(keeper, heard, "launched")
        except BaseException:
            _finish(keeper, "cancel")
            raise
        del heard["event"]
        return LocalAttempt(spec, LaunchRecord(**heard), keeper)


def _hear(keeper: subprocess.Popen[str]) -> dict[str, Any]:
    line = "" if keeper.stdout is None else keeper.stdout.readline()
    if not line:
        keeper.wait()
        words = "" if keeper.stderr is None else keeper.stderr.read().strip()
        raise JobError(f"the keeper ended with status {keeper.returncode}: {words.splitlines()[-1:] or ['']}")
    heard: dict[str, Any] = json.loads(line)
    return heard


def _require(keeper: subprocess.Popen[str], heard: dict[str, Any], event: str) -> None:
    if heard["event"] == event:
        return
    keeper.wait()
    raise StorageError(str(heard.get("reason", heard)))


def _finish(keeper: subprocess.Popen[str], word: str) -> None:
    with contextlib.suppress(BrokenPipeError, ValueError):  # it has ended already
        print(word, file=keeper.stdin, flush=True)
    try:
        keeper.wait(timeout=10)
    except subprocess.TimeoutExpired:
        keeper.kill()
        keeper.wait()
