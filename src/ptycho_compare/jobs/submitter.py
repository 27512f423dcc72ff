"""Jobs of a hub in a batch system's queue: how each stands, and submitted once, by however many login nodes.

Records in the hub decide: claims say who works, completion records how attempts ended. The queue says what
waits, and what is in neither was lost. Nothing runs here, and nobody has to stay.
"""

from __future__ import annotations

import getpass
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from ptycho_compare.errors import JobError
from ptycho_compare.hub import Hub, utc_text
from ptycho_compare.jobs.allocation import RESTARTS_WITHOUT_GAIN
from ptycho_compare.jobs.claim import Claim, is_mine, living_claim, take_claim
from ptycho_compare.jobs.executors.batch import BatchSystem, InQueue, Submission
from ptycho_compare.jobs.executors.script import script_of
from ptycho_compare.jobs.progress import read_progress
from ptycho_compare.jobs.site import Site
from ptycho_compare.jobs.states import append_if_possible
from ptycho_compare.jobs.ticket import (
    Ticket,
    ended_since,
    gained_since,
    read_ticket,
    tag_of,
    token_for,
    write_ticket,
)
from ptycho_compare.jobs.unit import Array, Standing, Unit
from ptycho_compare.storage.files import write_text_atomic
from ptycho_compare.storage.locks import require_working_locks
from ptycho_compare.untrusted.regular import read_log

SHORTEST_LIMIT_S = 600.0
"""Asked for where a forecast says less: machines differ, and programs take time to begin."""
FORECASTS_IN_A_LIMIT = 2.0
_LOOK_S = 0.2
_LAST_LINE = 300


