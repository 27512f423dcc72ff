"""What a test does while another session works at its comparison: the next one of its session that is free.

So sessions that share a hub take different comparisons. The test of one that was brought so finds it done;
where it failed, the test is told how, and does not try it a second time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from ptycho_compare.clock import Deadline
from ptycho_compare.errors import InputError
from ptycho_compare.jobs.claim import living_claim
from ptycho_compare.jobs.record import ASKED_BY_LAUNCHER, read_done
from ptycho_compare.jobs.run_or_join import Ended
from pytest_ptycho.options import OPTIONS
from pytest_ptycho.outcomes import Blocked
from pytest_ptycho.own import own_findings, take_arms
from pytest_ptycho.own_steps import own_steps_are_made
from pytest_ptycho.session_jobs import jobs_of

if TYPE_CHECKING:
    from ptycho_compare.phases.comparison.job import ComparisonJob
    from ptycho_compare.study import Comparison

_BROUGHT = pytest.StashKey["dict[Comparison, Brought]"]()
_LEFT = pytest.StashKey["set[Comparison]"]()
_BRINGS = "ptycho_evidence"
_LEFT_OUT = ("skip", "skipif", "xfail")
_LOOK_S, _SHARE_FOR_LOOKING = 1.0, 0.05


@dataclass(frozen=True)
class Brought:
    """How an attempt at a comparison ended, and what is to be told of one before it that died."""

    ended: Ended
    death: str


def brought_before(item: pytest.Item, comparison: Comparison) -> Brought | None:
    """Return, once, how an attempt ended that another test of this process brought to its end."""
    return item.session.stash.setdefault(_BROUGHT, {}).pop(comparison, None)


@dataclass
class OtherWork:
    """The work of the tests that come after one, for as long as it waits; called, it does one piece of it.

    Attributes
    ----------
    run : callable
        Runs a job that nobody works at, within the time of the test that waits.
    """

    item: pytest.Item
    job: ComparisonJob
    deadline: Deadline
    run: Callable[[ComparisonJob], Brought]
    _look_at: float = field(default=0.0, init=False)

    def __call__(self) -> bool:
        """Bring one comparison to its end, or as far as time allows; False where none is free."""
        began = time.monotonic()
        if began < self._look_at:
            return False
        for job in self._free():
            brought = self.run(job)
            if brought.ended.state != "running":  # else another session was faster
                self._left.add(job.comparison)
                if _is_told(brought.ended):
                    self.item.session.stash.setdefault(_BROUGHT, {})[job.comparison] = brought
                return True
        now = time.monotonic()
        self._look_at = now + max(_LOOK_S, (now - began) / _SHARE_FOR_LOOKING)
        return False

    @property
    def _left(self) -> set[Comparison]:
        """The comparisons that are done, or were tried: nothing more comes of them before their own tests."""
        return self.item.session.stash.setdefault(_LEFT, set())

    def _free(self) -> Iterator[ComparisonJob]:
        for item, job in later_jobs(self.item, self.job):
            if job.comparison in self._left or living_claim(job.files.claim) is not None:
                continue
            if can_go_on(item, job, on_done=self._left.add) and self._has_room(job):
                yield job

    def _has_room(self, job: ComparisonJob) -> bool:
        return (job.state().least_s or 0.0) <= self.deadline.working_s


def later_jobs(item: pytest.Item, job: ComparisonJob) -> Iterator[tuple[pytest.Item, ComparisonJob]]:
    """Yield the other comparisons whose tests come after one, each with its test."""
    items = item.session.items
    later = (each for each in items[items.index(item) + 1 :] if _brings_its_comparison(each))
    for each, other in jobs_of(later, job.hub):
        if other.comparison != job.comparison:
            yield each, other


def can_go_on(
    item: pytest.Item, job: ComparisonJob, *, on_done: Callable[[Comparison], object] = lambda _: None
) -> bool:
    """Say if work can be done now; all else that there is to say of a comparison is left to its own test.

    `on_done` is told of one at which nothing is left to do.
    """
    try:
        take_arms(item, job)
        if job.is_done():
            on_done(job.comparison)
            return False
        ended = read_done(job.files)
        failed = ended is not None and not ended.stopped and ended.returncode != 0
        if failed or job.why_not_ready() or not own_steps_are_made(item, job):
            return False
        before = job.prerequisite() if item.config.stash[OPTIONS].tier_order else None
        return before is None or not (before.why_not_done() or own_findings(item, before))
    except (InputError, Blocked):
        return False


def _brings_its_comparison(item: pytest.Item) -> bool:
    asked = _BRINGS in getattr(item, "fixturenames", ())
    return asked and not any(item.get_closest_marker(name) for name in _LEFT_OUT)


def _is_told(ended: Ended) -> bool:
    """True where its own test would not go on; what was stopped for want of time goes on there."""
    if ended.state == "stopped" and ended.record is not None:
        return not ended.record.reason.startswith(ASKED_BY_LAUNCHER)
    return ended.state in ("failed", "refused") or (ended.state == "finished" and ended.record is not None)
