"""A process and all it started, ended together.

Descendants are found by their parents and, since an orphan has lost its own, by the token
that every process of a job inherits in its environment.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import time
from collections.abc import Iterable

import psutil

from ptycho_compare.clock import Deadline
from ptycho_compare.jobs.identity import sees_processes

TOKEN_VARIABLE = "PTYCHO_JOB_TOKEN"  # noqa: S105 (names a job, protects nothing)
PLACE_VARIABLE = "PTYCHO_JOB_PLACE"
"""Beside it: the job that the token is of, as `Claim.place`."""
_SET_PDEATHSIG, _SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h
_KILL_S = 10.0  # the kernel's own time to end a process that holds much memory
_ROUNDS = 3
_POLL_S = 0.02


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent is killed; called in a child before its command."""
    _prctl(_SET_PDEATHSIG, signal.SIGKILL)


def adopt_orphans() -> None:
    """Let orphans become this process's children, so that they are found whatever they do."""
    _prctl(_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    """Set something about this process that only Linux knows."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def members(token: str, *, root: int | None = None) -> list[psutil.Process]:
    """Find every process of a job but this one, by the job's token.

    Descendants of the pid `root` belong to it whatever their environment.
    """
    if not sees_processes():
        return []
    found = {process.pid: process for process in descendants(root)}
    for process in psutil.process_iter():
        if process.pid not in found and _token_of(process) == token:
            found[process.pid] = process
    found.pop(psutil.Process().pid, None)
    return [process for process in found.values() if _runs(process)]


def end(token: str, *, root: int | None = None, grace_s: float) -> int:
    """End every process of a job but this one: asked first, killed after a grace. Return their number."""
    known = set(members(token, root=root))
    _signal(known, kill=False)
    _wait(known, grace_s)
    for _ in range(_ROUNDS):  # who is killed may have started another the moment before
        known.update(members(token, root=root))
        left = list(filter(_runs, known))
        if not left:
            break
        _signal(left, kill=True)
        _wait(left, _KILL_S)
    return len(known)


def descendants(root: int | None) -> list[psutil.Process]:
    """A process and all that it started, as far as their parents live."""
    if root is None or not sees_processes():
        return []
    try:
        process = psutil.Process(root)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _token_of(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(TOKEN_VARIABLE)
    except (psutil.Error, OSError):
        return None  # another user's, or gone


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _wait(processes: Iterable[psutil.Process], seconds: float) -> None:
    """Wait until all have ended; unlike psutil's, it takes no exit status from whoever started them."""
    deadline = Deadline.after(seconds)
    while any(map(_runs, processes)) and not deadline.is_over:
        time.sleep(_POLL_S)


def _signal(processes: Iterable[psutil.Process], *, kill: bool) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error):  # it is gone, or another user's
            process.kill() if kill else process.terminate()
