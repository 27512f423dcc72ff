"""Requests to stop a job: signals, the launcher's pipe, the stop file, the deadline, a lost claim."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections import deque

from ptycho_compare.clock import Deadline
from ptycho_compare.errors import JobError
from ptycho_compare.jobs.claim import Claim, why_lost
from ptycho_compare.jobs.record import ASKED_BY_LAUNCHER, JobSpec

_END_OF_INPUT = b""


class StopRequests:
    """Collects requests while a job is supervised; made once, in the supervisor's main thread.

    Attributes
    ----------
    messages : deque of str
        Lines that the launcher wrote.
    claim, slot : Claim or None
        The supervisor's, once it is taken, and that in which its command runs; their hearts beat whenever
        requests are asked for.
    lost : str
        Why the place is not the supervisor's any more, who was silent for too long; empty while it is.
    """

    def __init__(self, spec: JobSpec) -> None:
        self._spec = spec
        self._signal = ""
        self._launcher = os.getppid()
        self._line = b""
        self._deadline = Deadline.after(spec.deadline_s)
        self._beat_at = 0.0
        self.messages: deque[str] = deque()
        self.claim: Claim | None = None
        self.slot: Claim | None = None
        self.lost = ""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._note_signal)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})  # which its launcher kept waiting
        os.set_blocking(sys.stdin.fileno(), False)

    def _note_signal(self, number: int, _frame: object) -> None:
        self._signal = signal.Signals(number).name

    def stop_reason(self) -> str:
        """Why the job has to stop now; empty when it has not."""
        self._read_launcher()
        self._beat()
        if self.lost:
            return self.lost
        if self._signal:
            return self._signal
        if "stop" in self.messages:
            return ASKED_BY_LAUNCHER
        if self._spec.files.stop.exists():
            return "asked by a stop file"
        if self._deadline.is_over:
            return f"its own deadline of {self._deadline.length_s:g} s"
        if not self._spec.detached and self.launcher_gone():
            return "its launcher is gone"
        return ""

    def launcher_gone(self) -> bool:
        """True when nobody reads this supervisor's reports."""
        return self._launcher == 0 or os.getppid() != self._launcher

    def _beat(self) -> None:
        now = time.monotonic()
        if self.claim is None or now - self._beat_at < self.claim.heartbeat_s:
            return
        with contextlib.suppress(OSError, JobError):  # on a read-only disk nobody else can take the place
            if not self.claim.beat():
                self.lost = self.lost or why_lost(self.claim.path, self.claim.token)
            if self.slot is not None:
                self.slot.beat()
        self._beat_at = now

    def _read_launcher(self) -> None:
        """Read what the launcher wrote; its end of the pipe closes when it ends."""
        if self._launcher == 0:
            return
        try:
            data = os.read(sys.stdin.fileno(), 4096)
        except BlockingIOError:
            return
        if data == _END_OF_INPUT:
            self._launcher = 0
        *lines, self._line = (self._line + data).split(b"\n")
        self.messages.extend(line.decode() for line in lines)
