"""The time that a test has: the session's window, and pytest-timeout's deadline, which is taken over.

A deadline ends in a checkpoint here, not in a killed test.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import pytest

from pytest_ptycho.options import OPTIONS

_GRACE_S = 10.0
_SHARE_FOR_STOPPING = 0.25
_BUSIER = 1.2
_UNMEASURED_S = 60.0
"""What an attempt is given that was never measured."""
_WINDOW = pytest.StashKey["Deadline"]()
_TIMEOUT = pytest.StashKey["Deadline"]()
_WORKER_KEY = "ptycho_window_end"
_RUN_JOBS = frozenset(("evidence", "return_conditions"))
"""Fixtures that run jobs, and so keep to a deadline by themselves."""


@dataclass(frozen=True)
class Deadline:
    """When a test has to be over.

    Attributes
    ----------
    at : float
        Seconds of the wall clock, which all processes of a machine share; infinity for never.
    length_s : float
        How long there was in all.
    name, own : str, bool
        Whose it is; True where it is the test's alone, and not the session's.
    """

    at: float = float("inf")
    length_s: float = float("inf")
    name: str = ""
    own: bool = False

    @property
    def left_s(self) -> float:
        """Seconds until then."""
        return self.at - time.time()

    @property
    def spent_s(self) -> float:
        """Seconds that are gone of it; 0 where it never ends."""
        return 0.0 if math.isinf(self.length_s) else max(0.0, self.length_s - self.left_s)

    @property
    def grace_s(self) -> float:
        """Seconds kept for a job to save its work and end."""
        return min(_GRACE_S, _SHARE_FOR_STOPPING * self.length_s)

    @property
    def working_s(self) -> float:
        """Seconds left for a job to work."""
        return self.left_s - self.grace_s

    def whole_working_s(self) -> float:
        """Seconds that a job could work if all of the time were its own."""
        return self.length_s - self.grace_s


def length_for_s(working_s: float) -> float:
    """Whole seconds that a deadline must leave in all for a job to work so long."""
    return math.ceil(min(working_s + _GRACE_S, working_s / (1 - _SHARE_FOR_STOPPING)))


def told_for(deadline: Deadline, least_s: float | None) -> str:
    """Say which window would do for an attempt that needs so long, or of which that was never measured.

    What was spent before is spent the next time too, and a little more where the machine is busier.
    """
    needed_s = (_UNMEASURED_S if least_s is None else least_s) + _BUSIER * deadline.spent_s
    return f"a window of {length_for_s(needed_s):.0f} s"


def open_window(config: pytest.Config) -> None:
    """Begin the session's window; workers take the controller's."""
    length_s = config.stash[OPTIONS].window_s
    if length_s is None:
        config.stash[_WINDOW] = Deadline()
        return
    end = getattr(config, "workerinput", {}).get(_WORKER_KEY, time.time() + length_s)
    config.stash[_WINDOW] = Deadline(end, length_s, f"--ptycho-window {config.getoption('ptycho_window')}")


def hand_to_worker(config: pytest.Config, workerinput: dict[str, Any]) -> None:
    """Give an xdist worker the end of the window."""
    workerinput[_WORKER_KEY] = config.stash[_WINDOW].at


def take_over_timeout(item: pytest.Item, seconds: float) -> bool:
    """Take over pytest-timeout's deadline for a test that runs a job; leave it alone for others."""
    if not _RUN_JOBS.intersection(getattr(item, "fixturenames", ())):
        return False
    item.stash[_TIMEOUT] = Deadline(time.time() + seconds, seconds, f"timeout {seconds:g} s", own=True)
    return True


def took_over(item: pytest.Item) -> bool:
    """True when the test's deadline was taken over."""
    return _TIMEOUT in item.stash


def deadline_of(item: pytest.Item) -> Deadline:
    """Return the nearer of the two deadlines."""
    return min(item.config.stash[_WINDOW], item.stash.get(_TIMEOUT, Deadline()), key=lambda each: each.at)
