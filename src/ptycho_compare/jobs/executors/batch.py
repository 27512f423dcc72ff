"""The protocol of a batch system: what is asked of a cluster's queue; one file for each system.

On the node everything is as on any machine (`local`): the job's command starts a supervisor of its own. Here
is only what a login node does: submit, look, ask, cancel. Records in the hub decide, and the queue explains.
``tests/slurm/test_contract.py`` is what each system has to pass.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from ptycho_compare.jobs.site import Resources
from ptycho_compare.jobs.ticket import Ticket

TASK = "@TASK@"
"""In words of a command and in the name of a log: the number of the task, where they are an array's."""


@dataclass(frozen=True)
class Submission:
    """A script for the queue.

    Attributes
    ----------
    name : str
        For people.
    token : str
        The job's comment, by which it is found again.
    script, log, folder : Path
        What is run, where what it says is appended, and where it begins.
    after : tuple of Ticket
        Jobs that must end with 0 before it begins; where one of them cannot, it leaves the queue.
    limit_s : float or None
        The longest it may take; None for what the system gives.
    tasks : tuple of int
        Numbers of the tasks, where it is an array: each is a job of its own, of the same script.
    after_any : tuple of Ticket
        Jobs that must have ended before it begins, all tasks of each, however they end: one that is begun
        again has not ended.
    """

    name: str
    token: str
    script: Path
    log: Path
    folder: Path
    resources: Resources
    after: tuple[Ticket, ...] = ()
    limit_s: float | None = None
    tasks: tuple[int, ...] = ()
    after_any: tuple[Ticket, ...] = ()


@dataclass(frozen=True)
class InQueue:
    """What the queue says of one job.

    Attributes
    ----------
    state : str
        ``ended`` jobs may still be known for a while.
    reason : str
        Why it waits, or how it ended, in the system's own words.
    host : str
        Where it runs.
    """

    job: str
    state: Literal["pending", "running", "ended"]
    reason: str = ""
    host: str = ""


class BatchSystem(Protocol):
    """A cluster's queue.

    Every submission may be begun again, by the system (a node died, exit status 75) or by its own script; is
    sent SIGTERM a minute before its limit, its first process alone; and appends to its log.
    """

    @property
    def name(self) -> str:
        """Of the system, as in ``--on NAME``."""
        ...

    @property
    def cluster(self) -> str:
        """Name of the cluster; JobError where the system does not answer."""
        ...

    @property
    def requeues(self) -> bool:
        """True where the system itself begins a job again that ends with 75."""
        ...

    @property
    def again(self) -> str:
        """Line of shell by which a job, or a task of an array, has itself begun again."""
        ...

    @property
    def task(self) -> str:
        """Word of shell that gives a task of an array its number."""
        ...

    def submit(self, submission: Submission) -> tuple[str, list[str]]:
        """Put a script into the queue: the job's number, and the command that did it.

        Raises
        ------
        JobError
            It was refused, or the system does not answer; the message says what it said.
        """
        ...

    def look(self, users: Collection[str]) -> Mapping[str, InQueue]:
        """Ask once for all jobs of these users: what is known of each that carries a token, by `Ticket.key`.

        Raises
        ------
        JobError
            The system does not answer: nothing is known, which is not that nothing is there.
        """
        ...

    def ask(self, ticket: Ticket) -> None:
        """Send SIGTERM to the first process of a job that runs; nothing where it does not run."""
        ...

    def cancel(self, ticket: Ticket) -> None:
        """Take a job out of the queue; nothing where it is not there."""
        ...

    def why_ended(self, ticket: Ticket) -> str:
        """Say how a job ended that the queue does not know any more; empty where nobody can."""
        ...
