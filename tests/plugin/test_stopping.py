"""Sessions that are ended from outside: reports are written, nobody is left, and no work is lost."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import psutil
import pytest

from hubs import SLOW_ROWS, SPLITS
from processes import marked, until
from ptycho_compare.hub import Hub
from ptycho_compare.sigterm import EXIT_STOPPED
from sessions import (
    TEST,
    THROUGH,
    TRAIN,
    Session,
    events,
    gained,
    job_of,
    junit_of,
    launches,
    made_quick,
    progress_of,
    results_of,
    run_here,
    run_on,
    start_on,
    through,
)

from .conftest import Unbroken

SERIAL = ("-m", "full", "-k", "train")
TWO_WORKERS = ("-m", "full", "-n2")
TOLD = {"serial": (SERIAL, False), "n2": (TWO_WORKERS, False), "n2-group": (TWO_WORKERS, True)}
"""The processes that get the signal: pytest, or all of its group.

A serial session is its group: a job is in none of its own.
"""


def told(with_every_push: str, *slow: str) -> pytest.MarkDecorator:
    """One of these with every push, and some that are slow."""
    cases = [
        pytest.param(*TOLD[name], id=name, marks=pytest.mark.slow if name in slow else ())
        for name in (with_every_push, *slow)
    ]
    return pytest.mark.parametrize(("command", "group"), cases)


LINGERING = str(Path(__file__).parents[1] / "resume" / "lingering.py")


def nothing_is_lost(hub: Path, *splits: str) -> None:
    """The last attempt at each split was asked to stop, and saved all that it had computed."""
    for split in splits:
        progress = progress_of(hub, split)
        (ended,) = [attempt.ended for attempt in progress.attempts]
        assert ended is not None
        assert ended["returncode"] == EXIT_STOPPED
        assert 0 < progress.saved == progress.done < SLOW_ROWS


def workers_of(session: Session) -> list[psutil.Process]:
    """xdist's workers; a supervisor is another child of theirs."""
    return [child for child in psutil.Process(session.process.pid).children() if "-c" in child.cmdline()[:4]]


@told("n2", "n2-group")
def test_sigterm_ends_in_a_report(
    hub_after_debug: Path, tmp_path: Path, command: tuple[str, ...], group: bool
) -> None:
    """Two workers do two jobs at a time: both have gained something when it comes, and run on."""
    session = start_on(hub_after_debug, *command, f"--junitxml={tmp_path}/j.xml")
    gained(hub_after_debug, *SPLITS)
    session.signal(signal.SIGTERM, group=group)
    status, text = session.ended()
    assert status == EXIT_STOPPED, text
    assert not marked(hub_after_debug)
    assert f"{TRAIN}: stopped (SIGTERM)" in text
    assert "go on: pytest " in text
    nothing_is_lost(hub_after_debug, *SPLITS)
    cases = junit_of(tmp_path / "j.xml")
    assert sorted(cases) == sorted([TRAIN, TEST])
    for case in cases.values():
        assert case.outcome == "skipped"
        assert case.properties["ptycho.outcome"] == "deferred"
    assert not (hub_after_debug / "red").exists()


@told("serial", "n2", "n2-group")
def test_ctrl_c_saves_the_work(
    hub_after_debug: Path, tmp_path: Path, command: tuple[str, ...], group: bool
) -> None:
    """A terminal sends it to the whole group, a program that runs pytest perhaps to pytest alone."""
    splits = SPLITS[:1] if command is SERIAL else SPLITS
    session = start_on(hub_after_debug, *command, f"--junitxml={tmp_path}/j.xml")
    gained(hub_after_debug, *splits)
    session.signal(signal.SIGINT, group=group)
    status, text = session.ended()
    assert status == pytest.ExitCode.INTERRUPTED, text
    assert "KeyboardInterrupt" in text
    assert "INTERNALERROR" not in text
    until(lambda: not marked(hub_after_debug), "a process is left")
    nothing_is_lost(hub_after_debug, *splits)
    assert (tmp_path / "j.xml").exists()


def test_sigterm_when_all_is_written_defers_nothing(untried_hub: Path, tmp_path: Path) -> None:
    """The command may take its time to leave."""
    command = ("-m", "debug", "-k", "train", *THROUGH, f"--junitxml={tmp_path}/j.xml")
    session = start_on(untried_hub, *command, **through(LINGERING))
    log = Hub(untried_hub).command_log(TRAIN.replace("full", "debug"))
    until(lambda: log.exists() and "Comparison complete!" in log.read_text(), "no end")
    session.signal(signal.SIGTERM)
    status, text = session.ended()
    assert "1 passed" in text
    assert status == EXIT_STOPPED, text
    (case,) = junit_of(tmp_path / "j.xml").values()
    assert (case.outcome, case.properties["ptycho.outcome"]) == ("passed", "passed")


def test_sigterm_before_any_job_runs_starts_none(hub_after_debug: Path, tmp_path: Path) -> None:
    """While a test of another kind is at work it ends at once, with what has been reported so far."""
    (tmp_path / "test_plain.py").write_text(
        "import time\ndef test_that_sleeps():\n    print('asleep')\n    time.sleep(600)\n"
    )
    session = start_on(
        hub_after_debug,
        "-s",
        str(tmp_path / "test_plain.py"),
        "acceptance/test_compare_models.py",
        "-k",
        "sleeps or full",
    )
    until(lambda: "asleep" in session.output.read_text())
    session.signal(signal.SIGTERM)
    status, text = session.ended()
    assert status == EXIT_STOPPED, text
    assert "SIGTERM" in text
    assert "train-full" not in launches(hub_after_debug)