@dataclass
class Submitter:
    """Submits a hub's units, and says how they stand.

    Attributes
    ----------
    claim : Claim or None
        On being the one that submits, while it does.
    """

    hub: Hub
    system: BatchSystem
    site: Site
    say: Callable[[str], None] = lambda _: None
    claim: Claim | None = None
    _in_queue: int = 0
    _queue: Mapping[str, InQueue] = field(default_factory=dict)

    def stand(self, units: Sequence[Unit]) -> dict[str, Standing]:
        """Say how units stand; the queue is asked once, if there is any ticket."""
        tickets = {unit.id: read_ticket(unit.files) for unit in units}
        users = {each.user for each in tickets.values() if each is not None and self._is_here(each)}
        if users:
            self._queue = self.system.look(users)
        return {unit.id: self._standing(unit, tickets[unit.id]) for unit in units}

    def submit(
        self, units: Sequence[Unit], *, settled: Mapping[str, Standing] = MappingProxyType({})
    ) -> dict[str, Standing]:
        """Submit all units that have to be, each after those that it needs; says how all stand then.

        They come in an order in which they could be run one after another; `settled` ones stay as they are.

        Raises
        ------
        JobError
            The batch system refuses, or does not answer; what was submitted before stays so.
        StorageError
            Locks do not keep processes apart where the hub lies.
        """
        with self._alone():
            self._queue = self.system.look({getpass.getuser()})
            self._in_queue = sum(
                job.state != "ended" for key, job in self._queue.items() if key.startswith(tag_of(self.hub))
            )
            found = self.stand(units) | {**settled}
            for unit in units:
                state = found[unit.id].state
                # what it was made from is made anew: whether it stays as it is will be seen on the node
                again = state == "done" and any(found[name].in_queue for name in unit.needs if name in found)
                if unit.id not in settled and (again or state in ("ended", "lost", "new")):
                    found[unit.id] = self._brought(unit, found)
        return found

    def withdraw(self, unit: Unit) -> bool:
        """Have a unit's job save its work and end, and not begin again; False where it has none.

        Whoever works without a ticket ends with 1, so that no system begins it again.
        """
        ticket = read_ticket(unit.files)
        if ticket is None:
            return False
        unit.files.ticket.unlink(missing_ok=True)
        now = self.system.look({ticket.user}).get(ticket.key) if self._is_here(ticket) else None
        if now is not None and now.state == "pending":
            self.system.cancel(ticket)
        elif now is not None:
            self.system.ask(ticket)
        return now is not None and now.state != "ended"

    def _is_here(self, ticket: Ticket) -> bool:
        return (ticket.system, ticket.cluster) == (self.system.name, self.system.cluster)

    def _standing(self, unit: Unit, ticket: Ticket | None) -> Standing:
        claim = living_claim(unit.files.claim)
        here = ticket is not None and self._is_here(ticket)
        now = self._queue.get(ticket.key) if ticket is not None and here else None
        if ticket is not None and not ticket.job and now is not None:
            ticket = ticket.in_queue_as(now.job)  # whoever submitted it did not live to note its number
        in_queue = now is not None and now.state != "ended"
        if claim is not None:
            where = f"{claim.holder.host_name}, pid {claim.holder.pid}"
            return Standing("running", where, ticket if in_queue else None)
        if now is not None and in_queue and now.state == "pending":
            return Standing("waits", now.reason, ticket)
        if now is not None and in_queue:
            return Standing("starts", now.host, ticket)
        if unit.is_done():
            return Standing("done", ticket=ticket)
        if ticket is None:
            return Standing("new")
        if not here:
            return Standing("elsewhere", f"submitted to {ticket.system} on cluster {ticket.cluster}", ticket)
        if (done := ended_since(unit.files, ticket)) is not None:
            return Standing("ended", done.reason or done.last_line, ticket, done)
        return Standing("lost", "" if now is None else now.reason, ticket)

    def _brought(self, unit: Unit, found: Mapping[str, Standing]) -> Standing:
        """Submit one unit, or say why it cannot be now."""
        before = found[unit.id]
        needs = {name: found[name] for name in unit.needs if name in found}
        for name, need in needs.items():
            if need.state == "failed" or not (need.state == "done" or need.in_queue):
                return Standing("held", f"needs {name}: {need.state}", before.ticket)
        parts, before_it = self._parts_for(unit)
        if self._in_queue + len(parts) >= self.site.jobs:
            return Standing("held", f"{self.site.jobs} jobs of this hub may be in the queue at a time")
        after = [need.ticket for need in needs.values() if need.in_queue and need.ticket is not None]
        lost = self._lost_before(unit, before) if not after else 0
        if lost >= RESTARTS_WITHOUT_GAIN:
            unit.files.ticket.unlink(missing_ok=True)  # whoever mends it begins to count anew
            return Standing("failed", self._why_failed(unit, before, lost))
        if unit.array is not None and parts:
            before_it += self._put(parts, unit.array, after, needs=[*needs])
        (ticket,) = self._put([unit], None, after, after_any=before_it, needs=[*needs], lost=lost)
        return Standing("waits", "submitted", ticket)

    def _parts_for(self, unit: Unit) -> tuple[list[Unit], list[Ticket]]:
        """Choose the parts of a unit that are to be submitted, and the tickets of those in the queue.

        As long as one of them is there the unit stays split into as many.
        """
        if unit.array is None:
            return [], []
        count = min(unit.array.wanted(), self.site.jobs - 1)
        for known in unit.array.counts():
            if any(self._stands(part).is_on_its_way for part in unit.array.of(known)):
                count = known
        stand = [(part, self._stands(part)) for part in unit.array.of(count if count > 1 else 0)]
        waits = [each.ticket for _, each in stand if each.in_queue and each.ticket is not None]
        return [part for part, each in stand if not each.is_on_its_way], waits

    def parts_of(self, units: Sequence[Unit]) -> dict[str, dict[str, Standing]]:
        """Say how the parts of units stand, as far as they were submitted; the queue is asked once."""
        parts = {unit.id: unit.array.known() for unit in units if unit.array is not None}
        found = self.stand([part for some in parts.values() for part in some])
        return {name: {part.id: found[part.id] for part in some} for name, some in parts.items()}

    def _stands(self, unit: Unit) -> Standing:
        return self._standing(unit, read_ticket(unit.files))

    def _lost_before(self, unit: Unit, before: Standing) -> int:
        """Count a job that is gone as an attempt, unless it never came to its turn, or gained something."""
        ticket = before.ticket
        if before.state != "lost" or ticket is None or gained_since(unit.files, ticket):
            return 0
        append_if_possible(unit.files.states, "lost", batch=ticket.job, reason=before.note)
        return ticket.lost + 1

    def _why_failed(self, unit: Unit, before: Standing, lost: int) -> str:
        told = before.note or (self.system.why_ended(before.ticket) if before.ticket is not None else "")
        last = ""
        with suppress(OSError):
            last = next((line for line in reversed(read_log(unit.files.batch_log).splitlines()) if line), "")
        why = ", ".join(filter(None, (told, f"last line: {last[:_LAST_LINE]}" if last else "")))
        return (
            f"{lost} jobs in a row were lost: they ended, nothing was gained, and no record tells of it "
            f"({why or 'nothing is known of them'}); see {unit.files.batch_log}"
        )

    def _put(
        self,
        units: Sequence[Unit],
        array: Array | None,
        after: Sequence[Ticket],
        *,
        needs: Sequence[str],
        after_any: Sequence[Ticket] = (),
        lost: int = 0,
    ) -> list[Ticket]:
        """Put a job into the queue, or an array whose tasks do these units."""
        if self.claim is not None and not self.claim.beat():
            raise JobError(f"{self.claim.path}: another process submits this hub's jobs by now")
        token, first = token_for(self.hub), units[0]
        name, script, log = first.id, first.files.script, first.files.batch_log
        if array is not None:
            name, script, log = array.name, array.script, array.log(first.count)
        command = (*first.command, token)
        again, task = "" if self.system.requeues else self.system.again, self.system.task
        script.parent.mkdir(parents=True, exist_ok=True)
        write_text_atomic(script, script_of(name, command, self.site, again=again, task=task))
        resources = self.site.of(first.kind)
        tickets = [self._ticket(unit, token, needs, lost) for unit in units]
        tasks = tuple(int(each.task) for each in tickets if each.task)
        try:
            for unit, ticket in zip(units, tickets, strict=True):
                write_ticket(unit.files, ticket)  # first: a job that nobody knows of would work for nobody
            number, options = self.system.submit(
                Submission(
                    name,
                    token,
                    script,
                    log,
                    self.hub.root,
                    resources,
                    tuple(after),
                    _limit_s(first.forecast_s(), resources.time),
                    tasks,
                    tuple(after_any),
                )
            )
        except BaseException:
            for unit in units:
                unit.files.ticket.unlink(missing_ok=True)
            raise
        tickets = [replace(ticket, job=number, options=options) for ticket in tickets]
        for unit, ticket in zip(units, tickets, strict=True):
            write_ticket(unit.files, ticket)
        self._in_queue += len(units)
        tasks_of = f", {len(tasks)} tasks" if tasks else ""
        self.say(f"{name}: submitted as {replace(tickets[0], task='').name}{tasks_of}")
        return tickets

    def _ticket(self, unit: Unit, token: str, needs: Sequence[str], lost: int) -> Ticket:
        return Ticket(
            system=self.system.name,
            cluster=self.system.cluster,
            job="",
            task=str(unit.number or ""),
            user=getpass.getuser(),
            submitted=utc_text(),
            token=token,
            command=[*unit.command, token],
            options=[],
            needs=list(needs),
            attempts=len(read_progress(unit.files).attempts),
            lost=lost,
        )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the hub's claim on submitting; wait for whoever holds it."""
        told = False
        require_working_locks(self.hub.lock("probe"))
        while True:
            claim, _ = take_claim(self.hub.submitting().claim)
            if is_mine(claim):
                break
            if not told:
                self.say(
                    f"{claim.holder.host_name}, pid {claim.holder.pid}, submits jobs of this hub; waiting"
                )
                told = True
            time.sleep(_LOOK_S)
        self.claim = claim
        try:
            yield
        finally:
            self.claim = None
            claim.release()


def _limit_s(forecast_s: float | None, longest_s: float | None) -> float | None:
    """Choose a time limit from a forecast, within what the site allows."""
    if forecast_s is None:
        return longest_s
    limit_s = max(SHORTEST_LIMIT_S, FORECASTS_IN_A_LIMIT * forecast_s)
    return limit_s if longest_s is None else min(limit_s, longest_s)
