"""Bars of jobs: on a terminal, read from their folders; what is printed meanwhile stands above them."""

from __future__ import annotations

import os
import pty
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from processes import until
from ptycho_compare.cli.bars import bars
from ptycho_compare.hub import JobFiles
from ptycho_compare.jobs.context import job_context


@dataclass
class Terminal:
    """A terminal, and what stood on it."""

    reader: int
    seen: bytearray = field(default_factory=bytearray)

    def read(self) -> None:
        try:
            while data := os.read(self.reader, 65536):
                self.seen += data
        except OSError:  # how a terminal says that nobody writes any more
            pass

    def shows(self, *words: bytes) -> bool:
        return all(word in self.seen for word in words)


@contextmanager
def on_a_terminal() -> Iterator[Terminal]:
    """Both streams of this process lead to a terminal; pytest exchanges them before a test's call."""
    reader, writer = pty.openpty()
    found = Terminal(reader)
    thread = threading.Thread(target=found.read, daemon=True)
    thread.start()
    with os.fdopen(writer, "w", buffering=1) as stream, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        patch.setattr(sys, "stderr", stream)
        patch.setenv("TERM", "xterm")
        patch.setenv("COLUMNS", "100")
        yield found
    thread.join()
    os.close(reader)


def test_a_job_has_a_bar_with_rate_and_time_left_and_lines_stand_above(tmp_path: Path) -> None:
    files = JobFiles(tmp_path / "dense" / "train" / "job")
    with on_a_terminal() as terminal, job_context(files) as context, bars(lambda: [files]):
        context.planned({"arm": (0, 400)})
        context.working("arm", 100, 10.0, now=True)
        until(lambda: terminal.shows(b"dense/train", b"100/400 patches, 10/s, about"), "no bar came")
        print("a line\x1b[2J of its own")
        until(lambda: terminal.shows(rb"a line\x1b[2J of its own"), "the line did not come, or steers")
        context.step("scoring [bold]")
        until(lambda: terminal.shows(b"scoring [bold]"), "the step has no name")
    assert b"\x1b[?25h" in terminal.seen  # the cursor is back


def test_without_a_terminal_there_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files, before = JobFiles(tmp_path / "job"), (sys.stdout, sys.stderr)
    with job_context(files) as context, bars(lambda: [files]):
        context.planned({"arm": (0, 4)})
        assert (sys.stdout, sys.stderr) == before
        print("a line")
    assert capsys.readouterr() == ("a line\n", "")
