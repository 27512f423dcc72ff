"""SIGTERM and Ctrl-C: jobs save their work, reports are written, and the session says what is left.

SIGTERM is heard from the moment in which pytest knows that a hub is judged, before anything is collected.
Under xdist the controller takes the signal and stops its workers by a file.
"""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from ptycho_compare.sigterm import EXIT_STOPPED, heard
from pytest_ptycho.options import OPTIONS

STOPPING = pytest.StashKey["Stopping"]()
_WORKER_KEY = "ptycho_stop_file"


def stopping_of(config: pytest.Config) -> Stopping:
    """Return what stops the session, made when it is first asked for."""
    if STOPPING not in config.stash:
        config.stash[STOPPING] = Stopping()
        config.add_cleanup(config.stash[STOPPING].close)
    return config.stash[STOPPING]


class Stopping:
    """The request to stop a session, if there is one.

    Attributes
    ----------
    too_short : str
        Why a batch job's time limit will never do; empty as a rule.
    """

    def __init__(self) -> None:
        self.too_short = ""
        self._worker = False
        self._file: Path | None = None
        self._session: pytest.Session | None = None
        self._interrupting = False
        self._asked = ""
        self._hearing: ExitStack | None = None

    def hear(self) -> None:
        """Hear SIGTERM from now on."""
        if self._hearing is None:
            self._hearing = ExitStack()
            self._hearing.enter_context(heard(self._take, signal.SIGTERM))

    def take_from_controller(self, workerinput: dict[str, Any]) -> None:
        """Take, in an xdist worker, the file to look for."""
        self._worker = True
        if name := workerinput.get(_WORKER_KEY):
            self._file = Path(name)

    def _take(self, by: str) -> None:
        self.ask(by)
        if self._session is not None:
            self._session.shouldstop = by
        if self._interrupting and self._file is None:
            pytest.exit(by, returncode=pytest.ExitCode.INTERRUPTED)

    def begin(self, session: pytest.Session) -> None:
        """Stop this session from here on: at once, where it was asked before."""
        self._session = session
        if self._asked:
            session.shouldstop = self._asked

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
        """Stop this session and its workers; the first reason is the one that is told."""
        self._asked = self._asked or reason
        if self._file is not None:
            self._file.touch()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Wait for a job in this block: it looks at `asked` itself, so a signal interrupts nothing."""
        before, self._interrupting = self._interrupting, False
        try:
            yield
        finally:
            self._interrupting = before

    @contextmanager
    def interrupting(self) -> Iterator[None]:
        """Run tests in this block: SIGTERM ends the one that is at work."""
        self._interrupting = True
        try:
            yield
        finally:
            self._interrupting = False

    def give_back(self, config: pytest.Config, status: int) -> int:
        """Return the exit status: a batch job whose restarts gained nothing is not to be queued again."""
        hub = config.stash[OPTIONS].hub
        if status == EXIT_STOPPED and hub is not None and not self._worker:
            from ptycho_compare.jobs.allocation import gained_nothing_again

            self.too_short = gained_nothing_again(hub)
        return int(pytest.ExitCode.TESTS_FAILED) if self.too_short else status

    def close(self) -> None:
        """Hear no more, and remove the file."""
        if self._hearing is not None:
            self._hearing.close()
        if self._file is not None and not self._worker:
            self._file.unlink(missing_ok=True)
            self._file.parent.rmdir()
