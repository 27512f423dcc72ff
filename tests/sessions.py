"""pytest sessions as people start them, and what they leave in a hub."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from hubs import DOSE
from processes import ALONE, PATIENCE_S, ROOT, environment, until, variables
from ptycho_compare.hub import Artifacts, Hub, JobFiles
from ptycho_compare.jobs.progress import JobProgress, read_progress
from ptycho_compare.jobs.states import read_states
from results import results

TRAIN, TEST = f"dose_{DOSE}-dense-train-full", f"dose_{DOSE}-dense-test-full"
SCAN = f"data/phase_c/dose_{DOSE}/patched_train.npz"
BASELINE = f"data/phase_e/dose_{DOSE}/baseline/gs1/wts.h5.zip"

PLAIN = ("-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:hypothesispytest")
LONE = ("-p", "no:faulthandler", "-p", "no:unraisableexception", "-p", "no:threadexception")
"""At its end a session looks five times for garbage, among all that the process of the tests holds."""
THROUGH = ("-p", "through")
"""Has a session of its own process run the commands of its jobs through the runner that `through` names."""
UNDRAWN = {"PTYCHO_TEST_UNDRAWN": "1"}
"""Environment of a session whose jobs give their figures one pixel, also where networks are run."""


def pytest_command(hub: Path | None, *arguments: str) -> list[str]:
    """As it is typed, without plugins that change what is run, or that take long to load."""
    return [sys.executable, "-m", "pytest", *PLAIN, "-p", "unmeasured", *judging(hub), *arguments]


def judging(hub: Path | None) -> list[str]:
    return [] if hub is None else [f"--hub={hub}"]


def run_on(
    hub: Path, *arguments: str, measured: bool = False, **more: str
) -> subprocess.CompletedProcess[str]:
    """Judge a hub."""
    command, known = pytest_command(hub, *arguments), environment(hub, measured=measured, **more)
    return subprocess.run(command, cwd=ROOT, env=known, capture_output=True, text=True, check=False)


def pytest_here(folder: Path, *arguments: str, hub: Path | None = None, **more: str) -> tuple[int, str]:
    """Run a suite to its end in this process, from its folder: exit status and what was said."""
    done = run_here(hub, "--import-mode=importlib", *arguments, folder=folder, **more)
    return done.returncode, done.stdout + done.stderr


def run_here(
    hub: Path | None,
    *arguments: str,
    folder: Path = ROOT,
    measured: bool = False,
    runner: Sequence[str] = (),
    **more: str,
) -> subprocess.CompletedProcess[str]:
    """Run pytest to its end in this process, which has loaded what it needs: a tenth of the time of `run_on`.

    For sessions that are not themselves stopped. Their jobs and their workers are processes as ever, which do
    without frameworks for a light hub; workers are measured where it says so. Jobs of a session without
    workers run their command through the runner.
    """
    import pytest

    words = [*PLAIN, *LONE, *judging(hub), *arguments]
    said, complained = io.StringIO(), io.StringIO()
    with (
        _through_here(runner),
        variables(environment(hub, measured=measured, **{ALONE: "1"}, **more)),
        contextlib.chdir(folder),
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(complained),
    ):
        status = pytest.main([*words])  # which adds to them
    return subprocess.CompletedProcess(words, int(status), said.getvalue(), complained.getvalue())


def ptycho_hub(hub: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end in this process, as `run_here` does with pytest."""
    from ptycho_compare.cli.ptycho_hub import main

    typed = [*words, "--hub", str(hub)]
    said, complained = io.StringIO(), io.StringIO()
    with (
        variables(environment(hub)),
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(complained),
    ):
        status = main(typed)
    return subprocess.CompletedProcess(typed, status, said.getvalue(), complained.getvalue())


@contextlib.contextmanager
def _through_here(runner: Sequence[str]) -> Iterator[None]:
    """Have jobs that this process starts do what the plugin `through` has them do."""
    if not runner:
        yield
        return
    import pytest

    from ptycho_compare.phases.comparison.job import ComparisonJob
    from runner_of_jobs import command_through

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ComparisonJob, "_command", command_through(runner))
        yield


