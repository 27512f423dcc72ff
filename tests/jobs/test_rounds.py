"""Two rounds in which nothing could begin end what would otherwise be tried for ever."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from ptycho_compare.clock import Deadline, Moment, name_of_clock
from ptycho_compare.hub import Hub, utc_text
from ptycho_compare.jobs.record import LaunchRecord
from ptycho_compare.jobs.rounds import begins_again_nothing
from ptycho_compare.storage.files import write_json_atomic

NOON = 5000.0  # of a clock that nobody sets
ID = "dose_1-dense-train-full"


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    return Hub(tmp_path)


def ends(hub: Hub, opened: float, *, window_s: float = 60.0, subject: str = ID) -> bool:
    return begins_again_nothing(hub, subject, Deadline(NOON + opened + window_s, window_s))


def launched(hub: Hub, moment: float, split: str = "train", *, clock: str = "", ahead_s: float = 0.0) -> None:
    """Some job of the hub was; the wall clock was `ahead_s` of the right time."""
    folder = hub.analysis() / "dose_1" / "dense" / split / "job"
    folder.mkdir(parents=True, exist_ok=True)
    utc_s = Deadline(NOON, 0.0).opened.utc_s + moment + ahead_s
    when = Moment(clock or name_of_clock(), NOON + moment, utc_s)
    started = utc_text(when.utc, to="milliseconds")
    record = LaunchRecord(1, [], "", "", "", "here", 1, "", started, False, None, moment=when.to_json())
    write_json_atomic(folder / "launch.json", asdict(record))


def test_the_second_round_in_a_row_ends_it(hub: Hub) -> None:
    assert not ends(hub, 0)
    assert not ends(hub, 0)  # the same round, where a test is run again
    assert ends(hub, 100)
    assert ends(hub, 200)


@pytest.mark.parametrize("moment", [0, 30, 70, 130])
def test_whatever_was_launched_since_the_round_before_is_progress(hub: Hub, moment: float) -> None:
    """By another test of the same session, or by another session."""
    assert not ends(hub, 0)
    launched(hub, moment, "test")
    assert not ends(hub, 100)
    assert ends(hub, 200) == (moment < 100)


@pytest.mark.parametrize("ahead_s", [-86400, 0, 86400])
def test_a_clock_that_was_set_changes_nothing(hub: Hub, ahead_s: float) -> None:
    launched(hub, -5, ahead_s=ahead_s)
    assert not ends(hub, 0)
    launched(hub, 30, ahead_s=ahead_s)
    assert not ends(hub, 100)
    assert ends(hub, 200)


@pytest.mark.parametrize(("moment", "progress"), [(-5, False), (50, True)])
@pytest.mark.parametrize("of", ["another machine", "an earlier version"])
def test_between_machines_the_wall_clock_decides(hub: Hub, moment: float, progress: bool, of: str) -> None:
    assert not ends(hub, 0)
    launched(hub, moment, clock="theirs")
    if of == "an earlier version":
        path = hub.analysis() / "dose_1/dense/train/job/launch.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "moment": {}}))
    assert ends(hub, 100) is not progress


def test_what_was_launched_earlier_is_none(hub: Hub) -> None:
    launched(hub, -5)
    assert not ends(hub, 0)
    assert ends(hub, 100)


def test_a_longer_window_is_another_try_and_a_shorter_one_is_not(hub: Hub) -> None:
    assert not ends(hub, 0)
    assert not ends(hub, 100, window_s=90)
    assert ends(hub, 200, window_s=90)
    assert ends(hub, 300, window_s=30)


def test_each_has_its_own_rounds(hub: Hub) -> None:
    assert not ends(hub, 0)
    assert not ends(hub, 100, subject="dose_1-dense-test-full")
    assert ends(hub, 200)


@pytest.mark.parametrize("line", ["", "{}", "[]", "no JSON", '{"state": "no room", "subject": 7}'])
def test_lines_that_say_nothing_are_passed_over(hub: Hub, line: str) -> None:
    assert not ends(hub, 0)
    with hub.rounds().open("a") as file:
        file.write(f"{line}\n")
    (hub.analysis() / "dose_1" / "dense" / "x" / "job").mkdir(parents=True)
    (hub.analysis() / "dose_1" / "dense" / "x" / "job" / "launch.json").write_text("{")
    assert ends(hub, 100)
