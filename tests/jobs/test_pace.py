"""The pace of a job: laws of a forecast, from which attempts it is read, and the line that people read."""

from __future__ import annotations

import os
import re
import signal
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processes import runs, until
from ptycho_compare.jobs.pace import Pace, bar_line, measured_pace, progress_text, running_line, since_text
from ptycho_compare.jobs.progress import JobProgress
from ptycho_compare.jobs.record import JobSpec, read_done

from .commands import Launcher, await_ready, cued, finish, kill, reporting, supervisor_of
from .state_logs import PARTS, Attempt, Job, StateLog, attempts

pytestmark = pytest.mark.usefixtures("unmeasured")

Counts = dict[str, int]

counts = st.fixed_dictionaries({name: st.integers(0, total) for name, total in PARTS.items()})


def progress_of(history: list[Attempt]) -> JobProgress:
    with tempfile.TemporaryDirectory() as folder:
        job = Job(StateLog(Path(folder)))
        for attempt in history:
            job.attempt(attempt)
        return job.log.progress()


@pytest.fixture
def log(tmp_path: Path) -> StateLog:
    return StateLog(tmp_path / "job")


def whole_attempt(log: StateLog, *, start_s: float, unit_s: float, end_s: float) -> None:
    """Forty units: the first of them, which belongs to the start, takes no time."""
    log.launch()
    log.plan(PINN=(0, 40))
    log.work("PINN", 1, 0.0, start_s)
    log.work("PINN", 40, 40 * unit_s, 40 * unit_s)
    log.save("PINN", 40)
    log.end(0, end_s)


# laws


@given(attempts(), counts, counts)
def test_a_forecast_is_never_negative_and_grows_with_what_remains(
    history: list[Attempt], some: Counts, more: Counts
) -> None:
    pace = measured_pace([progress_of(history)])
    if pace is None:
        return
    both = {name: some[name] + more[name] for name in PARTS}
    less_s, more_s = pace.forecast_s(some), pace.forecast_s(both)
    assert less_s is None or less_s >= 0.0
    assert less_s is None or more_s is None or less_s <= more_s


@given(attempts(), counts, st.integers(0, 100), st.integers(0, 100))
def test_the_least_is_never_negative_and_grows_with_the_units_of_a_chunk(
    history: list[Attempt], remaining: Counts, units: int, more: int
) -> None:
    pace = measured_pace([progress_of(history)])
    if pace is not None:
        assert 0.0 <= pace.least_s(remaining, units=units) <= pace.least_s(remaining, units=units + more)


@given(st.floats(0, 100), st.floats(0, 100), st.floats(0.001, 10), counts, st.integers(1, 100))
def test_to_gain_anything_takes_no_longer_than_to_finish(
    start_s: float, end_s: float, unit_s: float, remaining: Counts, chunk: int
) -> None:
    pace = Pace(dict.fromkeys(PARTS, unit_s), start_s + end_s, start_s, end_s)
    whole_s = pace.forecast_s(remaining)
    assert whole_s is not None
    assert pace.least_s(remaining, units=chunk) <= whole_s


@given(attempts())
def test_a_pace_is_known_once_a_unit_was_done_in_measurable_time(history: list[Attempt]) -> None:
    """A part that was worked through by earlier attempts is measured, whatever became of them."""
    progress = progress_of(history)
    pace = measured_pace([progress])
    measured = {name for name, part in progress.parts.items() if part.done}
    assert (pace is None) == (not measured)
    assert pace is None or set(pace.unit_s) == measured


@given(attempts())
def test_the_pace_of_a_part_lies_between_its_fastest_and_its_slowest_batch(history: list[Attempt]) -> None:
    pace = measured_pace([progress_of(history)])
    speeds = [batch.unit_s for attempt in history for batch in attempt.batches]
    for unit_s in () if pace is None else pace.unit_s.values():
        assert min(speeds) <= unit_s <= max(speeds)


# what it is read from


