"""What tells a supervisor to stop: signals, the launcher's pipe, the stop file, the clock, its claim."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections import deque

from ptycho_compare.errors import JobError
from ptycho_compare.jobs.claim import HEARTBEAT_S, Claim
from ptycho_compare.jobs.record import ASKED_BY_LAUNCHER, JobSpec

_END_OF_INPUT = b""


class StopRequests:
    """Listens while a job is kept; made once, in the supervisor's main thread.

    Attributes
    ----------
    claim : Claim or None
        The supervisor's, once it is taken; its heart beats whenever requests are asked for.
    slot : Claim or None
        The slot in which its command runs; its heart beats with the claim's.
    lost : bool
        Whether another process holds the place now: this machine slept, and was silent for too long.
    """

    def __init__(self, spec: JobSpec) -> None:
        self._spec = spec
        self._signal = ""
        self._launcher = os.getppid()
        self._line = b""
        self._began = time.monotonic()
        self._beat_at = 0.0
        self.words: deque[str] = deque()
        self.claim: Claim | None = None
        self.slot: Claim | None = None
        self.lost = False
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._take)
        os.set_blocking(sys.stdin.fileno(), False)

    def _take(self, number: int, _frame: object) -> None:
        self._signal = signal.Signals(number).name

    def stop_reason(self) -> str:
        """Why the job has to stop now; empty when it has not."""
        self._listen()
        self._beat()
        if self.lost:
            return "another process took its place"
        if self._signal:
            return self._signal
        if "stop" in self.words:
            return ASKED_BY_LAUNCHER
        if self._spec.files.stop.exists():
            return "asked by a stop file"
        if self._spec.deadline_s is not None and time.monotonic() - self._began >= self._spec.deadline_s:
            return f"its own deadline of {self._spec.deadline_s:g} s"
        if not self._spec.detached and self.launcher_gone():
            return "its launcher is gone"
        return ""

    def launcher_gone(self) -> bool:
        """Whether nobody reads what we tell."""
        return self._launcher == 0 or os.getppid() != self._launcher

    def _beat(self) -> None:
        now = time.monotonic()
        if self.claim is None or now - self._beat_at < HEARTBEAT_S:
            return
        with contextlib.suppress(OSError, JobError):  # on a read-only disk nobody else can take the place
            self.lost = self.lost or not self.claim.beat()
            if self.slot is not None:
                self.slot.beat()
        self._beat_at = now

    def _listen(self) -> None:
        """Read what the launcher wrote; its end of the pipe closes with its life."""
        if self._launcher == 0:
            return
        try:
            heard = os.read(sys.stdin.fileno(), 4096)
        except BlockingIOError:
            return
        if heard == _END_OF_INPUT:
            self._launcher = 0
        *lines, self._line = (self._line + heard).split(b"\n")
        self.words.extend(line.decode() for line in lines)
