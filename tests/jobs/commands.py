"""Commands that jobs run, processes that attend to them, and who is left of all that."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psutil

from ptycho_compare.jobs import DoneRecord, JobSpec, LocalExecutor, attend, read_launch, tree
from ptycho_compare.jobs.states import read_states

MARK = "PTYCHO_TEST_PLACE"
"""What a test writes into its environment, so that whatever it starts can be told from all else."""

PATIENCE_S = 30.0
"""How long anything may take on a busy machine before a test calls it missing."""

POLITE = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(75));"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
WAIT = "print('ready', flush=True); time.sleep(600)"

FAMILY = f"""
import json, subprocess, sys, time
from pathlib import Path
{POLITE}
here = Path(sys.argv[1])
pids = {{}}
for name, code, own_session in (
    ("plain", "import time; {WAIT}", False),
    ("stubborn", "{STUBBORN} {WAIT}", False),
    ("in its own session", "import time; {WAIT}", True),
):
    child = subprocess.Popen(
        [sys.executable, "-ISc", code], stdout=subprocess.PIPE, start_new_session=own_session
    )
    child.stdout.readline()
    pids[name] = child.pid
(here / "pids.tmp").write_text(json.dumps(pids))
(here / "pids.tmp").replace(here / "pids.json")
while not (here / "finish").exists():
    time.sleep(0.05)
"""
"""Three grandchildren, ready when their pids are written; ends by itself once `finish` is there."""

Found = TypeVar("Found")


def never() -> bool:
    return False


def job(place: Path, code: str, *arguments: object, **options: Any) -> JobSpec:
    """Python code as a job of this place."""
    command = (sys.executable, "-ISc", code, *map(str, arguments))
    values: dict[str, Any] = {"grace_s": 5.0, "log": place / "log", **options}
    return JobSpec(folder=place / "job", command=command, **values)


def run(
    spec: JobSpec,
    *,
    is_done: Callable[[], bool] = never,
    out_of_time: Callable[[], bool] = never,
) -> DoneRecord:
    """Attend to a job of this very process to its end."""
    found = attend(spec, LocalExecutor(), is_done=is_done, out_of_time=out_of_time)
    assert isinstance(found, DoneRecord)
    return found


def states(spec: JobSpec) -> list[str]:
    return [event["state"] for event in read_states(spec.files.states)]


def until(condition: Callable[[], Found], patience_s: float = PATIENCE_S) -> Found:
    """Wait for something that is to come."""
    end = time.monotonic() + patience_s
    while not (found := condition()):
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)
    return found


def has(path: Path, text: str) -> Callable[[], bool]:
    return lambda: path.exists() and text in path.read_text()


def runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def marked(place: Path) -> list[psutil.Process]:
    """Whoever a test of this place started, by the process list alone."""
    return [process for process in psutil.process_iter() if _mark_of(process) == str(place)]


def _mark_of(process: psutil.Process) -> str | None:
    if process.pid == os.getpid():
        return None
    try:
        return process.environ().get(MARK)
    except (psutil.Error, OSError):
        return None  # another user's, or a zombie


@dataclass
class Family:
    """A command with grandchildren, and who of them still runs."""

    place: Path
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def spec(self) -> JobSpec:
        return job(self.place, FAMILY, self.place, **self.options)

    def await_born(self) -> None:
        until((self.place / "pids.json").exists)
        assert all(map(runs, self.pids))

    def finish(self) -> None:
        (self.place / "finish").touch()

    @property
    def pids(self) -> list[int]:
        return list(json.loads((self.place / "pids.json").read_text()).values())

    @property
    def keeper(self) -> int:
        launch = read_launch(self.spec.files)
        assert launch is not None
        return launch.pid

    def alive(self) -> list[int]:
        launch = read_launch(self.spec.files)
        assert launch is not None
        return [
            *filter(runs, self.pids),
            *(process.pid for process in tree.members(launch.token)),
        ]


class Launcher:
    """`attend` in a process of its own."""

    def __init__(
        self, spec: JobSpec, result: Path, *, seconds: float = 600.0, own_session: bool = False
    ) -> None:
        self.process = subprocess.Popen(
            [
                sys.executable,
                str(Path(__file__).with_name("launcher.py")),
                spec.to_json(),
                result,
                f"{seconds}",
            ],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=own_session,
        )
        self.pid = self.process.pid

    def found(self) -> dict[str, Any]:
        """What came of it."""
        out, _ = self.process.communicate(timeout=2 * PATIENCE_S)
        found: dict[str, Any] = json.loads(out)
        return found

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


def all_found(launchers: Iterable[Launcher]) -> list[dict[str, Any]]:
    return [launcher.found() for launcher in launchers]
