"""Deadlines and windows: what does not fit is saved, the test deferred, and the same command goes on."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from hubs import DOSE, SLOW_ROWS, SPLITS
from jobs.commands import nobody_begins
from processes import until
from ptycho_compare.hub import Hub
from ptycho_compare.phases.comparison.job import ComparisonJob
from ptycho_compare.sigterm import EXIT_STOPPED
from ptycho_compare.study import Comparison, load_study
from sessions import (
    THROUGH,
    TRAIN,
    events,
    folder_of,
    job_of,
    junit_of,
    launches,
    made_quick,
    notes,
    progress_of,
    results_of,
    run_here,
    run_on,
    through,
)
from thorough import THOROUGH

from .conftest import Unbroken

PLAIN_TESTS = """\
import time

def test_that_sleeps():
    time.sleep(600)

def test_that_fails():
    assert False

def test_that_passes():
    pass
"""

SLOW_SETUP = """\
import time, pytest

@pytest.fixture(autouse=True)
def slow():
    time.sleep(1.6)  # a quarter of the timeout is kept for stopping
"""
COMPARISONS = "acceptance/test_compare_models.py"
PENDING = str(Path(__file__).parents[1] / "resume" / "pending.py")


@pytest.fixture
def plain(tmp_path: Path) -> str:
    """Tests of the user's own, beside those of the hub in one session."""
    (tmp_path / "plain").mkdir()
    file = tmp_path / "plain" / "test_plain.py"
    file.write_text(PLAIN_TESTS)
    return str(file)


def a_moment_too_short_s(hub: Path) -> float:
    """Length of a window that would do, had none of it passed when a job is to begin."""
    study, least_s = hub / "study.toml", []
    for split in SPLITS:
        place = Comparison(DOSE, "dense", split, "full")
        least = ComparisonJob(Hub(hub), load_study(study), study, place).state().least_s
        assert least is not None
        least_s.append(least)
    return (max(least_s) + 0.005) / 0.75  # a quarter is kept for stopping


def test_the_same_command_again_and_again_ends_green(
    hub_after_debug: Path, unbroken: Unbroken, tmp_path: Path
) -> None:
    limit_s, patches = a_moment_too_short_s(hub_after_debug) + 2.0, [0]
    while True:
        limit = f"{limit_s:.1f}"
        stopped = f"stopped (timeout {float(limit):g} s)"
        command = ("-m", "full", "-k", "train", f"--timeout={limit}", f"--junitxml={tmp_path}/j.xml")
        done = run_here(hub_after_debug, *command)
        case = junit_of(tmp_path / "j.xml")[TRAIN]
        if done.returncode == 0 and len(patches) == 1:  # others have left the machine to us
            shutil.rmtree(folder_of(hub_after_debug))
            limit_s /= 1.5
            continue
        if done.returncode == 0:
            break
        if "too short" in done.stdout:  # others keep the machine busy
            limit_s *= 1.5
            continue
        assert done.returncode == EXIT_STOPPED, done.stdout
        assert "1 deferred" in done.stdout
        (line,) = re.findall(rf"{TRAIN} +deferred +(\d+)/{SLOW_ROWS} patches", done.stdout)
        assert f"{TRAIN}: {stopped}" in done.stdout
        assert f"go on: pytest {' '.join(done.args)}" in done.stdout
        assert case.outcome == "skipped"
        assert case.properties["ptycho.outcome"] == "deferred"
        assert case.properties["ptycho.done"] == f"{line}/{SLOW_ROWS}"
        assert case.properties["ptycho.reason"] == stopped
        if int(line) == patches[-1]:
            limit_s *= 1.5
        patches.append(int(line))
        if not THOROUGH and patches[-1] > 0:  # one attempt more, not several
            made_quick(hub_after_debug)
    assert patches == sorted(patches)
    assert len(patches) > 1
    assert "1 passed" in done.stdout
    assert (case.outcome, case.properties["ptycho.outcome"]) == ("passed", "passed")
    # each attempt began with all that the one before had computed; stopped at once, it planned nothing
    begun = [
        sum(start for start, _ in event["parts"].values()) for event in events(hub_after_debug, "planned")
    ]
    assert begun == sorted(begun)
    assert set(begun) == set(patches)
    assert results_of(hub_after_debug) == unbroken.results