def test_nothing_is_forecast_from_nothing(log: StateLog) -> None:
    assert measured_pace([]) is None
    assert measured_pace([log.progress()]) is None
    log.launch()
    log.plan(PINN=(0, 40))
    assert measured_pace([log.progress()]) is None


def test_a_forecast_is_the_overhead_and_the_units(log: StateLog) -> None:
    whole_attempt(log, start_s=5.0, unit_s=0.5, end_s=3.0)
    pace = measured_pace([log.progress()])
    assert pace == Pace({"PINN": 0.5}, overhead_s=8.0, shortest_start_s=5.0, shortest_end_s=3.0)
    assert pace.forecast_s({"PINN": 20}) == 18.0
    assert pace.least_s({"PINN": 20}, units=8) == 9.0


def test_where_all_units_are_safe_the_end_remains(log: StateLog) -> None:
    whole_attempt(log, start_s=5.0, unit_s=0.5, end_s=3.0)
    pace = measured_pace([log.progress()])
    assert pace is not None
    assert pace.forecast_s({"PINN": 0}) == 3.0
    assert pace.least_s({"PINN": 0}, units=8) == 3.0


def test_a_part_that_was_never_measured_has_no_forecast(log: StateLog) -> None:
    whole_attempt(log, start_s=5.0, unit_s=0.5, end_s=3.0)
    pace = measured_pace([log.progress()])
    assert pace is not None
    assert pace.forecast_s({"PINN": 20, "LSQML": 1}) is None
    assert pace.forecast_s({"PINN": 20, "LSQML": 0}) == 18.0
    assert pace.least_s({"PINN": 20, "LSQML": 1}, units=8) == 9.0


def test_the_least_is_that_of_the_slowest_part_left() -> None:
    pace = Pace({"PINN": 0.5, "Baseline": 2.0}, 8.0, 5.0, 3.0)
    assert pace.least_s({"PINN": 20, "Baseline": 20}, units=8) == 21.0
    assert pace.least_s({"PINN": 20, "Baseline": 0}, units=8) == 9.0


def test_fewer_units_than_a_chunk_need_no_time_for_a_whole_one() -> None:
    """A window in which the last three fit must not be called too small."""
    pace = Pace({"PINN": 2.0}, 8.0, 5.0, 3.0)
    assert pace.least_s({"PINN": 3}, units=128) == 11.0


def test_an_attempt_that_was_stopped_is_measured_by_its_units_and_its_start(log: StateLog) -> None:
    log.launch()
    log.plan(PINN=(0, 40))
    log.work("PINN", 1, 0.0, 5.0)
    log.work("PINN", 10, 20.0, 20.0)
    log.end(75, 1.0)
    pace = measured_pace([log.progress()])
    assert pace == Pace({"PINN": 2.0}, overhead_s=5.0, shortest_start_s=5.0, shortest_end_s=None)
    assert pace.forecast_s({"PINN": 0}) is None
    assert pace.least_s({"PINN": 0}, units=8) == 0.0


def test_an_attempt_that_only_had_to_end_adds_its_end_to_what_is_known_of_starts(log: StateLog) -> None:
    """The first was killed when all its units were safe."""
    log.launch()
    log.plan(PINN=(0, 40))
    log.work("PINN", 1, 0.0, 5.0)
    log.work("PINN", 40, 20.0, 20.0)
    log.save("PINN", 40)
    log.launch()
    log.plan(PINN=(40, 40))
    log.end(0, 100.0)
    pace = measured_pace([log.progress()])
    assert pace is not None
    assert pace.forecast_s({"PINN": 0}) == 100.0
    assert pace.forecast_s({"PINN": 10}) == 110.0


def test_the_overhead_is_the_newest_and_the_least_the_shortest_ever_seen(log: StateLog) -> None:
    """A machine is shared: a slow hour makes a forecast long, but refuses nobody."""
    whole_attempt(log, start_s=5.0, unit_s=0.5, end_s=3.0)
    whole_attempt(log, start_s=50.0, unit_s=0.5, end_s=30.0)
    pace = measured_pace([log.progress()])
    assert pace is not None
    assert (pace.overhead_s, pace.shortest_start_s, pace.shortest_end_s) == (80.0, 5.0, 3.0)


