"""Locks as other processes see and hold them: a process never keeps itself out of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LOOK = """
import fcntl, sys
with open(sys.argv[1], "r+b") as lock:
    fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
"""
_HOLD = """
import fcntl, sys
with open(sys.argv[1], "ab") as lock:
    fcntl.lockf(lock, fcntl.LOCK_EX)
    print("held", flush=True)
    sys.stdin.read()
"""


def is_free(lock: Path) -> bool:
    """Whether another process could take a lock now."""
    done = subprocess.run([sys.executable, "-ISc", _LOOK, lock], capture_output=True, text=True, check=False)
    assert done.returncode == 0 or "BlockingIOError" in done.stderr, done.stderr
    return done.returncode == 0


@contextmanager
def held(lock: Path) -> Iterator[subprocess.Popen[str]]:
    """Have another process hold a lock."""
    holder = subprocess.Popen(
        [sys.executable, "-ISc", _HOLD, lock], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        try:
            yield holder
        finally:
            holder.kill()