def test_a_window_is_shared_by_all_workers(hub_after_debug: Path, unbroken: Unbroken, tmp_path: Path) -> None:
    window_s = 2.0 * a_moment_too_short_s(hub_after_debug) + 3.0  # for two that start side by side
    stopped = False
    while not stopped:
        command = ("-m", "full", f"--ptycho-window={window_s:.1f}", "-n2", f"--junitxml={tmp_path}/j.xml")
        done = run_here(hub_after_debug, *command, measured=True)
        assert done.returncode == EXIT_STOPPED, done.stdout
        assert f"ptycho: window {window_s:.1f}; what does not fit is deferred" in done.stdout
        assert "2 deferred" in done.stdout
        # on a busy machine one of the two, or both, may find that their time is gone before they begin
        stopped = f": stopped (--ptycho-window {window_s:.1f})" in done.stdout
        window_s *= 1.5
    cases = junit_of(tmp_path / "j.xml")
    assert {case.properties["ptycho.outcome"] for case in cases.values()} == {"deferred"}
    for split in SPLITS:
        saved = progress_of(hub_after_debug, split).saved
        assert cases[f"dose_{DOSE}-dense-{split}-full"].properties["ptycho.done"] == f"{saved}/{SLOW_ROWS}"


class TestAWindowThatIsTooShort:
    def test_as_a_whole_is_blocked_and_told_what_is_needed(self, hub_after_debug: Path) -> None:
        done = run_here(hub_after_debug, "-m", "full", "-k", "train", "--ptycho-window", "2s")
        assert done.returncode == 1, done.stdout
        assert "1 blocked" in done.stdout
        assert re.search(
            rf"window: {TRAIN}: an attempt needs about \d+ s to gain anything, a window of \d+ s; "
            "--ptycho-window 2s is too short",
            done.stdout,
        )
        (note,) = notes(hub_after_debug, "window_too_small")
        text = note.read_text()
        assert "an attempt needs about" in text
        assert "(not started)" in text
        assert "The same tests are run in a window of at least the length named above." in text
        assert "train-full" not in launches(hub_after_debug)

    def test_when_the_job_would_begin_defers_it(self, hub_after_debug: Path) -> None:
        window_s = a_moment_too_short_s(hub_after_debug)
        done = run_here(hub_after_debug, "-m", "full", f"--ptycho-window={window_s:.4f}")
        assert done.returncode == EXIT_STOPPED, done.stdout
        assert "2 deferred" in done.stdout
        assert re.search(
            rf"{TRAIN}: not started: an attempt needs about \d+ s to gain anything, and \d+ s are left of "
            rf"--ptycho-window {window_s:.4f}",
            done.stdout,
        )
        assert re.search(rf"{TRAIN} +deferred +0/{SLOW_ROWS} patches \(0%\), about \d+ s left", done.stdout)
        assert "train-full" not in launches(hub_after_debug)
        assert not (hub_after_debug / "red").exists()
        # and never for ever
        again = run_here(hub_after_debug, "-m", "full", "-k", "train", f"--ptycho-window={window_s:.4f}")
        assert again.returncode == 1, again.stdout
        (needed,) = re.findall(
            rf"window: {TRAIN}: an attempt needs about .*; nothing was started in two rounds; \d+ s were "
            r"spent before it could begin; a window of (\d+) s would do",
            again.stdout,
        )
        assert int(needed) > window_s
        assert len(notes(hub_after_debug, "window_too_small")) == 1

    def test_to_begin_with_is_none_where_nothing_was_measured(self, untried_hub: Path) -> None:
        """Two attempts are spent to find out; then it is red, and says what to do."""
        command = ("-m", "full", "-k", "train", "--ptycho-any-tier")
        first = run_here(untried_hub, *command, "--ptycho-detach", runner=(PENDING,))
        assert first.returncode == EXIT_STOPPED, first.stdout
        assert "1 deferred" in first.stdout
        until(lambda: events(untried_hub, "running"))
        job_of(untried_hub).stop.touch()
        until(lambda: events(untried_hub, "ended"))
        # long enough for a busy machine to begin an attempt, which gains nothing on a fast one either
        timeout = ("--timeout=8", "--timeout-method=thread")
        second = run_on(untried_hub, *command, *timeout, *THROUGH, measured=True, **through(PENDING))
        assert second.returncode == 1, second.stdout
        assert "1 deferred" not in second.stdout
        text = "stalled: 2 attempts in a row were stopped and gained nothing (the last: timeout 8 s)"
        assert text in second.stdout
        (note,) = notes(untried_hub, "no_progress")
        assert "give it a longer window, or run it with --timeout=0" in note.read_text()
        assert launches(untried_hub) == {"train-full": 2}

    def test_for_a_supervisor_to_begin_defers_it(self, untried_hub: Path) -> None:
        command = ("-m", "full", "-k", "train", "--ptycho-any-tier")
        waited = None
        for window_s in (3, 6, 12):  # on a busy machine a short one is over before anybody waits
            with nobody_begins(job_of(untried_hub)):
                done = run_here(untried_hub, *command, f"--ptycho-window={window_s}")
            assert done.returncode == EXIT_STOPPED, done.stdout
            waited = re.search(rf"{TRAIN}: not started: .* did not begin in the time there was", done.stdout)
            if waited:
                break
        assert waited, done.stdout
        assert launches(untried_hub) == {}

    def test_for_the_test_to_come_to_its_job_is_blocked(
        self, untried_hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its time is its own: the next run would come no further, and must not be deferred for ever."""
        (tmp_path / "slow_setup.py").write_text(SLOW_SETUP)
        command = ("-m", "full", "-k", "train", "--ptycho-no-gate", "--timeout=2", "-p", "slow_setup")
        monkeypatch.syspath_prepend(tmp_path)
        done = run_here(untried_hub, *command)
        assert done.returncode == 1, done.stdout
        assert "1 blocked" in done.stdout
        assert re.search(
            rf"window: {TRAIN}: what an attempt needs was never measured, a window of \d+ s; "
            "timeout 2 s is too short: 0 s are left of timeout 2 s",
            done.stdout,
        )
        (note,) = notes(untried_hub, "window_too_small")
        assert "The same tests are run in a window of at least the length named above." in note.read_text()
        assert launches(untried_hub) == {}


class TestOtherTestsOfTheSession:
    @pytest.mark.parametrize("method", ["signal", pytest.param("thread", marks=pytest.mark.slow)])
    def test_keep_their_timeout(self, hub_after_debug: Path, plain: str, method: str) -> None:
        """In the thread method it ends the whole session, which is why tests of a hub must not meet it."""
        run = run_here if method == "signal" else run_on
        done = run(
            hub_after_debug, COMPARISONS, plain, "-k", "train-full or sleeps or passes", "--timeout=2",
            f"--timeout-method={method}",
        )  # fmt: skip
        assert done.returncode == 1, done.stdout
        assert "Timeout" in done.stdout + done.stderr
        if method == "signal":
            assert "1 failed, 1 passed" in done.stdout
            assert "1 blocked" in done.stdout

    def test_are_not_kept_from_running_by_one_that_is_deferred(
        self, hub_after_debug: Path, plain: str
    ) -> None:
        window = f"--ptycho-window={a_moment_too_short_s(hub_after_debug):.4f}"
        kept = ("-p", "cacheprovider", "-p", "stepwise", "-o", f"cache_dir={hub_after_debug.parent}/cache")
        eager = ("-x", "--stepwise")  # each of them would end the session at a failure
        done = run_here(hub_after_debug, COMPARISONS, plain, "-k", "full or passes", window, *eager, *kept)
        assert done.returncode == EXIT_STOPPED, done.stdout
        assert re.search(r"1 passed, .*2 deferred", done.stdout)

    def test_decide_the_exit_status_when_they_fail(self, hub_after_debug: Path, plain: str) -> None:
        window = f"--ptycho-window={a_moment_too_short_s(hub_after_debug):.4f}"
        kept = ["-p", "cacheprovider", "-o", f"cache_dir={hub_after_debug.parent}/cache"]
        done = run_here(hub_after_debug, COMPARISONS, plain, "-k", "train-full or fails", window, *kept)
        assert done.returncode == 1, done.stdout
        assert "1 failed" in done.stdout
        assert "1 deferred" in done.stdout
        again = run_here(hub_after_debug, COMPARISONS, plain, window, "--lf", *kept)
        assert "1 failed" in again.stdout
        assert "1 deferred" not in again.stdout


def test_an_option_that_is_no_time_is_one_line(hub_after_debug: Path) -> None:
    for option in ("--ptycho-window", "--ptycho-deadline"):
        done = run_here(hub_after_debug, f"{option}=soon")
        assert done.returncode == 4
        assert f"ERROR: {option}: 'soon' is no duration; write 540, 9m or 1h30m" in done.stderr


def test_the_options_are_told_by_help() -> None:
    text = run_here(None, "--help").stdout
    for option in ("--ptycho-window=TIME", "--ptycho-detach", "--ptycho-plan", "--ptycho-adopt=DIR"):
        assert option in text