@pytest.mark.parametrize("workers", ["-n0", pytest.param("-n2", marks=pytest.mark.slow)])
@pytest.mark.parametrize("file", ["conftest.py", "test_asked.py"])
def test_sigterm_before_any_test_runs_ends_with_75(
    file: str, workers: str, hub_after_debug: Path, tmp_path: Path
) -> None:
    """Users' own files may load for long, and so may what they test."""
    (tmp_path / "test_asked.py").write_text("def test_that_is_not_run():\n    print('was run')\n")
    with (tmp_path / file).open("a") as text:
        text.write("import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\n")
    done = run_on(hub_after_debug, workers, "-s", str(tmp_path), "acceptance/test_compare_models.py")
    assert done.returncode == EXIT_STOPPED, done.stdout + done.stderr
    assert "SIGTERM" in done.stdout
    assert "was run" not in done.stdout
    assert set(launches(hub_after_debug)) == {"train-debug", "test-debug"}


def test_a_batch_job_whose_restarts_begin_nothing_ends_red(hub_after_debug: Path, tmp_path: Path) -> None:
    """Its limit is over, each time, while the user's own files are loaded."""
    (tmp_path / "conftest.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\n")
    statuses = []
    for restarts in range(3):
        allocation = {"SLURM_JOB_ID": "17", "SLURM_RESTART_COUNT": str(restarts)}
        done = run_on(hub_after_debug, str(tmp_path), **allocation)
        statuses.append(done.returncode)
    assert statuses == [EXIT_STOPPED, EXIT_STOPPED, 1], done.stdout
    assert "2 restarts of batch job 17 in a row saved nothing new: its window is too short" in done.stdout


def test_a_session_that_detaches_inside_an_allocation_is_refused(hub_after_debug: Path) -> None:
    done = run_here(hub_after_debug, "--ptycho-detach", SLURM_JOB_ID="17")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR, done.stdout
    (line,) = done.stderr.split("\n", 1)[0:1]
    assert line.startswith("ERROR: no job is detached inside a Slurm allocation (job 17)")
    assert "leave out --detach or --ptycho-detach" in line


@pytest.mark.parametrize("command", [SERIAL, pytest.param(TWO_WORKERS, marks=pytest.mark.slow)])
def test_a_killed_session_leaves_nobody_and_the_next_goes_on(
    hub_after_debug: Path, unbroken: Unbroken, command: tuple[str, ...]
) -> None:
    """With workers it is their controller that is killed."""
    splits = SPLITS[:1] if command is SERIAL else SPLITS
    session = start_on(hub_after_debug, *command)
    gained(hub_after_debug, *splits)
    session.signal(signal.SIGKILL)
    session.ended()
    until(lambda: not marked(hub_after_debug), "a process is left")
    nothing_is_lost(hub_after_debug, *splits)
    if command is SERIAL:  # workers live long enough to ask for it
        assert events(hub_after_debug, "ended")[0]["reason"] == "its launcher is gone"
    saved = progress_of(hub_after_debug).saved
    made_quick(hub_after_debug)
    again = run_here(hub_after_debug, *SERIAL)
    assert again.returncode == 0, again.stdout
    assert sum(start for start, _ in events(hub_after_debug, "planned")[1]["parts"].values()) == saved
    assert results_of(hub_after_debug) == unbroken.results


def test_a_killed_worker_takes_nobody_with_it(hub_after_debug: Path) -> None:
    """Its test is red, as xdist has it; the other's job runs on until it is asked to stop."""
    session = start_on(hub_after_debug, *TWO_WORKERS)
    gained(hub_after_debug, *SPLITS)
    supervisor = psutil.Process(events(hub_after_debug, "launched")[-1]["pid"])
    supervisor.parent().kill()
    until(lambda: events(hub_after_debug, "ended"))
    job_of(hub_after_debug, "test").stop.touch()
    status, text = session.ended()
    assert status == 1, text
    assert "crashed while running" in text
    assert re.search(r"1 failed, .*1 deferred", text)
    nothing_is_lost(hub_after_debug, *SPLITS)
    reasons = [events(hub_after_debug, "ended", split)[0]["reason"] for split in SPLITS]
    assert reasons == ["its launcher is gone", "asked by a stop file"]


@pytest.mark.slow
def test_after_a_killed_worker_the_other_ends_green_and_the_next_run_goes_on(
    hub_after_debug: Path, unbroken: Unbroken
) -> None:
    session = start_on(hub_after_debug, *TWO_WORKERS)
    gained(hub_after_debug, *SPLITS)
    psutil.Process(events(hub_after_debug, "launched")[-1]["pid"]).parent().kill()
    status, text = session.ended()
    assert status == 1, text
    assert "1 failed, 1 passed" in text
    assert progress_of(hub_after_debug, "test").attempts[0].ended["returncode"] == 0
    saved = progress_of(hub_after_debug).saved
    made_quick(hub_after_debug)
    again = run_here(hub_after_debug, *SERIAL)
    assert again.returncode == 0, again.stdout
    assert launches(hub_after_debug) == {"train-debug": 1, "test-debug": 1, "train-full": 2, "test-full": 1}
    assert sum(start for start, _ in events(hub_after_debug, "planned")[1]["parts"].values()) == saved
    assert results_of(hub_after_debug) == unbroken.results


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")
def test_a_test_that_becomes_another_user_is_none_of_our_business(small_hub: Path, tmp_path: Path) -> None:
    """A worker that cannot look whether it was asked to stop goes on."""
    (tmp_path / "test_plain.py").write_text(
        "import os, pytest\n"
        "@pytest.fixture\n"
        "def nobody():\n    os.seteuid(65534)\n    yield\n    os.seteuid(0)\n"
        "def test_it(nobody):\n    pass\n"
    )
    done = run_here(small_hub, "-n1", str(tmp_path / "test_plain.py"))
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
