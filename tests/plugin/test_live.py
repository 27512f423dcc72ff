"""The line that shows how far the jobs are: where somebody can see it, and nowhere else."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hubs import SLOW_ROWS
from processes import ROOT, environment, until
from ptycho_compare.sigterm import EXIT_STOPPED
from sessions import (
    pytest_command,
)

ON_ITS_WAY = re.compile(rf"\x1b\[Kdense/train \d+/{SLOW_ROWS} patches")
LINE = re.compile(r"\x1b\[K")


@dataclass
class Seen:
    """A session, and what whoever looks at it sees."""

    process: subprocess.Popen[bytes]
    reader: threading.Thread
    text: str = ""


def watched(hub: Path, *arguments: str, terminal: bool = True, measured: bool = False, **more: str) -> Seen:
    """Begin to judge a hub, on a terminal or into a pipe."""
    reader, writer = pty.openpty() if terminal else os.pipe()
    variables = environment(hub, measured=measured, TERM="xterm", COLUMNS="100", **more)
    if "CI" not in more:
        variables.pop("CI", None)
    process = subprocess.Popen(
        pytest_command(hub, *arguments), cwd=ROOT, env=variables, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=writer, stderr=writer,
    )  # fmt: skip
    os.close(writer)

    def read() -> None:
        try:
            while data := os.read(reader, 65536):
                seen.text += data.decode(errors="replace")
        except OSError:  # how a terminal says that nobody writes any more
            pass
        os.close(reader)

    seen = Seen(process, threading.Thread(target=read, daemon=True))
    seen.reader.start()
    return seen


@pytest.mark.parametrize(
    ("workers", "unseen"),
    [
        pytest.param((), [(("-q",), {}), ((), {"CI": "1"})], marks=pytest.mark.slow, id="serial"),
        pytest.param(("-n1",), [((), {"terminal": False})], id="n1"),
    ],
)
def test_it_is_shown_on_a_terminal_only(
    hub_after_debug: Path, workers: tuple[str, ...], unseen: list[tuple[tuple[str, ...], dict[str, Any]]]
) -> None:
    """All at once on one job, which one of them runs and the others wait for."""
    full = ("-m", "full", "-k", "train")
    shown = [watched(hub_after_debug, *full, *workers, measured=True)]
    hidden = [watched(hub_after_debug, *full, *words, **how) for words, how in unseen]
    for session in shown:
        until(lambda session=session: ON_ITS_WAY.search(session.text), "the line was not shown")
    for session in (*shown, *hidden):
        session.process.send_signal(signal.SIGTERM)
    for session in (*shown, *hidden):
        assert session.process.wait() == EXIT_STOPPED, session.text
        session.reader.join()
    for session in hidden:
        assert not LINE.search(session.text)
    for session in shown:
        *_, last = LINE.split(session.text)
        assert not last.startswith("dense/")  # it was wiped out in the end
        assert "1 deferred" in last
