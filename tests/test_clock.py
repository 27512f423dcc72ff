"""How long is left, and what came first, whatever the wall clock is set to."""

from __future__ import annotations

import ast
import json
import math
from pathlib import Path

import pytest

from ptycho_compare import clock as module
from ptycho_compare.clock import Deadline, Moment, length_for_s, name_of_clock

ROOT = Path(__file__).parents[1]
MAY_ASK_THE_WALL_CLOCK = {"src/ptycho_compare/clock.py", "src/ptycho_compare/hub/moments.py"}


class Clocks:
    """Both clocks of a machine."""

    def __init__(self) -> None:
        self.on_s, self.utc_s = 1000.0, 1.8e9

    def monotonic(self) -> float:
        return self.on_s

    def time(self) -> float:
        return self.utc_s

    def go_on(self, seconds: float) -> None:
        self.on_s += seconds
        self.utc_s += seconds


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    clocks = Clocks()
    monkeypatch.setattr(module, "time", clocks)
    return clocks


@pytest.mark.parametrize("set_by_s", [-86400.0, 0.0, 86400.0])
def test_a_clock_that_is_set_leaves_as_much_time_as_there_was(clocks: Clocks, set_by_s: float) -> None:
    deadline, began = Deadline.after(60.0, "timeout 60 s", own=True), Moment.ago()
    clocks.go_on(20.0)
    clocks.utc_s += set_by_s
    assert (deadline.left_s, deadline.spent_s, deadline.grace_s, deadline.working_s) == (
        40.0,
        20.0,
        10.0,
        30.0,
    )
    assert not deadline.is_over
    assert Moment.ago().since(began) == 20.0
    assert deadline.opened.since(began) == 0.0
    clocks.go_on(40.0)
    assert deadline.is_over


def test_what_has_no_end_is_never_over(clocks: Clocks) -> None:
    never = Deadline.after(None)
    clocks.go_on(1e9)
    assert (never, never.is_over, never.spent_s) == (Deadline(), False, 0.0)
    assert never.working_s == never.whole_working_s() == math.inf


@pytest.mark.parametrize("here", [True, False], ids=["of this machine", "of another"])
def test_a_worker_keeps_to_the_end_of_the_controllers_window(clocks: Clocks, here: bool) -> None:
    controllers = Deadline.after(60.0, "--ptycho-window 60s")
    clocks.go_on(10.0)
    told = json.loads(json.dumps(controllers.to_json()))
    if not here:
        told |= {"clock": "theirs", "at": 7.0}
    clocks.go_on(1.0)
    worker = Deadline.from_json(told, 60.0, "--ptycho-window 60s")
    assert worker.left_s == (49.0 if here else 50.0)
    assert (worker == controllers) is here


def test_a_window_for_some_work_holds_that_work() -> None:
    for working_s in (1.0, 29.0, 31.0, 3600.0):
        assert 0 <= Deadline(0.0, length_for_s(working_s)).whole_working_s() - working_s < 1.5


def test_moments_of_two_machines_are_told_apart_by_the_wall_clock(clocks: Clocks) -> None:
    ours = Moment.ago()
    theirs = Moment("theirs", 5.0, ours.utc_s - 3.0)
    assert (ours.since(theirs), theirs.since(ours)) == (3.0, -3.0)
    unknown = Moment("", 0.0, ours.utc_s - 3.0), Moment("", 0.0, ours.utc_s)
    assert unknown[1].since(unknown[0]) == 3.0


def test_a_moment_is_read_as_it_was_written() -> None:
    now = Moment.ago(2.0)
    assert Moment.from_json(json.loads(json.dumps(now.to_json()))) == now
    assert now.clock == name_of_clock()
    for values in (
        None,
        {},
        [],
        {"clock": 7, "clock_s": 1, "utc_s": 1},
        {"clock": "a", "clock_s": "1", "utc_s": 1},
    ):
        assert Moment.from_json(values) is None


def asks_the_wall_clock(path: Path) -> bool:
    calls = (node.func for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call))
    return bool({ast.unparse(call) for call in calls} & {"time.time", "datetime.now", "datetime.utcnow"})


def test_nobody_else_asks_the_wall_clock() -> None:
    """Whoever measured a length of time by it would be wrong on the day when it is set."""
    sources = [*(ROOT / "src").rglob("*.py"), *(ROOT / "pytest_ptycho").rglob("*.py")]
    assert {
        str(path.relative_to(ROOT)) for path in sources if asks_the_wall_clock(path)
    } == MAY_ASK_THE_WALL_CLOCK
