"""A command under a keeper's eyes, from its first byte of output to its end."""

from __future__ import annotations

import contextlib
import os
import resource
import selectors
import subprocess
import sys
import time
from collections import deque
from typing import Any, BinaryIO

import psutil

from ptycho_compare.jobs import tree
from ptycho_compare.jobs.claim import HEARTBEAT_S, Claim
from ptycho_compare.jobs.orders import Orders
from ptycho_compare.jobs.record import JobSpec
from ptycho_compare.jobs.states import append_state

_TICK_S = 0.1
_SAMPLE_S = 2.0
_TAIL_LINES = 20


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
        self, spec: JobSpec, orders: Orders, claim: Claim, child: subprocess.Popen[bytes], log: BinaryIO
    ) -> None:
        self._spec, self._orders, self._claim, self._child, self._log = spec, orders, claim, child, log
        self.reason, self.seconds, self.peak_bytes = "", 0.0, 0
        self.tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._part = b""
        self._lost = ""

    def until_the_end(self) -> None:
        """Watch until the command has ended."""
        began = time.monotonic()
        note_if_possible(self._spec, "running", pid=self._child.pid)
        beat = sampled = kill_at = 0.0
        output = self._child.stdout
        assert output is not None  # noqa: S101 (asked for with PIPE)
        os.set_blocking(output.fileno(), False)
        with selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ)
            while self._child.poll() is None:
                if selector.select(_TICK_S) and not self._copy(output.fileno()):
                    selector.unregister(output)  # closed by the command, which runs on
                now = time.monotonic()
                if now - beat >= HEARTBEAT_S:
                    with contextlib.suppress(OSError):  # a disk that became read-only
                        self._claim.beat()
                    beat = now
                if now - sampled >= _SAMPLE_S:
                    self._sample()
                    sampled = now
                if not kill_at and (reason := self._orders.stop_reason()):
                    self._ask(reason)
                    kill_at = now + self._spec.grace_s
                elif kill_at and now >= kill_at:
                    tree.end(self._claim.token, root=self._child.pid, grace_s=0.5)
        self.seconds = time.monotonic() - began
        while self._copy(output.fileno()):
            continue
        self.tail.extend(text for text in (self._part.decode(errors="replace"), self._lost) if text)
        if sys.platform == "linux":  # what came and went between two looks
            largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
            self.peak_bytes = max(self.peak_bytes, largest)

    def _ask(self, reason: str) -> None:
        self.reason = reason
        note_if_possible(self._spec, "stopping", reason=reason)
        self._child.terminate()

    def _copy(self, source: int) -> bool:
        """Copy what there is to the log; whether there may be more."""
        try:
            data = os.read(source, 65536)
        except BlockingIOError:
            return False
        try:
            self._log.write(data)
        except OSError as error:  # a full disk must not end the run: the command will say what it lost
            self._lost = f"{self._spec.log}: {error.strerror}; the last lines are in the completion record"
        *lines, self._part = (self._part + data).split(b"\n")
        self.tail.extend(line.decode(errors="replace") for line in lines)
        return bool(data)

    def _sample(self) -> None:
        total = 0
        for process in tree.descendants(self._child.pid):
            with contextlib.suppress(psutil.Error):
                total += process.memory_info().rss
        self.peak_bytes = max(self.peak_bytes, total)


def note_if_possible(spec: JobSpec, state: str, **facts: Any) -> None:
    """Append to the state log if that can be done: a full disk must not end the run."""
    with contextlib.suppress(OSError):
        append_state(spec.files.states, state, **facts)