@dataclass(frozen=True)
class Session:
    """A session that runs, in a process group of its own as a shell starts it."""

    process: subprocess.Popen[bytes]
    output: Path

    def ended(self) -> tuple[int, str]:
        """Wait for its end: exit status and output."""
        status = self.process.wait(PATIENCE_S)
        return status, self.output.read_text()

    def signal(self, number: signal.Signals, *, group: bool = False) -> None:
        """Send a signal to pytest, or to it and its workers."""
        (os.killpg if group else os.kill)(self.process.pid, number)


def start_on(hub: Path, *arguments: str, **more: str) -> Session:
    """Begin to judge a hub."""
    output = hub.with_name(f"output-{time.monotonic_ns()}.txt")
    with output.open("wb") as stream:
        process = subprocess.Popen(
            pytest_command(hub, *arguments),
            cwd=ROOT,
            env=environment(hub, PYTHONUNBUFFERED="1", **more),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # a shell that starts us in the background has us ignore Ctrl-C, and all we start with us
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
    return Session(process, output)


def through(*runner: str) -> dict[str, str]:
    """Environment of a session with `THROUGH`."""
    return {"PTYCHO_TEST_RUNNER": json.dumps(runner)}


def folder_of(hub: Path, split: str = "train", tier: str = "full") -> Path:
    return Hub(hub).comparison_dir(DOSE, "dense", split, tier)


def job_of(hub: Path, split: str = "train", tier: str = "full") -> JobFiles:
    return Artifacts(folder_of(hub, split, tier)).job


def progress_of(hub: Path, split: str = "train", tier: str = "full") -> JobProgress:
    return read_progress(job_of(hub, split, tier))


def events(hub: Path, state: str, split: str = "train", tier: str = "full") -> list[dict[str, Any]]:
    """What a job's state log says of one kind."""
    return [event for event in read_states(job_of(hub, split, tier).states) if event["state"] == state]


def launches(hub: Path) -> dict[str, int]:
    """How often each comparison of a hub was launched; those that never were are left out."""
    places = {(split, tier): f"{split}-{tier}" for split in ("train", "test") for tier in ("debug", "full")}
    counts = {name: len(events(hub, "launched", *place)) for place, name in places.items()}
    return {name: count for name, count in counts.items() if count}


def worked_s(hub: Path, split: str, tier: str) -> tuple[float, float]:
    """When the command of a job began and ended."""
    (running,), (ended,) = events(hub, "running", split, tier), events(hub, "ended", split, tier)
    begun, over = (datetime.fromisoformat(event["time"]).timestamp() for event in (running, ended))
    return begun, over


def gained(hub: Path, *splits: str) -> None:
    """Wait until the newest attempt at each split has saved something, and runs on."""

    def has_gained(split: str) -> bool:
        attempts = progress_of(hub, split).attempts
        return bool(attempts) and attempts[-1].ended is None and attempts[-1].gained > 0

    for split in splits or ("train",):
        until(lambda split=split: has_gained(split), f"no checkpoint of {split}")


def made_another_scan(hub: Path) -> None:
    """Add a byte to the file of the train split, which changes no array in it."""
    with (hub / SCAN).open("ab") as file:
        file.write(b"\0")


def made_quick(hub: Path) -> None:
    """Let the full tier run in large batches; no result depends on them."""
    study = hub / "study.toml"
    study.write_text(study.read_text().replace("batch = 1\n", "batch = 64\n"))


@dataclass(frozen=True)
class Case:
    """What junit.xml says of a test."""

    outcome: str
    properties: dict[str, str]
    seconds: float


def junit_of(path: Path) -> dict[str, Case]:
    """By what stands in the brackets of the test's name, or its whole name."""
    cases = {}
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        kinds = [kind for kind in ("failure", "error", "skipped") if case.find(kind) is not None]
        properties = {each.get("name", ""): each.get("value", "") for each in case.iter("property")}
        name = case.get("name", "").partition("[")[2].rstrip("]") or case.get("name", "")
        cases[name] = Case(kinds[0] if kinds else "passed", properties, float(case.get("time", "nan")))
    return cases


def notes(hub: Path, topic: str) -> list[Path]:
    """Blocker notes on a topic."""
    return sorted((hub / "red").glob(f"blocked_*Z_{topic}*.md"))


def results_of(hub: Path, split: str = "train") -> dict[str, bytes]:
    """What the full comparison of a split computed."""
    return results(folder_of(hub, split))
