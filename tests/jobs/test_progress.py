"""The progress of a job, read from its state log: laws that hold for any, and what each event means."""

from __future__ import annotations

import json
import signal
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.hub import JobFiles
from ptycho_compare.jobs.pace import measured_pace, progress_text, since_text
from ptycho_compare.jobs.progress import attempts_so_far, read_progress
from thorough import examples

from .commands import command_of, has, kill, reporting, run
from .state_logs import PARTS, Attempt, Job, StateLog, attempts, events


@pytest.fixture
def log(tmp_path: Path) -> StateLog:
    return StateLog(tmp_path)


# laws


@given(attempts())
def test_progress_is_what_the_attempts_did(history: list[Attempt]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        truth = Job(StateLog(Path(folder)))
        for attempt in history:
            truth.attempt(attempt)
        progress = truth.log.progress()
    assert [attempt.gained for attempt in progress.attempts] == truth.gained
    assert progress.saved == sum(truth.saved.values()) == sum(truth.gained)
    assert progress.done == sum(truth.done.values())
    assert progress.total == (sum(PARTS.values()) if history else 0)
    for name, part in progress.parts.items():
        assert 0 <= part.saved <= part.done <= part.total
        assert part.saved_s == truth.saved_s[name] <= part.seconds
    assert [attempt.start_s is not None for attempt in progress.attempts] == [
        bool(each.batches) and sum(truth.gained[:number]) < sum(PARTS.values())
        for number, each in enumerate(history)
    ]


@examples(25)
@given(attempts())
def test_progress_only_grows_while_its_log_does(history: list[Attempt]) -> None:
    """Whoever looks at any moment, between any two lines, sees no more than is true in the end."""
    with tempfile.TemporaryDirectory() as folder:
        truth = Job(StateLog(Path(folder)))
        for attempt in history:
            truth.attempt(attempt)
        lines = truth.log.files.states.read_text().splitlines(keepends=True)
        saved = attempts_seen = 0
        for count in range(len(lines) + 1):
            truth.log.files.states.write_text("".join(lines[:count]))
            progress = truth.log.progress()
            assert progress.saved >= saved
            assert len(progress.attempts) >= attempts_seen
            assert progress.saved <= progress.done <= progress.total
            saved, attempts_seen = progress.saved, len(progress.attempts)


@given(st.lists(events(), max_size=12))
def test_no_line_whatever_it_says_breaks_the_reading(history: list[dict[str, Any]]) -> None:
    """A hub outlives versions, and its logs hands that mend them."""
    with tempfile.TemporaryDirectory() as folder:
        log = StateLog(Path(folder))
        log.launch()
        log.plan(PINN=(0, 40), Baseline=(10, 60))
        for event in history:
            log.write(json.dumps(event))
        progress = log.progress()
        assert len(attempts_so_far(log.files)) <= len(progress.attempts)
    assert 0 <= progress.saved <= progress.done <= progress.total
    assert all(part.saved <= part.done <= part.total for part in progress.parts.values())
    assert all((attempt.start_s or 0.0) >= 0.0 for attempt in progress.attempts)
    assert all((attempt.overhead_s or 0.0) >= 0.0 for attempt in progress.attempts)
    assert 0 <= progress.stalled <= len(progress.attempts)
    pace = measured_pace([progress])
    assert pace is None or (pace.forecast_s({"PINN": 1}) or 0.0) >= 0.0
    assert progress_text(progress)
    assert since_text(progress)


# what is not there


def test_a_job_that_was_never_started_has_an_empty_progress(tmp_path: Path) -> None:
    progress = read_progress(JobFiles(tmp_path / "nowhere"))
    assert (progress.attempts, progress.parts) == ([], {})
    assert (progress.done, progress.saved, progress.total, progress.stalled) == (0, 0, 0, 0)
    assert attempts_so_far(JobFiles(tmp_path / "nowhere")) == []


def test_lines_before_any_launch_are_passed_over(log: StateLog) -> None:
    """The log's first part was lost; a holder that died is noted before the next launch, too."""
    log.report("died", host="beamline-7", pid=17, left_behind=0)
    log.report("running", pid=18)
    log.plan(PINN=(0, 40))
    log.work("PINN", 10, 1.0, 1.0)
    log.save("PINN", 10)
    log.end(0)
    progress = log.progress()
    assert (progress.attempts, progress.parts) == ([], {})


@pytest.mark.parametrize("facts", [{"part": "LSQML"}, {"part": ["PINN"]}, {"part": None}, {}])
def test_parts_that_were_not_planned_are_passed_over(log: StateLog, facts: dict[str, Any]) -> None:
    log.launch()
    log.plan(PINN=(0, 40))
    log.report("working", 1.0, **facts, done=10, seconds=1.0)
    log.report("checkpoint", **facts, done=10, seconds=0.1)
    progress = log.progress()
    assert (progress.done, progress.saved, progress.total) == (0, 0, 40)
    assert progress.attempts[0].gained == 0


def test_states_that_no_one_knows_are_passed_over(log: StateLog) -> None:
    log.launch()
    log.plan(PINN=(0, 40))
    log.report("batch_halved", rows=8)
    log.work("PINN", 10, 1.0, 1.0)
    assert log.progress().done == 10


@pytest.mark.parametrize(
    "parts",
    ['{"PINN": [0, 40], ... (5000 characters)', [["PINN", 0, 40]], {"PINN": 40}, {"PINN": [50, 40]}],
    ids=["cut", "a list", "a number", "more than there are"],
)
def test_a_plan_that_cannot_be_read_is_passed_over(log: StateLog, parts: object) -> None:
    """A line that would be too long for the log is cut."""
    log.launch()
    log.report("planned", parts=parts)
    log.work("PINN", 10, 1.0, 1.0)
    assert (log.progress().done, log.progress().total) == (0, 0)


@pytest.mark.parametrize("facts", [{"done": 41}, {"done": -1}, {"done": "10"}, {"done": None}, {"done": 9.5}])
def test_counts_that_cannot_be_are_passed_over(log: StateLog, facts: dict[str, Any]) -> None:
    log.launch()
    log.plan(PINN=(5, 40))
    log.report("working", 1.0, part="PINN", seconds=1.0, **facts)
    log.report("checkpoint", part="PINN", seconds=0.1, **facts)
    progress = log.progress()
    assert (progress.done, progress.saved) == (5, 5)


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), -1.0, "1.0", None])
def test_seconds_that_cannot_be_are_passed_over(log: StateLog, seconds: object) -> None:
    log.launch()
    log.plan(PINN=(0, 40))
    log.work("PINN", 10, 1.0, 1.0)
    log.report("working", 1.0, part="PINN", done=20, seconds=seconds)
    part = log.progress().parts["PINN"]
    assert (part.done, part.seconds) == (10, 1.0)


