"""Commands that jobs run, processes that attend to them, and who is left of all that."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from processes import PATIENCE_S, runs, until
from ptycho_compare.jobs import DoneRecord, JobSpec, LocalExecutor, attend, read_launch, tree
from ptycho_compare.jobs.states import read_states

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


def has(path: Path, text: str) -> Callable[[], bool]:
    return lambda: path.exists() and text in path.read_text()


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
