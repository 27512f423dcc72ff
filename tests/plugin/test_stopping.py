"""Sessions that are ended from outside: reports are written, nobody is left, and no work is lost."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil
import pytest

from hubs import SLOW_ROWS, SPLITS
from processes import marked, until
from ptycho_compare.hub import Hub
from ptycho_compare.jobs import EXIT_STOPPED
from sessions import (
    TEST,
    THROUGH,
    TRAIN,
    Session,
    course_of,
    events,
    gained,
    junit_of,
    launches,
    made_quick,
    results_of,
    run_on,
    start_on,
    through,
)

from .conftest import Unbroken

SERIAL = ("-m", "full", "-k", "train")
TWO_WORKERS = ("-m", "full", "-n2")
TOLD = pytest.mark.parametrize(
    ("command", "group"),
    [(SERIAL, False), (TWO_WORKERS, False), (TWO_WORKERS, True)],
    ids=["serial", "n2", "n2-group"],  # a serial session is its group: a job is in none of its own
)
"""Which processes hear the signal: pytest, or all of its group."""
LINGERING = str(Path(__file__).parents[1] / "resume" / "lingering.py")


def nothing_is_lost(hub: Path, *splits: str) -> None:
    """The last attempt at each split was told to stop, and saved all that it had computed."""
    for split in splits:
        progress = course_of(hub, split)
        (ended,) = [attempt.ended for attempt in progress.attempts]
        assert ended is not None
        assert ended["returncode"] == EXIT_STOPPED
        assert 0 < progress.saved == progress.done < SLOW_ROWS


def workers_of(session: Session) -> list[psutil.Process]:
    """xdist's workers; a supervisor is another child of theirs."""
    return [child for child in psutil.Process(session.process.pid).children() if "-c" in child.cmdline()[:4]]


@TOLD
def test_sigterm_ends_in_a_report(
    gated_hub: Path, tmp_path: Path, command: tuple[str, ...], group: bool
) -> None:
    splits = SPLITS[:1] if command is SERIAL else SPLITS
    session = start_on(gated_hub, *command, f"--junitxml={tmp_path}/j.xml")
    gained(gated_hub, *splits)
    session.signal(signal.SIGTERM, group=group)
    status, text = session.ended()
    assert status == EXIT_STOPPED, text
    assert not marked(gated_hub)
    assert f"{TRAIN}: stopped (SIGTERM)" in text
    assert "go on: pytest " in text
    nothing_is_lost(gated_hub, *splits)
    cases = junit_of(tmp_path / "j.xml")
    assert sorted(cases) == sorted([TRAIN, TEST][: len(splits)])
    for case in cases.values():
        assert case.outcome == "skipped"
        assert case.properties["ptycho.outcome"] == "deferred"
    assert not (gated_hub / "red").exists()


@TOLD
def test_ctrl_c_saves_the_work(
    gated_hub: Path, tmp_path: Path, command: tuple[str, ...], group: bool
) -> None:
    """A terminal sends it to the whole group, a program that runs pytest perhaps to pytest alone."""
    splits = SPLITS[:1] if command is SERIAL else SPLITS
    session = start_on(gated_hub, *command, f"--junitxml={tmp_path}/j.xml")
    gained(gated_hub, *splits)
    session.signal(signal.SIGINT, group=group)
    status, text = session.ended()
    assert status == pytest.ExitCode.INTERRUPTED, text
    assert "KeyboardInterrupt" in text
    assert "INTERNALERROR" not in text
    until(lambda: not marked(gated_hub), "a process is left")
    nothing_is_lost(gated_hub, *splits)
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
    assert status == pytest.ExitCode.INTERRUPTED, text
    (case,) = junit_of(tmp_path / "j.xml").values()
    assert (case.outcome, case.properties) == ("passed", {})


def test_sigterm_before_any_job_runs_starts_none(gated_hub: Path, tmp_path: Path) -> None:
    """While a test of another kind is at work it ends like Ctrl-C, with what has been reported so far."""
    (tmp_path / "test_plain.py").write_text(
        "import time\ndef test_that_sleeps():\n    print('asleep')\n    time.sleep(600)\n"
    )
    session = start_on(
        gated_hub,
        "-s",
        str(tmp_path / "test_plain.py"),
        "acceptance/test_compare_models.py",
        "-k",
        "sleeps or full",
    )
    until(lambda: "asleep" in session.output.read_text())
    session.signal(signal.SIGTERM)
    status, text = session.ended()
    assert status == pytest.ExitCode.INTERRUPTED, text
    assert "SIGTERM" in text
    assert "train-full" not in launches(gated_hub)


def test_a_killed_session_leaves_nobody_and_the_next_goes_on(gated_hub: Path, unbroken: Unbroken) -> None:
    session = start_on(gated_hub, *SERIAL)
    gained(gated_hub)
    session.signal(signal.SIGKILL)
    session.ended()
    until(lambda: not marked(gated_hub), "a process is left")
    nothing_is_lost(gated_hub, "train")  # its supervisor saw that its launcher was gone
    assert events(gated_hub, "ended")[0]["reason"] == "its launcher is gone"
    saved = course_of(gated_hub).saved
    made_quick(gated_hub)
    again = run_on(gated_hub, *SERIAL)
    assert again.returncode == 0, again.stdout
    assert sum(start for start, _ in events(gated_hub, "planned")[1]["parts"].values()) == saved
    assert results_of(gated_hub) == unbroken.results


def test_a_killed_controller_leaves_nobody(gated_hub: Path) -> None:
    session = start_on(gated_hub, *TWO_WORKERS)
    gained(gated_hub, *SPLITS)
    session.signal(signal.SIGKILL)
    session.ended()
    until(lambda: not marked(gated_hub), "a process is left")
    for split in SPLITS:
        progress = course_of(gated_hub, split)
        assert 0 < progress.saved == progress.done


def test_a_killed_worker_takes_nobody_with_it(gated_hub: Path, unbroken: Unbroken) -> None:
    """Its test is red, as xdist has it; the other's is green, and the next run goes on with the first."""
    session = start_on(gated_hub, *TWO_WORKERS)
    gained(gated_hub, *SPLITS)
    supervisor = psutil.Process(events(gated_hub, "launched")[-1]["pid"])
    supervisor.parent().kill()
    status, text = session.ended()
    assert status == 1, text
    assert "1 failed, 1 passed" in text
    assert "crashed while running" in text
    nothing_is_lost(gated_hub, "train")
    assert course_of(gated_hub, "test").attempts[0].ended["returncode"] == 0
    saved = course_of(gated_hub).saved
    made_quick(gated_hub)
    again = run_on(gated_hub, *SERIAL)
    assert again.returncode == 0, again.stdout
    assert launches(gated_hub) == {"train-debug": 1, "test-debug": 1, "train-full": 2, "test-full": 1}
    assert sum(start for start, _ in events(gated_hub, "planned")[1]["parts"].values()) == saved
    assert results_of(gated_hub) == unbroken.results


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")
def test_a_test_that_becomes_another_user_is_none_of_our_business(small_hub: Path, tmp_path: Path) -> None:
    """A worker that cannot look whether it was asked to stop goes on."""
    (tmp_path / "test_plain.py").write_text(
        "import os, pytest\n"
        "@pytest.fixture\n"
        "def nobody():\n    os.seteuid(65534)\n    yield\n    os.seteuid(0)\n"
        "def test_it(nobody):\n    pass\n"
    )
    done = run_on(small_hub, "-n1", str(tmp_path / "test_plain.py"))
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
