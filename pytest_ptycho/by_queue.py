"""`--ptycho-on SYSTEM`: comparisons brought to their evidence by the jobs of a batch system.

The first test that needs one submits it and all that can go on by now; the tests then wait, or are deferred
with the numbers of their jobs, and a later session collects what came of them. A failure is told once: the
session after that submits the comparison again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from ptycho_compare.errors import InputError
from ptycho_compare.finding import Finding
from ptycho_compare.jobs.run_or_join import Ended
from pytest_ptycho.cases import comparison_of
from pytest_ptycho.options import OPTIONS
from pytest_ptycho.other_work import can_go_on, later_jobs
from pytest_ptycho.outcomes import Blocked, Deferred

if TYPE_CHECKING:
    from ptycho_compare.jobs.submitter import Submitter
    from ptycho_compare.jobs.unit import Standing, Unit
    from ptycho_compare.phases.comparison.job import ComparisonJob
    from ptycho_compare.study import Comparison

_LOOK_S = 15.0
"""Between looks of tests that only ask: the queue is everybody's."""


@dataclass
class _Queue:
    """What one study's comparisons are in a queue, for a session.

    Attributes
    ----------
    tried : set of Comparison
        Submitted by this session, or found to need no submission.
    """

    submitter: Submitter
    units: dict[str, Unit]
    tried: set[Comparison] = field(default_factory=set)
    found: dict[str, Standing] = field(default_factory=dict)
    looked_at: float = 0.0

    def submit(self, jobs: list[ComparisonJob]) -> None:
        """Submit all of them that have to be, in one go."""
        self.found |= self.submitter.submit([self.units[job.id] for job in jobs])
        self.tried |= {job.comparison for job in jobs}
        self.looked_at = time.monotonic()

    def standing_of(self, job: ComparisonJob) -> Standing:
        """Say how one stands that was submitted; the queue is asked for all, and not for every test."""
        if time.monotonic() - self.looked_at > _LOOK_S:
            self.looked_at = time.monotonic()
            self.found |= self.submitter.stand([self.units[name] for name in self.found])
        return self.found[job.id]


_QUEUES = pytest.StashKey["dict[str, _Queue]"]()


def bring_by_queue(item: pytest.Item, job: ComparisonJob, out_of_time: Callable[[], bool]) -> Ended:
    """Have a batch system bring a comparison to its end; how it ended.

    Raises
    ------
    Deferred
        Its job waits or runs; the reason names it.
    Blocked
        It cannot be submitted.
    """
    try:
        queue = _queue_of(item, job)
        if job.comparison not in queue.tried:
            before = queue.submitter.stand([queue.units[job.id]])[job.id]
            if before.done is not None and not before.done.stopped:
                return _told(queue, job, before)  # of an earlier submission: nobody was told of it yet
            others = [other for each, other in later_jobs(item, job) if _is_to_go(each, other, queue)]
            queue.submit([job, *(other for other in others if other.study_file == job.study_file)])
        if item.config.stash[OPTIONS].wait:
            return _waited_for(queue, job, out_of_time)
        return _told(queue, job, queue.standing_of(job))
    except Deferred as deferred:
        if comparison_of(item) == job.comparison:
            raise
        raise Deferred(f"{job.id} comes first: {deferred.reason}", deferred.state) from None
    except InputError as error:
        raise Blocked([Finding("input", f"{job.id}: {error}")]) from None


def _is_to_go(item: pytest.Item, job: ComparisonJob, queue: _Queue) -> bool:
    return job.comparison not in queue.tried and job.id in queue.units and can_go_on(item, job)


def _waited_for(queue: _Queue, job: ComparisonJob, out_of_time: Callable[[], bool]) -> Ended:
    from ptycho_compare.jobs.executors.queue import bring_all

    units, submitted = [queue.units[job.id]], {job.id: queue.found[job.id]}
    found = bring_all(queue.submitter, units, wait=True, out_of_time=out_of_time, submitted=submitted)
    return _told(queue, job, found[job.id])


def _told(queue: _Queue, job: ComparisonJob, standing: Standing) -> Ended:
    """Turn how it stands into how it ended, or defer the test."""
    if standing.state == "done":
        return Ended("finished")
    if standing.done is not None and not standing.done.stopped:
        queue.submitter.withdraw(queue.units[job.id])  # the next session submits it again
        return Ended.of(standing.done)
    if standing.state == "failed":
        return Ended("failed", (Finding("failed", standing.note),))
    name = "" if standing.ticket is None else f"{standing.ticket.name}, "
    raise Deferred(f"{name}{standing.state}: {standing.note}".rstrip(": "), job.state())


def _queue_of(item: pytest.Item, job: ComparisonJob) -> _Queue:
    """Make the queue of a study, once in a session."""
    queues = item.session.stash.setdefault(_QUEUES, {})
    key = str(job.study_file)
    if key not in queues:
        from ptycho_compare.jobs.executors.systems import system_called
        from ptycho_compare.jobs.site import read_site, require_site_allowed
        from ptycho_compare.jobs.submitter import Submitter
        from ptycho_compare.phases.pipeline.batch_units import BatchWords, units_of
        from ptycho_compare.phases.pipeline.one_step import comparison_steps

        options = item.config.stash[OPTIONS]
        site = read_site(job.hub)
        require_site_allowed(job.hub, site, allowed=options.allow_commands)
        words = BatchWords(job.hub, job.study_file, site, allow_commands=options.allow_commands)
        every = {comparison.id for comparison in job.study.comparisons()}
        units = units_of(comparison_steps(job.hub, job.study, job.study_file, every), words)
        submitter = Submitter(job.hub, system_called(options.on), site)
        queues[key] = _Queue(submitter, {unit.id: unit for unit in units})
    return queues[key]
