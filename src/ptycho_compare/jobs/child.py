"""Run a command in its own process group, stream its output to a log, leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

_GRACE_S = 5.0


@dataclass(frozen=True)
class ChildResult:
    """How a command ended.

    Attributes
    ----------
    command : tuple of str
        The argument list, as it can be run again.
    returncode : int
        Negative when a signal ended it.
    seconds : float
        Wall time.
    log : Path
        Its standard output and standard error, in one stream.
    """

    command: tuple[str, ...]
    returncode: int
    seconds: float
    log: Path


def run_child(
    command: Sequence[str], *, log: Path, environment: Mapping[str, str] | None = None
) -> ChildResult:
    """Run a command to its end.

    Parameters
    ----------
    command : sequence of str
        Argument list; no shell is involved.
    log : Path
        Receives the output from the first byte; an earlier log is replaced.
    environment : mapping or None
        Added to this process's environment.

    Raises
    ------
    BaseException
        Whatever interrupts the wait (Ctrl-C, a test's timeout) passes on after the whole
        process tree has been ended.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    with log.open("wb") as stream:
        child = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
        try:
            child.wait()
        except BaseException:
            _end_tree(child)
            raise
    return ChildResult(tuple(command), child.returncode, time.perf_counter() - began, log)


def _end_tree(child: subprocess.Popen[bytes]) -> None:
    """End the child and all it started: asked first, killed after a grace."""
    try:
        tree = [*psutil.Process(child.pid).children(recursive=True), psutil.Process(child.pid)]
    except psutil.NoSuchProcess:
        tree = []
    _signal_group(child.pid, signal.SIGTERM)
    _, alive = psutil.wait_procs(tree, timeout=_GRACE_S)
    for process in alive:
        process.kill()
    _signal_group(child.pid, signal.SIGKILL)
    child.wait()


def _signal_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return  # everyone in it has ended