def test_what_is_known_of_a_job_itself_goes_before_its_relatives(log: StateLog, tmp_path: Path) -> None:
    relative = StateLog(tmp_path / "relative")
    whole_attempt(log, start_s=5.0, unit_s=0.5, end_s=3.0)
    whole_attempt(relative, start_s=1.0, unit_s=4.0, end_s=1.0)
    pace = measured_pace([log.progress(), relative.progress()])
    assert pace is not None
    assert (pace.unit_s, pace.overhead_s) == ({"PINN": 0.5}, 8.0)
    assert (pace.shortest_start_s, pace.shortest_end_s) == (1.0, 1.0)


def test_a_job_that_never_ran_is_forecast_from_its_relatives(log: StateLog, tmp_path: Path) -> None:
    relative = StateLog(tmp_path / "relative")
    whole_attempt(relative, start_s=1.0, unit_s=4.0, end_s=1.0)
    assert measured_pace([log.progress(), relative.progress()]) == measured_pace([relative.progress()])
    log.launch()
    log.plan(PINN=(0, 40))
    assert measured_pace([log.progress(), relative.progress()]) == measured_pace([relative.progress()])


def test_a_wait_for_a_slot_makes_no_forecast_longer(log: StateLog, tmp_path: Path) -> None:
    waited = StateLog(tmp_path / "waited")
    for each, wait_s in ((log, 0.0), (waited, 3600.0)):
        each.launch(wait_s=wait_s)
        each.plan(2.0, PINN=(0, 40))
        each.work("PINN", 40, 20.0, 20.0)
        each.end(0, 1.0)
    assert measured_pace([log.progress()]) == measured_pace([waited.progress()])


def started(spec: JobSpec, place: Path) -> Launcher:
    launcher = Launcher(spec, place / "never")
    await_ready(spec)
    return launcher


# who runs


def test_where_nothing_runs_there_is_no_line(place: Path) -> None:
    spec = reporting(place, before=0, units=40)
    assert running_line([]) == ""
    assert running_line([spec.files]) == ""
    started(spec, place).found()
    assert running_line([spec.files]) == ""


def test_each_job_that_runs_is_named_by_its_folder(place: Path) -> None:
    half, early, over = place / "dense" / "train", place / "dense" / "test", place / "sparse" / "test"
    specs = [reporting(half, before=0, units=20), cued(early), reporting(over, before=0, units=40)]
    launchers = [started(spec, place) for spec in specs]
    launchers[2].found()
    line = running_line([spec.files for spec in specs])
    first, second = line.split("  |  ")
    assert re.fullmatch(r"dense/train 20/40 patches, about \d+ s left", first)
    assert second == "dense/test starts"
    for spec in specs[:2]:
        os.kill(supervisor_of(spec), signal.SIGTERM)
    for launcher in launchers[:2]:
        launcher.process.wait()
    assert running_line([spec.files for spec in specs]) == ""


def test_a_job_that_died_is_not_named(place: Path) -> None:
    spec = cued(place)
    launcher = started(spec, place)
    supervisor = supervisor_of(spec)
    kill(supervisor)
    until(lambda: not runs(supervisor))
    assert running_line([spec.files]) == ""
    launcher.found()
    assert read_done(spec.files) is None


def test_a_job_that_waits_for_a_slot_runs_too(place: Path) -> None:
    options = {"slots": 1, "slots_folder": place / "slots"}
    first, second = cued(place / "dense" / "train", **options), cued(place / "dense" / "test", **options)
    launchers = [started(first, place), Launcher(second, place / "never")]
    launchers[1].await_waiting()
    assert running_line([first.files, second.files]) == "dense/train starts  |  dense/test waits"
    for spec in (first, second):
        finish(spec)
    assert [launcher.found()["returncode"] for launcher in launchers] == [0, 0]


