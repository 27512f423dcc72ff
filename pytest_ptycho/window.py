"""The time that a test has: the session's window, and pytest-timeout's deadline, which is taken over.

A deadline ends in a checkpoint here, not in a killed test.
"""

from __future__ import annotations

from typing import Any

import pytest

from ptycho_compare.clock import Deadline, length_for_s
from pytest_ptycho.options import OPTIONS

_BUSIER = 1.2
_UNMEASURED_S = 60.0
"""What an attempt is given that was never measured."""
_WINDOW = pytest.StashKey[Deadline]()
_TIMEOUT = pytest.StashKey[Deadline]()
_WORKER_KEY = "ptycho_window_end"
_RUN_JOBS = frozenset(("ptycho_evidence", "return_conditions"))
"""Fixtures that run jobs, and so keep to a deadline by themselves."""


def told_for(deadline: Deadline, least_s: float | None) -> str:
    """Say which window would do for an attempt that needs so long, or of which that was never measured.

    What was spent before is spent the next time too, and a little more where the machine is busier.
    """
    needed_s = (_UNMEASURED_S if least_s is None else least_s) + _BUSIER * deadline.spent_s
    return f"a window of {length_for_s(needed_s):.0f} s"


def open_window(config: pytest.Config) -> None:
    """Begin the session's window; workers take the controller's."""
    length_s, name = config.stash[OPTIONS].window_s, f"--ptycho-window {config.getoption('ptycho_window')}"
    begun = getattr(config, "workerinput", {}).get(_WORKER_KEY)
    if length_s is None or begun is None:
        config.stash[_WINDOW] = Deadline.after(length_s, name)
    else:
        config.stash[_WINDOW] = Deadline.from_json(begun, length_s, name)


def hand_to_worker(config: pytest.Config, workerinput: dict[str, Any]) -> None:
    """Give an xdist worker the end of the window."""
    workerinput[_WORKER_KEY] = config.stash[_WINDOW].to_json()


def take_over_timeout(item: pytest.Item, seconds: float) -> bool:
    """Take over pytest-timeout's deadline for a test that runs a job; leave it alone for others."""
    if not _RUN_JOBS.intersection(getattr(item, "fixturenames", ())):
        return False
    item.stash[_TIMEOUT] = Deadline.after(seconds, f"timeout {seconds:g} s", own=True)
    return True


def took_over(item: pytest.Item) -> bool:
    """True when the test's deadline was taken over."""
    return _TIMEOUT in item.stash


def deadline_of(item: pytest.Item) -> Deadline:
    """Return the nearer of the two deadlines."""
    return min(item.config.stash[_WINDOW], item.stash.get(_TIMEOUT, Deadline()), key=lambda each: each.at)
