"""What a session would do, said without doing it; and what it does again: nothing that is done."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import psutil
import pytest

from hubs import SLOW_ROWS, SPLITS
from processes import until
from ptycho_compare.sigterm import EXIT_STOPPED
from sessions import (
    SCAN,
    TEST,
    TRAIN,
    events,
    gained,
    job_of,
    junit_of,
    launches,
    made_another_scan,
    progress_of,
    run_here,
    start_on,
)

from .conftest import Unbroken


def plan_of(hub: Path, *arguments: str) -> str:
    """The plan of a session; nothing is changed by it."""
    before = {path: path.stat().st_mtime_ns for path in hub.rglob("*") if path.is_file()}
    done = run_here(hub, "--ptycho-plan", *arguments)
    assert done.returncode == 0, done.stdout
    assert "passed" not in done.stdout
    assert "nothing was run" in done.stdout
    assert {path: path.stat().st_mtime_ns for path in hub.rglob("*") if path.is_file()} == before
    return done.stdout


def test_of_a_new_hub(untried_hub: Path) -> None:
    text = plan_of(untried_hub)
    for split in SPLITS:
        for tier in ("debug", "full"):
            assert re.search(rf"dose_1000-dense-{split}-{tier} +to run: not measured \(missing: ", text)
    assert "in all: 0 s, and 4 not yet measured; nothing was run" in text


def test_with_debug_done(hub_after_debug: Path) -> None:
    text = plan_of(hub_after_debug)
    assert text.count("done: reused as it is, by digest") == 2
    assert re.search(rf"{TRAIN} +to run: {SLOW_ROWS} patches, about \d+ s \(missing: ", text)
    assert re.search(r"in all: \d+ s; nothing was run", text)


def test_of_what_was_begun(hub_after_debug: Path) -> None:
    """A job that runs is seen, and what it saved."""
    session = start_on(hub_after_debug, "-m", "full", "-k", "train", "--timeout=600")
    gained(hub_after_debug)
    (command,) = psutil.Process(events(hub_after_debug, "launched")[-1]["pid"]).children()
    command.suspend()  # however slow the plan is today, it finds the job at work
    done = run_here(hub_after_debug, "--ptycho-plan", "-m", "full", "-k", "train")
    command.resume()
    assert re.search(rf"{TRAIN} +runs now: \d+ of {SLOW_ROWS} patches, about \d+ (s|min)", done.stdout)
    job_of(hub_after_debug).stop.touch()
    status, text = session.ended()
    assert status == EXIT_STOPPED, text
    assert f"{TRAIN}: stopped (asked by a stop file)" in text  # not by the deadline, which has not come
    text, saved = plan_of(hub_after_debug, "-m", "full"), progress_of(hub_after_debug).saved
    assert re.search(rf"{TRAIN} +goes on: reuses {saved} of {SLOW_ROWS} patches, about \d+ (s|min)", text)
    assert re.search(rf"{TEST} +to run: {SLOW_ROWS} patches", text)


def test_of_a_finished_hub(finished_hub: Path) -> None:
    text = plan_of(finished_hub, "-k", "train")
    assert text.count("done: reused as it is, by digest") == 2
    assert "in all: 0 s; nothing was run" in text


def test_of_one_whose_inputs_are_gone(finished_hub: Path) -> None:
    (finished_hub / SCAN).unlink()
    text = plan_of(finished_hub, "-k", "train-full")
    assert re.search(rf"{TRAIN} +cannot run: .*{SCAN}: No such file", text)


def test_comes_from_one_process(hub_after_debug: Path) -> None:
    done = run_here(hub_after_debug, "--ptycho-plan", "-n2")
    assert done.returncode == 4
    assert done.stderr.strip() == "ERROR: --ptycho-plan prints from one process; add -n0"


def test_with_no_job_at_a_time_nothing_could_run(hub_after_debug: Path) -> None:
    done = run_here(hub_after_debug, "--ptycho-slots", "0")
    assert done.returncode == 4
    assert done.stderr.strip() == "ERROR: --ptycho-slots: 0; needed: at least 1"


def test_what_is_done_is_not_done_again(finished_hub: Path, unbroken: Unbroken, tmp_path: Path) -> None:
    """Its inputs are read again, which takes a fraction of the time."""
    before = launches(finished_hub)
    done = run_here(finished_hub, "-m", "debug or full", "-k", "train", f"--junitxml={tmp_path}/j.xml")
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
    assert launches(finished_hub) == before
    assert junit_of(tmp_path / "j.xml")[TRAIN].seconds < 0.2 * unbroken.seconds
    logs = sorted((finished_hub / "green").glob("*train-full*"))
    assert "computed: earlier; inputs, settings, code and artifacts are as they were" in logs[-1].read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("option", "why"),
    [
        pytest.param("--ptycho-any-tier", "stale: .*: input test_data was", id="other inputs"),
        pytest.param("--ptycho-fresh", "--ptycho-fresh", id="asked for"),
    ],
)
def test_what_is_not_of_use_any_more_is_done_anew(finished_hub: Path, option: str, why: str) -> None:
    """From its first patch: a finished job has no checkpoints."""
    if option != "--ptycho-fresh":
        made_another_scan(finished_hub)
    text = plan_of(finished_hub, "-k", "train-full", option)
    assert re.search(rf"{TRAIN} +to run: {SLOW_ROWS} patches, about \d+ s \({why}", text)
    session = start_on(finished_hub, "-m", "full", "-k", "train", option)
    planned = until(lambda: events(finished_hub, "planned")[1:])
    session.signal(signal.SIGTERM)
    status, text = session.ended()
    assert status == EXIT_STOPPED, text
    assert [start for start, _ in planned[0]["parts"].values()] == [0, 0]
