"""Commands that jobs run, processes that launch them, and what is left of all that."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from others_locks import held
from processes import PATIENCE_S, marked, runs, until
from ptycho_compare.hub import JobFiles
from ptycho_compare.jobs import tree
from ptycho_compare.jobs.executors.protocol import Running
from ptycho_compare.jobs.record import DoneRecord, JobSpec, read_launch
from ptycho_compare.jobs.run_or_join import Ended, run_or_join
from ptycho_compare.jobs.states import read_states

from .noticed import Noticed

POLITE = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(75));"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
WAIT = "print('ready', flush=True); time.sleep(600)"

ON_CUE = f"""
{POLITE}
from pathlib import Path
print("ready", flush=True)
while not Path(sys.argv[1]).exists():
    time.sleep(0.05)
"""
"""Works until its cue is there; stops when asked."""

REPORTING = """
import sys, time
from pathlib import Path
from ptycho_compare.hub import JobFiles
from ptycho_compare.jobs.context import job_context
before, units = map(int, sys.argv[2:])
with job_context(JobFiles(Path(sys.argv[1]))) as context:
    context.planned({"PINN": (before, 40)})
    context.working("PINN", units, units / 10, now=True)
    context.saved("PINN", units, 0.01)
    print("ready", flush=True)
    while units < 40:
        time.sleep(0.05)
"""

FAMILY = f"""
import json, signal, subprocess, sys, time
from pathlib import Path
asked = []
signal.signal(signal.SIGTERM, lambda *_: asked.append(True))  # looked at once all are born
here = Path(sys.argv[1])
pids = {{}}
for name, code, own_session in (
    ("plain", "import time; {WAIT}", False),
    ("stubborn", "{STUBBORN} {WAIT}", False),
    ("in its own session", "import time; {WAIT}", True),
    ("stubborn, in its own session", "{STUBBORN} {WAIT}", True),
):
    child = subprocess.Popen(
        [sys.executable, "-ISc", code], stdout=subprocess.PIPE, start_new_session=own_session
    )
    child.stdout.readline()
    pids[name] = child.pid
(here / "pids.tmp").write_text(json.dumps(pids))
(here / "pids.tmp").replace(here / "pids.json")
while not asked and not (here / "finish").exists():
    time.sleep(0.05)
sys.exit(75 if asked else 0)
"""
"""Four grandchildren, ready when their pids are written; ends by itself once `finish` is there."""


@contextlib.contextmanager
def nobody_begins(files: JobFiles) -> Iterator[None]:
    """Hold the lock of a job's claim, as somebody who is stopped would: supervisors wait for it."""
    files.folder.mkdir(parents=True, exist_ok=True)
    with held(files.claim.with_name(f".{files.claim.name}.lock")):
        yield


def never() -> bool:
    return False


def job(place: Path, code: str, *arguments: object, **options: Any) -> JobSpec:
    """Python code as a job of this place."""
    command = (sys.executable, "-ISc", code, *map(str, arguments))
    values: dict[str, Any] = {"grace_s": 5.0, "log": place / "log", **options}
    return JobSpec(folder=place / "job", command=command, **values)


def cued(place: Path, **options: Any) -> JobSpec:
    """A job that ends by itself once it is let `finish`."""
    return job(place, ON_CUE, place / "finish", **options)


def reporting(place: Path, *, before: int, units: int) -> JobSpec:
    """A job that reports how far it is of 40 units, and ends by itself when all are done."""
    spec = job(place, "")
    return replace(spec, command=(sys.executable, "-c", REPORTING, str(spec.folder), str(before), str(units)))


def finish(spec: JobSpec) -> None:
    spec.folder.mkdir(parents=True, exist_ok=True)
    (spec.folder.parent / "finish").touch()


def await_ready(spec: JobSpec) -> None:
    until(has(spec.log, "ready"))


def supervisor_of(spec: JobSpec) -> int:
    launch = read_launch(spec.files)
    assert launch is not None
    return launch.pid


def command_of(spec: JobSpec) -> int:
    """The newest attempt's."""
    *_, pid = (event["pid"] for event in read_states(spec.files.states) if event["state"] == "running")
    return int(pid)


def kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # asked for again while its end is noticed
        os.kill(pid, signal.SIGKILL)


def brought(
    spec: JobSpec,
    *,
    is_done: Callable[[], bool] = never,
    out_of_time: Callable[[], bool] = never,
    while_waiting: Callable[[], object] = never,
) -> Ended:
    """Bring a job to its end; what is done while waiting is done again and again, once it is waited for."""
    executor = Noticed()

    def asked() -> bool:
        if executor.begun:
            while_waiting()
        return out_of_time()

    return run_or_join(spec, executor, is_done=is_done, out_of_time=asked)


def run(
    spec: JobSpec,
    *,
    is_done: Callable[[], bool] = never,
    out_of_time: Callable[[], bool] = never,
    while_waiting: Callable[[], object] = never,
) -> DoneRecord:
    """Run a job of this very process to its end."""
    ended = brought(spec, is_done=is_done, out_of_time=out_of_time, while_waiting=while_waiting)
    record = ended.record
    assert record is not None
    return record


def detached(spec: JobSpec) -> Running:
    running = brought(replace(spec, detached=True)).running
    assert running is not None
    return running


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

    @property
    def born(self) -> bool:
        return (self.place / "pids.json").exists() and "running" in states(self.spec)

    @property
    def pids(self) -> list[int]:
        return list(json.loads((self.place / "pids.json").read_text()).values())

    def alive(self) -> set[int]:
        """Whoever of the tree still runs, the supervisor included, found in three ways."""
        launch = read_launch(self.spec.files)
        assert launch is not None
        by_pid = filter(runs, [*self.pids, launch.pid, command_of(self.spec)])
        by_token = (process.pid for process in tree.members(launch.token))
        by_mark = (process.pid for process in marked(self.place))
        return {*by_pid, *by_token, *by_mark}


class Launcher:
    """`run_or_join` in a process of its own, in a session of its own as a shell starts it."""

    def __init__(self, spec: JobSpec, result: Path, *, seconds: float = 600.0) -> None:
        command = [sys.executable, Path(__file__).with_name("launcher.py"), spec.to_json(), result]
        self.process = subprocess.Popen(
            [*map(str, command), f"{seconds}"], stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        self.pid = self.process.pid
        self._waits = result.with_name(f"{result.name}-{self.pid}")

    def await_waiting(self) -> None:
        """Until it waits for an attempt, its own or another's."""
        until(self._waits.exists)

    def found(self) -> dict[str, Any]:
        """What came of it."""
        out, _ = self.process.communicate(timeout=2 * PATIENCE_S)
        found: dict[str, Any] = json.loads(out)
        return found

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()
