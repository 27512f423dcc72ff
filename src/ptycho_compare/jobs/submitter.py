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
from typing import Literal

from ptycho_compare.errors import JobError
from ptycho_compare.hub import Hub, JobFiles, utc_text
from ptycho_compare.jobs.allocation import RESTARTS_WITHOUT_GAIN
from ptycho_compare.jobs.claim import Claim, is_mine, living_claim, take_claim
from ptycho_compare.jobs.executors.batch import BatchSystem, InQueue, Submission
from ptycho_compare.jobs.executors.script import script_of
from ptycho_compare.jobs.progress import read_progress
from ptycho_compare.jobs.record import DoneRecord
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
from ptycho_compare.storage.files import write_text_atomic
from ptycho_compare.untrusted.regular import read_log

SHORTEST_LIMIT_S = 600.0
"""Asked for where a forecast says less: machines differ, and programs take time to begin."""
FORECASTS_IN_A_LIMIT = 2.0
_LOOK_S = 0.2
_LAST_LINE = 300


@dataclass(frozen=True)
class Unit:
    """One thing that a job of the batch system does.

    Attributes
    ----------
    kind : str
        Of step, by which `site.toml` may ask for something else.
    files : JobFiles
        Records of its attempts, and its ticket.
    command : tuple of str
        What the job runs; the token comes last.
    is_done : callable
        Whether there is nothing left to do.
    needs : tuple of str
        Ids of those that come before it; of others nothing is known here.
    forecast_s : callable
        How long it will take, if that was measured.
    """

    id: str
    kind: str
    files: JobFiles
    command: tuple[str, ...]
    is_done: Callable[[], bool]
    needs: tuple[str, ...] = ()
    forecast_s: Callable[[], float | None] = lambda: None


@dataclass(frozen=True)
class Standing:
    """How a unit stands.

    Attributes
    ----------
    state : str
        ``done``; ``running``: a process works at it; ``waits``: in the queue, with the reason; ``starts``:
        its job runs, and nobody works yet; ``elsewhere``: in the queue of another cluster; ``ended``: its job
        came to an end that `done` tells of; ``lost``: it did not, and is gone; ``new``: it was never
        submitted; ``held``: it cannot be submitted now; ``failed``: it was lost too often.
    """

    state: Literal[
        "done", "running", "waits", "starts", "elsewhere", "ended", "lost", "new", "held", "failed"
    ]
    note: str = ""
    ticket: Ticket | None = None
    done: DoneRecord | None = None

    @property
    def in_queue(self) -> bool:
        """True where a job of the batch system will bring it further."""
        return self.ticket is not None and self.state in ("running", "waits", "starts")


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
        """
        with self._alone():
            self._queue = self.system.look({getpass.getuser()})
            mine = sum(job.state != "ended" for token, job in self._queue.items() if self._is_ours(token))
            found = self.stand(units) | {**settled}
            for unit in units:
                state = found[unit.id].state
                # what it was made from is made anew: whether it stays as it is will be seen on the node
                again = state == "done" and any(found[name].in_queue for name in unit.needs if name in found)
                if unit.id not in settled and (again or state in ("ended", "lost", "new")):
                    found[unit.id] = self._brought(unit, found, room=mine < self.site.jobs)
                    mine += found[unit.id].state == "waits"
        return found

    def withdraw(self, unit: Unit) -> bool:
        """Have a unit's job save its work and end, and not begin again; False where it has none.

        Whoever works without a ticket ends with 1, so that no system begins it again.
        """
        ticket = read_ticket(unit.files)
        if ticket is None:
            return False
        unit.files.ticket.unlink(missing_ok=True)
        now = self.system.look({ticket.user}).get(ticket.token) if self._is_here(ticket) else None
        if now is not None and now.state == "pending":
            self.system.cancel(ticket)
        elif now is not None:
            self.system.ask(ticket)
        return now is not None and now.state != "ended"

    def _is_here(self, ticket: Ticket) -> bool:
        return (ticket.system, ticket.cluster) == (self.system.name, self.system.cluster)

    def _is_ours(self, token: str) -> bool:
        return token.startswith(tag_of(self.hub))

    def _standing(self, unit: Unit, ticket: Ticket | None) -> Standing:
        claim = living_claim(unit.files.claim)
        here = ticket is not None and self._is_here(ticket)
        now = self._queue.get(ticket.token) if ticket is not None and here else None
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

    def _brought(self, unit: Unit, found: Mapping[str, Standing], *, room: bool) -> Standing:
        """Submit one unit, or say why it cannot be now."""
        before = found[unit.id]
        needs = {name: found[name] for name in unit.needs if name in found}
        for name, need in needs.items():
            if need.state == "failed" or not (need.state == "done" or need.in_queue):
                return Standing("held", f"needs {name}: {need.state}", before.ticket)
        if not room:
            return Standing("held", f"{self.site.jobs} jobs of this hub are in the queue already")
        after = [need.ticket for need in needs.values() if need.in_queue and need.ticket is not None]
        lost = self._lost_before(unit, before) if not after else 0
        if lost >= RESTARTS_WITHOUT_GAIN:
            unit.files.ticket.unlink(missing_ok=True)  # whoever mends it begins to count anew
            return Standing("failed", self._why_failed(unit, before, lost))
        return self._submitted(unit, after, [*needs], lost)

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

    def _submitted(self, unit: Unit, after: Sequence[Ticket], needs: Sequence[str], lost: int) -> Standing:
        if self.claim is not None and not self.claim.beat():
            raise JobError(f"{self.claim.path}: another process submits this hub's jobs by now")
        token = token_for(self.hub)
        command = (*unit.command, token)
        again = "" if self.system.requeues else self.system.again
        unit.files.folder.mkdir(parents=True, exist_ok=True)
        write_text_atomic(unit.files.script, script_of(unit.id, command, self.site, again=again))
        resources = self.site.of(unit.kind)
        ticket = Ticket(
            system=self.system.name,
            cluster=self.system.cluster,
            job="",
            task="",
            user=getpass.getuser(),
            submitted=utc_text(),
            token=token,
            command=list(command),
            options=[],
            needs=list(needs),
            attempts=len(read_progress(unit.files).attempts),
            lost=lost,
        )
        write_ticket(unit.files, ticket)  # first: a job that nobody knows of would work for nobody
        try:
            number, options = self.system.submit(
                Submission(
                    unit.id,
                    token,
                    unit.files.script,
                    unit.files.batch_log,
                    self.hub.root,
                    resources,
                    tuple(after),
                    _limit_s(unit.forecast_s(), resources.time),
                )
            )
        except BaseException:
            unit.files.ticket.unlink(missing_ok=True)
            raise
        ticket = replace(ticket, job=number, options=options)
        write_ticket(unit.files, ticket)
        self.say(f"{unit.id}: submitted as {ticket.name}")
        return Standing("waits", "submitted", ticket)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the hub's claim on submitting; wait for whoever holds it."""
        told = False
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
