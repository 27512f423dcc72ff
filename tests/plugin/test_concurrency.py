"""Many sessions and workers on one hub: each job once, side by side, and no more at a time than allowed."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from hubs import SPLITS
from processes import until
from ptycho_compare.sigterm import EXIT_STOPPED
from sessions import (
    events,
    gained,
    job_of,
    launches,
    made_quick,
    progress_of,
    results_of,
    start_on,
)

from .conftest import Unbroken


def test_one_slot_holds_one_job_and_one_that_waited_for_it_in_vain_is_deferred(hub_after_debug: Path) -> None:
    """It has not failed to gain anything: it never ran. In `test_detached` one begins when another ended."""
    session = start_on(hub_after_debug, "-m", "full", "-n2", "--ptycho-slots=1")
    waiting = until(lambda: [split for split in SPLITS if events(hub_after_debug, "waiting", split)])
    (second,), (first,) = waiting, set(SPLITS) - set(waiting)
    assert events(hub_after_debug, "waiting", second)[0]["reason"] == "1 of 1 slots are taken"
    gained(hub_after_debug, first)
    job_of(hub_after_debug, second).stop.touch()
    until(lambda: events(hub_after_debug, "ended", second))
    session.signal(signal.SIGTERM)
    status, text = session.ended()
    assert status == EXIT_STOPPED, text
    assert "2 deferred" in text
    assert "stopped (asked by a stop file, while it waited for a slot)" in text
    assert events(hub_after_debug, "running", second) == []
    assert progress_of(hub_after_debug, second).stalled == 0


@pytest.mark.slow
def test_of_three_sessions_one_works_and_another_goes_on(hub_after_debug: Path, unbroken: Unbroken) -> None:
    """Started at once; the one at work is stopped, and the rest take what the next one does."""
    sessions = [start_on(hub_after_debug, "-m", "full", "-k", "train", *more) for more in ([], [], ["-n1"])]
    gained(hub_after_debug)
    assert launches(hub_after_debug)["train-full"] == 1
    made_quick(hub_after_debug)
    job_of(hub_after_debug).stop.touch()
    ended = [session.ended() for session in sessions]
    statuses = sorted(status for status, _ in ended)
    assert statuses == [0, 0, EXIT_STOPPED], "\n".join(text for _, text in ended)
    assert launches(hub_after_debug)["train-full"] == 2
    (saved, *_), (again, *_) = (
        [attempt.gained for attempt in progress_of(hub_after_debug).attempts],
        [
            sum(start for start, _ in event["parts"].values())
            for event in events(hub_after_debug, "planned")[1:]
        ],
    )
    assert again == saved > 0
    assert results_of(hub_after_debug) == unbroken.results


@pytest.mark.slow
def test_sessions_at_once_do_what_is_quick_once(untried_hub: Path) -> None:
    """With both tiers to do, in each of them."""
    made_quick(untried_hub)
    both = ("-m", "debug or full", "-k", "train")
    sessions = [start_on(untried_hub, *both) for _ in range(2)]
    for session in sessions:
        status, text = session.ended()
        assert status == 0, text
        assert "2 passed" in text
    assert launches(untried_hub) == {"train-debug": 1, "train-full": 1}