# what is done, what is safe


def test_a_checkpoint_whose_progress_was_lost_counts_as_done_too(log: StateLog) -> None:
    """The line before it was torn by a full disk."""
    log.launch()
    log.plan(PINN=(0, 40))
    log.work("PINN", 10, 1.0, 1.0)
    log.save("PINN", 30)
    part = log.progress().parts["PINN"]
    assert (part.done, part.saved) == (30, 30)


def test_what_a_killed_attempt_had_not_saved_is_lost_and_its_seconds_with_it(log: StateLog) -> None:
    log.launch()
    log.plan(PINN=(0, 40))
    log.work("PINN", 10, 20.0, 20.0)
    log.save("PINN", 10)
    log.work("PINN", 25, 50.0, 30.0)
    assert (log.progress().done, log.progress().parts["PINN"].seconds) == (25, 50.0)
    log.launch()
    log.plan(PINN=(10, 40))
    part = log.progress().parts["PINN"]
    assert (part.done, part.saved, part.seconds, part.saved_s) == (10, 10, 20.0, 20.0)


def test_of_checkpoints_that_went_in_part_the_seconds_go_in_proportion(log: StateLog) -> None:
    """The newest was damaged, and the one before it was taken."""
    log.launch()
    log.plan(PINN=(0, 40))
    log.work("PINN", 40, 80.0, 80.0)
    log.save("PINN", 40)
    log.launch()
    log.plan(PINN=(10, 40))
    part = log.progress().parts["PINN"]
    assert (part.saved, part.saved_s) == (10, 20.0)


