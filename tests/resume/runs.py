"""Runs that are broken off: started as people start them, looked at from outside, compared in the end."""

from __future__ import annotations

import contextlib
import io
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from hubs import DOSE
from processes import PTYCHO_HUB, environment, run, until
from ptycho_compare.hub import Artifacts, Hub, JobFiles
from ptycho_compare.jobs.context import JobContext
from ptycho_compare.jobs.states import read_states
from ptycho_compare.sigterm import EXIT_STOPPED
from results import results

STOPPER = Path(__file__).with_name("stopper.py")

DEBUG = f"dose_{DOSE}-dense-train-debug"

Event = dict[str, Any]


def stopped_at(
    part: str, row: int, command: list[str] | tuple[str, ...], number: int = signal.SIGTERM
) -> list[str]:
    """The same command (``python -m MODULE ...``), which is sent a signal once that many rows are done."""
    assert tuple(command[:2]) == (sys.executable, "-m")
    return [sys.executable, str(STOPPER), part, str(row), str(int(number)), *command[2:]]


def events(folder: Path) -> list[Event]:
    """All events of the attempts at a comparison."""
    return list(read_states(Artifacts(folder).job.states))


def attempts(found: list[Event]) -> list[list[Event]]:
    """The events of each attempt."""
    parts: list[list[Event]] = []
    for event in found:
        if event["state"] == "launched":
            parts.append([])
        if parts:
            parts[-1].append(event)
    return parts


@dataclass
class Work:
    """Work of the attempts at a comparison, by part.

    Attributes
    ----------
    lost : list of dict
        For each attempt that came to its plan: patches that it had to compute again, as far as they
        were reported.
    patches : int
        Computed, over all attempts.
    seconds : float
        Spent on them.
    total : int
        Patches there are.
    """

    lost: list[dict[str, int]] = field(default_factory=list)
    patches: int = 0
    seconds: float = 0.0
    total: int = 0


def work_of(found: list[Event]) -> Work:
    """Add up what was reported."""
    work = Work()
    reached: dict[str, int] = {}
    spent: dict[tuple[str, int], float] = {}
    for event in found:
        if event["state"] == "planned":
            starts = {part: start for part, (start, _) in event["parts"].items()}
            work.total = sum(total for _, total in event["parts"].values())
            work.lost.append({part: reached.get(part, start) - start for part, start in starts.items()})
            reached = starts
        elif event["state"] == "working":
            part, done = event["part"], event["done"]
            work.patches += done - reached[part]
            # an attempt that lost something goes on from fewer seconds than the one before had
            work.seconds += event["seconds"] - spent.get((part, reached[part]), 0.0)
            reached[part] = done
            spent[part, done] = event["seconds"]
    return work


def job_of(folder: Path) -> JobFiles:
    return Artifacts(folder).job


def debug_folder(hub: Path) -> Path:
    return Hub(hub).comparison_dir(DOSE, "dense", "train", "debug")


def compare(hub: Path) -> list[str]:
    """The debug comparison of the train split: 48 groups in chunks of 20 and batches of 4."""
    return [*PTYCHO_HUB, "compare", DEBUG, "--hub", str(hub)]


@dataclass(frozen=True)
class Whole:
    """The results of a comparison that was let alone."""

    results: dict[str, bytes]
    diagnostics: list[str]
    rows: dict[str, int]


def diagnostics(folder: Path) -> list[str]:
    """The DIAGNOSTIC lines of a log, whenever they were written."""
    return re.findall(r"DIAGNOSTIC .*|\w+: \d+ of \d+ groups", Artifacts(folder).log.read_text())


def whole(folder: Path) -> Whole:
    (planned,) = [event["parts"] for event in events(folder) if event["state"] == "planned"]
    return Whole(results(folder), diagnostics(folder), {part: rows for part, (_, rows) in planned.items()})


@contextmanager
def signalled_at(part: str, row: int, number: int = signal.SIGTERM) -> Iterator[None]:
    """Have this process sent a signal once that many rows of a part are done, as `stopper.py` does."""
    original = JobContext.working

    def working(self: JobContext, name: str, done: int, seconds: float, *, now: bool = False) -> None:
        original(self, name, done, seconds, now=now)
        if name == part and done >= row:
            os.kill(os.getpid(), number)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JobContext, "working", working)
        yield


def stop_here(hub: Path, part: str, row: int, number: int = signal.SIGTERM) -> None:
    """Stop the comparison at a row, in this process, which has TensorFlow loaded."""
    from ptycho_compare.cli.ptycho_hub import main

    with signalled_at(part, row, number):
        assert main(compare(hub)[len(PTYCHO_HUB) :]) == EXIT_STOPPED


def halted(part: str, row: int, hub: Path) -> subprocess.Popen[str]:
    """Begin the comparison and hold it once so many rows are done."""
    process = subprocess.Popen(
        stopped_at(part, row, compare(hub), signal.SIGSTOP),
        env=environment(hub),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_STOPPED)
    return process


def let_go(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Let it run to its end: exit status, and what it said."""

    def said() -> str | None:
        process.send_signal(signal.SIGCONT)  # from its row on it holds after each batch
        with suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=0.1)[1]
        return None

    text = until(said)
    return process.returncode, text


def finish(hub: Path, command: list[str]) -> str:
    """Run a command to its end; its log on the console."""
    done = run(command, hub)
    assert done.returncode == 0, done.stderr
    return done.stderr


def told_here(command: list[str]) -> tuple[int, str]:
    """Run a command of `ptycho-hub` in this process: exit status, and what was said."""
    from ptycho_compare.cli.ptycho_hub import main

    with contextlib.redirect_stderr(io.StringIO()) as said:
        status = main(command[len(PTYCHO_HUB) :])
    return status, said.getvalue()


def finish_here(hub: Path, command: list[str] | None = None) -> str:
    """Bring a command, as it is the comparison, to its end in this process; its log on the console."""
    status, said = told_here(command or compare(hub))
    sys.stderr.write(said)
    assert status == 0
    return said