# how far


def test_a_job_that_was_never_started_waits(log: StateLog) -> None:
    assert progress_text(log.progress()) == "waits"


def test_progress_is_described_from_the_launch_to_the_last_step(log: StateLog) -> None:
    log.report("launched", attempt=1, host="beamline-7", pid=17)
    assert progress_text(log.progress()) == "waits"
    log.report("running", 60.0, pid=18)
    assert progress_text(log.progress()) == "starts"
    log.report("step", 1.0, name="loads PINN")
    assert progress_text(log.progress()) == "loads PINN"
    log.plan(1.0, PINN=(0, 1280), Baseline=(0, 1280))
    log.work("PINN", 512, 256.0, 256.0)
    # nothing was ever measured of the other part
    assert progress_text(log.progress()) == "512/2560 patches"
    log.work("PINN", 1280, 640.0, 384.0)
    log.work("Baseline", 1280 - 1000, 280.0, 280.0)
    # a thousand seconds of units, and a start of 258
    assert progress_text(log.progress()) == "1560/2560 patches, about 21 min left"
    log.report("step", 1.0, name="scores")
    assert progress_text(log.progress()) == "scores"


def test_a_bar_has_counts_rate_and_time_left_within_its_columns(log: StateLog) -> None:
    log.launch()
    assert bar_line("dense/train", log.progress(), 79) == "dense/train starts"
    log.plan(PINN=(0, 400))
    log.work("PINN", 100, 10.0, 10.0)
    line = bar_line("dense/train", log.progress(), 79)
    found = re.fullmatch(r"dense/train 100/400 patches \[(#+)(\.+)\] 10/s, about \d+ s left", line)
    assert found is not None, line
    assert len(found[1]) == len(found[1] + found[2]) // 4
    assert all(len(bar_line("dense/train", log.progress(), width)) <= width for width in range(20, 120))
    log.work("PINN", 104, 26.0, 16.0)
    assert "] 4/s, " in bar_line("dense/train", log.progress(), 79)
    log.report("step", 1.0, name="scores")
    assert bar_line("dense/train", log.progress(), 79) == "dense/train scores"


def test_a_fast_rate_is_a_plain_number(log: StateLog) -> None:
    log.launch()
    log.plan(PINN=(0, 4000))
    log.work("PINN", 2345, 1.0, 1.0)
    assert "] 2,345/s, " in bar_line("dense/train", log.progress(), 79)


def test_a_new_attempt_begins_where_the_one_before_was_safe(log: StateLog) -> None:
    log.launch()
    log.plan(PINN=(0, 100))
    log.work("PINN", 50, 50.0, 50.0)
    log.save("PINN", 50)
    log.work("PINN", 80, 80.0, 30.0)
    log.launch()
    assert progress_text(log.progress()).startswith("80/100 patches")  # as far as anybody knows
    log.plan(PINN=(50, 100))
    assert progress_text(log.progress()) == "50/100 patches, about 2 min left"


def test_an_end_that_was_never_seen_is_not_forecast(log: StateLog) -> None:
    log.launch()
    log.plan(PINN=(0, 100))
    log.work("PINN", 100, 50.0, 50.0)
    assert progress_text(log.progress()) == "100/100 patches"


# since when


@pytest.mark.parametrize(
    ("ago", "text"), [(timedelta(minutes=30), "30 min"), (timedelta(hours=30), "30.0 h")]
)
def test_since_when_the_newest_attempt_goes(tmp_path: Path, ago: timedelta, text: str) -> None:
    log = StateLog(tmp_path, began=datetime.now(UTC) - timedelta(days=30))
    log.launch()
    log.now = datetime.now(UTC) - ago
    log.launch()
    assert since_text(log.progress()) == text


def test_a_clock_that_is_behind_the_launch_counts_from_now(tmp_path: Path) -> None:
    log = StateLog(tmp_path, began=datetime.now(UTC) + timedelta(hours=1))
    log.launch()
    assert since_text(log.progress()) == "0 s"
