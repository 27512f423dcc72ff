"""A supervisor's watch over the command: its output, its memory, and its end."""

from __future__ import annotations

import contextlib
import os
import resource
import selectors
import subprocess
import sys
import time
from collections import deque
from typing import BinaryIO

import psutil

from ptycho_compare.jobs import tree
from ptycho_compare.jobs.claim import Claim
from ptycho_compare.jobs.record import JobSpec
from ptycho_compare.jobs.states import append_if_possible
from ptycho_compare.jobs.stop_requests import StopRequests

_TICK_S = 0.1
_SAMPLE_S = 2.0
_TAIL_LINES, _TAIL_BYTES = 20, 400  # of a line; all of it, written as JSON, fits into a pipe
_READ_BYTES, _PIPE_READS = 65536, 16


class Watch:
    """The command while it runs: its output copied, its memory looked at, its end brought about.

    Attributes
    ----------
    reason : str
        Why it was asked to stop; empty when it was not.
    seconds, peak_bytes : float, int
        Wall time, and the largest resident memory of the tree.
    tail : deque of str
        The last lines of its output.
    """

    def __init__(
        self,
        spec: JobSpec,
        requests: StopRequests,
        claim: Claim,
        child: subprocess.Popen[bytes],
        log: BinaryIO,
    ) -> None:
        self.child = child
        self._spec, self._requests, self._claim, self._log = spec, requests, claim, log
        self.reason, self.seconds, self.peak_bytes = "", 0.0, 0
        self.tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._part = b""
        self._lost = ""
        assert child.stdout is not None  # noqa: S101 (asked for with PIPE)
        self._output = child.stdout
        os.set_blocking(self._output.fileno(), False)

    def until_the_end(self, heading: str) -> None:
        """Watch until the command has ended; its output stands below `heading` in the log."""
        began = time.monotonic()
        self._write(f"{heading}\n".encode())
        append_if_possible(self._spec.files.states, "running", pid=self.child.pid)
        sampled = kill_at = 0.0
        with selectors.DefaultSelector() as selector:
            selector.register(self._output, selectors.EVENT_READ)
            while self.child.poll() is None:
                if selector.select(_TICK_S) and not self._copy():
                    selector.unregister(self._output)  # closed by the command, which runs on
                now = time.monotonic()
                if now - sampled >= _SAMPLE_S:
                    self._sample()
                    sampled = now
                reason = self._requests.stop_reason()
                if reason and not kill_at:
                    self._ask(reason)
                    kill_at = now + self._spec.grace_s
                elif kill_at and now >= kill_at:
                    tree.end(self._claim.token, root=os.getpid(), grace_s=0.5)
                    self.child.kill()  # also where /proc shows other processes than ours
        self.seconds = time.monotonic() - began

    def read_the_rest(self) -> None:
        """Read what the pipe still holds, and no more: a process that escaped may write for ever."""
        for _ in range(_PIPE_READS):
            if not self._copy():
                break
        self.tail.extend(text for text in (self._part.decode(errors="replace"), self._lost) if text)
        if sys.platform == "linux":  # what came and went between two looks
            largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
            self.peak_bytes = max(self.peak_bytes, largest)

    def _ask(self, reason: str) -> None:
        self.reason = reason
        append_if_possible(self._spec.files.states, "stopping", reason=reason)
        self.child.terminate()

    def _copy(self) -> bool:
        """Copy what there is to the log; True when there may be more."""
        try:
            data = os.read(self._output.fileno(), _READ_BYTES)
        except BlockingIOError:
            return False
        self._write(data)
        *lines, part = (self._part + data).split(b"\n")
        self._part = part[-_TAIL_BYTES:]  # of a progress bar's endless line its newest state
        self.tail.extend(line[-_TAIL_BYTES:].decode(errors="replace") for line in lines)
        return bool(data)

    def _write(self, data: bytes) -> None:
        try:
            self._log.write(data)
        except OSError as error:  # a full disk must not end the run: the command will say what it lost
            self._lost = f"{self._spec.log}: {error.strerror}; the last lines are in the completion record"

    def _sample(self) -> None:
        total = 0
        for process in tree.descendants(os.getpid())[1:]:
            with contextlib.suppress(psutil.Error):
                total += process.memory_info().rss
                if process.pid != self.child.pid and process.status() == psutil.STATUS_ZOMBIE:
                    process.wait(0)  # an orphan, which became this process's child
        self.peak_bytes = max(self.peak_bytes, total)
