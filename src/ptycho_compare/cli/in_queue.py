"""How jobs with a ticket stand in their batch system's queue, asked once for all of them, and not often."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ptycho_compare.errors import InputError
from ptycho_compare.hub import Hub, JobFiles
from ptycho_compare.jobs.executors.systems import SYSTEMS, system_called
from ptycho_compare.jobs.site import Site
from ptycho_compare.jobs.submitter import Submitter
from ptycho_compare.jobs.ticket import Ticket, read_ticket
from ptycho_compare.jobs.unit import Standing, Unit
from ptycho_compare.phases.comparison.job import ComparisonJob

_LOOK_S = 10.0
"""Between looks of whoever watches: the queue is everybody's."""
_WORDS = {"waits": "pending", "starts": "starting", "lost": "lost"}


@dataclass
class QueueView:
    """What queues say of comparisons, as far as they were submitted."""

    jobs: Sequence[ComparisonJob]
    _looked_at: float | None = None
    _found: Mapping[str, Standing] = field(default_factory=dict)

    def told(self, job: ComparisonJob) -> tuple[str, str]:
        """Return state and place of a comparison at which nobody works; empty where no queue has it."""
        now = time.monotonic()
        if self._looked_at is None or now - self._looked_at > _LOOK_S:
            self._looked_at, self._found = now, dict(_looked(self.jobs))
        standing = self._found.get(job.id)
        if standing is None or standing.ticket is None or standing.state not in _WORDS:
            return "", ""
        return _WORDS[standing.state], f"{standing.ticket.name}, {standing.note}".rstrip(", ")

    def waits(self) -> bool:
        """Say if any of them will be begun by a queue."""
        return any(self.told(job)[0] in ("pending", "starting") for job in self.jobs)


def withdraw(hub: Hub, files: JobFiles, name: str) -> bool:
    """Withdraw the ticket of a job, if it has one; True where it waited or ran in a queue."""
    ticket = read_ticket(files)
    if ticket is None or ticket.system not in SYSTEMS:
        return False
    return _submitter(hub, ticket.system).withdraw(_unit(name, files))


def _looked(jobs: Sequence[ComparisonJob]) -> Iterator[tuple[str, Standing]]:
    tickets = {job.id: ticket for job in jobs if (ticket := read_ticket(job.files)) is not None}
    for system in {ticket.system for ticket in tickets.values()} & {*SYSTEMS}:
        mine = [job for job in jobs if job.id in tickets and tickets[job.id].system == system]
        units = [_unit(job.id, job.files) for job in mine]
        try:
            yield from _submitter(mine[0].hub, system).stand(units).items()
        except InputError as error:  # on a machine without its commands records say what they can
            yield from ((job.id, _unknown(tickets[job.id], str(error))) for job in mine)


def _unknown(ticket: Ticket, why: str) -> Standing:
    return Standing("elsewhere", why, ticket)


def _submitter(hub: Hub, system: str) -> Submitter:
    return Submitter(hub, system_called(system), Site())


def _unit(name: str, files: JobFiles) -> Unit:
    return Unit(name, "", files, (), is_done=lambda: False)
