"""A ticket: as what a job stands in the queue of a batch system.

Numbers of jobs come back after a controller's crash, so a ticket is known by its token alone: the job carries
it as its comment, and its command asks with it whether it is still meant.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, replace

from ptycho_compare.errors import JobError
from ptycho_compare.hub import Hub, JobFiles
from ptycho_compare.jobs.progress import read_progress
from ptycho_compare.jobs.record import DoneRecord, read_done, read_record, write_record


@dataclass(frozen=True)
class Ticket:
    """One job of a batch system.

    Attributes
    ----------
    system, cluster, job, task : str
        Which batch system, the name of the cluster, the job's number, and that of the task in an array. No
        number stands there between asking for one and the answer.
    user : str
        Whose queue it stands in.
    submitted : str
        UTC time.
    token : str
        Of this submission alone.
    command, options : list of str
        What the job runs, and how it was submitted.
    needs : list of str
        Ids of what it waits for.
    attempts : int
        At the job, before this one.
    lost : int
        How many submissions in a row before this one ended with nothing gained and nothing said.
    """

    system: str
    cluster: str
    job: str
    task: str
    user: str
    submitted: str
    token: str
    command: list[str]
    options: list[str]
    needs: list[str]
    attempts: int
    lost: int = 0

    @property
    def name(self) -> str:
        """The job, as people call it."""
        return f"{self.system} job {self.job or 'without a number yet'}{f'_{self.task}' if self.task else ''}"

    @property
    def key(self) -> str:
        """Names it among all jobs: tasks of one array share their token."""
        return key_of(self.token, self.task)

    def in_queue_as(self, job: str) -> Ticket:
        """Return it with the number that the batch system gave."""
        return replace(self, job=job)


def key_of(token: str, task: str) -> str:
    """Return the key of a job, or of a task of an array, by its token."""
    return f"{token}_{task}" if task else token


def token_for(hub: Hub) -> str:
    """Draw a token for one submission; all of a hub begin alike."""
    return f"{tag_of(hub)}{secrets.token_hex(8)}"


def tag_of(hub: Hub) -> str:
    """Return what the tokens of a hub begin with."""
    return f"ptycho-{hashlib.sha256(str(hub.root).encode()).hexdigest()[:8]}-"


def read_ticket(files: JobFiles) -> Ticket | None:
    """Read the newest submission of a job; None where it was never submitted, or the ticket was withdrawn.

    Raises
    ------
    JobError
        The file is no ticket.
    """
    ticket = read_record(files.ticket, Ticket)
    if ticket is not None and min(ticket.attempts, ticket.lost) < 0:
        raise JobError(f"{files.ticket}: is no Ticket (a number below 0); move it away")
    return ticket


def write_ticket(files: JobFiles, ticket: Ticket) -> None:
    """Write it whole or not at all."""
    files.folder.mkdir(parents=True, exist_ok=True)
    write_record(files.ticket, ticket)


def is_meant(files: JobFiles, token: str) -> bool:
    """Say whether the job that carries a token is the one that is to work: not withdrawn, none after it."""
    ticket = read_ticket(files)
    return ticket is not None and ticket.token == token


def ended_since(files: JobFiles, ticket: Ticket) -> DoneRecord | None:
    """Return how the newest attempt under a ticket ended; None where none did."""
    done = read_done(files)
    return done if done is not None and done.attempt > ticket.attempts else None


def gained_since(files: JobFiles, ticket: Ticket) -> bool:
    """Say whether any attempt under a ticket saved something."""
    attempts = read_progress(files).attempts
    return any(each.gained > 0 for each in attempts if each.launched["attempt"] > ticket.attempts)