def test_work_that_was_set_aside_is_done_anew(log: StateLog) -> None:
    """Other inputs: all that is gained counts again, though an attempt before had gained as much."""
    for _ in range(2):
        log.launch()
        log.plan(PINN=(0, 40))
        log.work("PINN", 40, 80.0, 80.0)
        log.save("PINN", 40)
    progress = log.progress()
    assert [attempt.gained for attempt in progress.attempts] == [40, 40]
    assert (progress.saved, progress.parts["PINN"].seconds) == (40, 80.0)


def test_parts_are_those_of_the_newest_attempt(log: StateLog) -> None:
    log.launch()
    log.plan(PINN=(0, 40), Baseline=(0, 60))
    log.launch()
    log.plan(PINN=(0, 20))
    assert (list(log.progress().parts), log.progress().total) == (["PINN"], 20)


def test_parts_stay_known_until_the_next_attempt_has_counted_them(log: StateLog) -> None:
    log.launch()
    log.plan(PINN=(0, 40))
    log.work("PINN", 10, 1.0, 1.0)
    log.save("PINN", 10)
    log.launch()
    assert (log.progress().saved, log.progress().total) == (10, 40)
    assert not log.progress().attempts[-1].counted


def test_a_step_is_named_until_units_are_done_again(log: StateLog) -> None:
    log.launch()
    log.plan(PINN=(0, 40))
    log.report("step", name="loads PINN")
    assert log.progress().step == "loads PINN"
    log.work("PINN", 10, 1.0, 1.0)
    assert log.progress().step == ""
    log.report("step", name="scores")
    log.launch()
    assert log.progress().step == ""


# what an attempt took


def test_a_wait_for_a_slot_is_no_part_of_the_start(log: StateLog) -> None:
    log.launch(wait_s=3600.0)
    log.plan(2.0, PINN=(0, 40))
    log.work("PINN", 10, 5.0, 5.0)
    log.save("PINN", 10)
    log.work("PINN", 40, 20.0, 15.0)
    log.save("PINN", 40, 0.5)
    log.end(0, 1.0)
    (attempt,) = log.progress().attempts
    assert (attempt.start_s, attempt.overhead_s) == (7.0, 3.5)


def test_work_of_attempts_before_is_no_part_of_an_overhead(log: StateLog) -> None:
    log.launch()
    log.plan(1.0, PINN=(0, 40))
    log.work("PINN", 30, 300.0, 300.0)
    log.save("PINN", 30)
    log.end(75)
    log.launch()
    log.plan(1.0, PINN=(30, 40))
    log.work("PINN", 40, 400.0, 100.0)
    log.end(0, 4.0)
    first, second = log.progress().attempts
    assert first.overhead_s is None  # it did not come to its end
    assert second.overhead_s == 5.0


@pytest.mark.parametrize(
    ("returncode", "known"), [(0, True), (1, True), (2, False), (75, False), (-9, False)]
)
def test_only_an_attempt_that_came_to_its_end_has_an_overhead(
    log: StateLog, returncode: int, known: bool
) -> None:
    log.launch()
    log.plan(1.0, PINN=(40, 40))
    log.end(returncode, 2.0)
    assert log.progress().attempts[0].overhead_s == (3.0 if known else None)


