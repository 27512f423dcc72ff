"""A child process: its output is kept, and nobody of its tree outlives an interruption."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from ptycho_compare.jobs import run_child

GRANDPARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", {grandchild!r}])
print(child.pid, flush=True)
time.sleep(60)
"""
WAITER = """
from pathlib import Path
from ptycho_compare.jobs import run_child
run_child({command!r}, log=Path({log!r}))
"""
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"


def test_output_status_and_environment(tmp_path: Path) -> None:
    code = "import os, sys; print(os.environ['A']); print('err', file=sys.stderr); sys.exit(3)"
    done = run_child([sys.executable, "-c", code], log=tmp_path / "deep/log", environment={"A": "1"})
    assert done.returncode == 3
    assert sorted(done.log.read_text().split()) == ["1", "err"]
    assert done.command[0] == sys.executable
    assert done.seconds > 0


def test_the_child_gets_no_input(tmp_path: Path) -> None:
    done = run_child([sys.executable, "-c", "print(repr(input()))"], log=tmp_path / "log")
    assert "EOFError" in done.log.read_text()


def running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("grandchild", ["import time; time.sleep(60)", STUBBORN])
def test_an_interruption_ends_the_whole_tree(tmp_path: Path, grandchild: str) -> None:
    log = tmp_path / "log"
    command = [sys.executable, "-c", GRANDPARENT.format(grandchild=grandchild)]
    waiter = subprocess.Popen(
        [
            sys.executable,
            "-c",
            WAITER.format(command=command, log=str(log)),
        ],
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and not (log.exists() and log.read_text().strip()):
        time.sleep(0.05)
    pid = int(log.read_text())
    time.sleep(0.3)  # let the grandchild set up its signal handler
    assert running(pid)
    os.kill(waiter.pid, signal.SIGINT)
    assert waiter.wait(timeout=20) != 0
    assert not running(pid)
