"""SIGTERM and Ctrl-C: jobs save their work, reports are written, and the session says what is left.

Under xdist the controller takes the signal and stops its workers by a file.
"""

from __future__ import annotations

import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

STOPPING = pytest.StashKey["Stopping"]()
_WORKER_KEY = "ptycho_stop_file"


class Stopping:
    """The request to stop a session, if there is one."""

    def __init__(self, config: pytest.Config) -> None:
        self._worker = hasattr(config, "workerinput")
        name = getattr(config, "workerinput", {}).get(_WORKER_KEY)
        self._file = Path(name) if name else None
        self._waiting = False
        self._asked = ""

    def hand_to_worker(self, workerinput: dict[str, Any]) -> None:
        """Give an xdist worker the file to look for."""
        if self._file is None:
            # a folder of its own, which only its owner may write
            self._file = Path(tempfile.mkdtemp(prefix="ptycho-")) / "stop"
        workerinput[_WORKER_KEY] = str(self._file)

    @property
    def asked(self) -> str:
        """Names what asked for the stop; empty while nothing did."""
        if not self._asked and self._file is not None:
            with suppress(OSError):  # whoever runs as another user for a moment cannot look
                self._asked = "SIGTERM" if self._file.exists() else ""
        return self._asked

    def ask(self, reason: str) -> None:
        """Stop this session and its workers."""
        self._asked = reason
        if self._file is not None:
            self._file.touch()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Wait for a job in this block: it looks at `asked` itself, so a signal interrupts nothing."""
        self._waiting = True
        try:
            yield
        finally:
            self._waiting = False

    @contextmanager
    def listening(self, session: pytest.Session) -> Iterator[None]:
        """Take SIGTERM during this block."""

        def take(_number: int, _frame: object) -> None:
            self.ask("SIGTERM")
            session.shouldstop = "SIGTERM"
            if self._file is None and not self._waiting:
                pytest.exit("SIGTERM", returncode=pytest.ExitCode.INTERRUPTED)

        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGTERM, take)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)

    def close(self) -> None:
        """Remove the file."""
        if self._file is not None and not self._worker:
            self._file.unlink(missing_ok=True)
            self._file.parent.rmdir()
