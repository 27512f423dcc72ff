"""Processes that tests start: waited for, found by the mark that all of them carry, and who is left."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import psutil

ROOT = Path(__file__).parents[1]
PTYCHO_HUB = (sys.executable, "-m", "ptycho_compare.cli.ptycho_hub")
COMPARE_MODELS = (sys.executable, "-m", "ptycho_compare.cli.compare_models")

MARK = "PTYCHO_TEST_PLACE"
"""What whoever is started for a place has in the environment, and so has all that it starts."""
ALONE = "PTYCHO_TEST_ALONE"
"""Has a process that is measured by coverage leave out whom it starts."""
SESSION_PLUGINS = str(ROOT / "tests" / "session_plugins")
LIGHT = "# light: "
"""Comment in studies whose jobs do without frameworks in processes that we start; see `hubs.light`."""
PATIENCE_S = 300.0
"""How long anything may take before a test calls it missing: machines may stand still for minutes."""

Found = TypeVar("Found")


def environment(place: Path | None, *, measured: bool = False, **more: str) -> dict[str, str]:
    """Ours, marked, without what belongs to the pytest that runs us, with our plugins for another.

    Measured by coverage, a process takes half as long again: only where nothing else shows that
    the code was run.
    """
    dropped = ("PYTEST_",) if measured else ("PYTEST_", "COVERAGE_")
    outer = {key: value for key, value in os.environ.items() if not key.startswith(dropped)}
    path = os.pathsep.join([SESSION_PLUGINS, *filter(None, [outer.get("PYTHONPATH")])])
    ours = {"PYTHONPATH": path}
    if place is not None:
        ours[MARK] = str(place)
        study = place / "study.toml"
        found = study.read_text().partition(LIGHT)[2] if study.is_file() else ""
        if found:
            ours["PTYCHO_TEST_LIGHT"] = found.splitlines()[0]
    return {**outer, **ours, **more}


@contextmanager
def variables(wanted: dict[str, str]) -> Iterator[None]:
    """Have these and no other environment variables in this block."""
    before = dict(os.environ)
    try:
        os.environ.clear()
        os.environ.update(wanted)
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def run(
    command: list[str] | tuple[str, ...], hub: Path, *, measured: bool = False, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; where it is measured, those whom it starts are not."""
    variables = environment(hub, measured=measured, **{ALONE: "1"}, **more)
    return subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)


def processor_s() -> float:
    """Seconds that all children took so far that were waited for; neighbours hardly change them."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def until(condition: Callable[[], Found], what: str = "it did not come") -> Found:
    """Wait for something that is to come; looking leaves most of a core to whom it is waited for.

    Also where a look is a command of another process; then it looks at least once a second.
    """
    end = time.monotonic() + PATIENCE_S
    while True:
        before, before_in_children = time.thread_time(), processor_s()
        if found := condition():
            return found
        assert time.monotonic() < end, what
        by_others = min(9 * (processor_s() - before_in_children), 1.0)
        time.sleep(max(0.02, 9 * (time.thread_time() - before), by_others))


def runs(pid: int) -> bool:
    """Whether it is at work; a zombie is not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def marked(place: Path) -> list[psutil.Process]:
    """Whoever runs for a place, by the process list alone."""
    return [process for process in psutil.process_iter() if _mark_of(process) == str(place)]


@contextmanager
def nobody_left(place: Path) -> Iterator[Path]:
    """See that nobody runs for a place when the block ends, and that nobody stays."""
    try:
        yield place
        until(lambda: not marked(place), "somebody is left")
    finally:
        for process in marked(place):
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue


def _mark_of(process: psutil.Process) -> str | None:
    if process.pid == os.getpid():
        return None
    try:
        return process.environ().get(MARK)
    except (psutil.Error, OSError):
        return None  # another user's, or a zombie