def test_an_attempt_that_was_refused_before_it_counted_has_no_overhead(log: StateLog) -> None:
    log.launch()
    log.end(1, 2.0)
    assert log.progress().attempts[0].overhead_s is None


def test_a_clock_that_is_set_back_takes_no_time_away(log: StateLog) -> None:
    log.launch()
    log.plan(PINN=(0, 40))
    log.work("PINN", 10, 1.0, -3600.0)
    log.end(0, 1.0)
    (attempt,) = log.progress().attempts
    assert (attempt.start_s, attempt.overhead_s) == (0.0, 0.0)


# attempts that gain nothing


def attempt_that(log: StateLog, ending: str) -> None:
    if ending == "never ran":
        log.report("launched", 1.0, attempt=9, host="beamline-7", pid=9)
        log.report("waiting", reason="1 of 1 slots are taken")
        log.end(75, 60.0, reason="SIGTERM, while it waited for a slot")
        return
    log.launch()
    saved = log.progress().saved
    log.plan(PINN=(saved, 400))
    if ending == "gained":
        log.work("PINN", saved + 10, 1.0, 1.0)
        log.save("PINN", saved + 10)
    status = {"stopped": 75, "gained": 75, "killed": -9, "finished": 0, "failed": 1, "refused": 2}
    if ending != "died":
        log.end(status[ending])


@pytest.mark.parametrize(
    ("endings", "stalled"),
    [
        ([], 0),
        (["stopped"], 1),
        (["died"], 1),
        (["killed"], 1),
        (["gained"], 0),
        (["finished"], 0),
        (["failed"], 0),
        (["refused"], 0),
        (["stopped", "died", "killed"], 3),
        (["stopped", "gained"], 0),
        (["gained", "died", "stopped"], 2),
        (["stopped", "refused", "died"], 1),
        (["never ran", "never ran"], 0),
        (["stopped", "never ran", "stopped", "never ran"], 2),
        (["gained", "never ran"], 0),
    ],
    ids=lambda value: ", ".join(value) if isinstance(value, list) else None,
)
def test_stalled_are_the_last_in_a_row_that_ran_and_gained_nothing(
    log: StateLog, endings: list[str], stalled: int
) -> None:
    for ending in endings:
        attempt_that(log, ending)
    assert log.progress().stalled == stalled


def test_an_attempt_that_died_is_known_by_the_line_that_is_missing(log: StateLog) -> None:
    attempt_that(log, "died")
    log.report("died", host="beamline-7", pid=1001, left_behind=0)
    attempt_that(log, "gained")
    first, second = log.progress().attempts
    assert (first.ended, first.unfinished) == (None, True)
    assert second.ended is not None
    assert second.unfinished


def test_results_name_the_attempts_that_ran(log: StateLog) -> None:
    attempt_that(log, "gained")
    attempt_that(log, "never ran")
    attempt_that(log, "died")
    assert [(each["attempt"], each["gained"]) for each in attempts_so_far(log.files)] == [(1, 10), (2, 0)]
    assert {each["host"] for each in attempts_so_far(log.files)} == {"beamline-7"}


# of a real command


def test_the_progress_of_a_real_job_that_was_killed_and_then_finished(place: Path) -> None:
    first = reporting(place, before=0, units=10)

    def out_of_time() -> bool:
        if has(first.log, "ready")():
            kill(command_of(first))
        return False

    assert run(first, out_of_time=out_of_time).returncode == -signal.SIGKILL
    assert run(reporting(place, before=10, units=40)).returncode == 0
    progress = read_progress(first.files)
    assert [attempt.gained for attempt in progress.attempts] == [10, 30]
    assert [attempt.unfinished for attempt in progress.attempts] == [True, False]
    assert (progress.saved, progress.total, progress.stalled) == (40, 40, 0)
    assert [attempt.overhead_s is None for attempt in progress.attempts] == [True, False]
    assert measured_pace([progress]) is not None
