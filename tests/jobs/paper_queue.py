"""A batch system on paper: jobs stand in its queue as a test says. What real ones do: tests/slurm."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from ptycho_compare.errors import JobError
from ptycho_compare.jobs.executors.batch import InQueue, Submission
from ptycho_compare.jobs.ticket import Ticket, key_of


@dataclass
class PaperQueue:
    """See `ptycho_compare.jobs.executors.batch.BatchSystem`."""

    name: str = "slurm"
    cluster: str = "paper"
    requeues: bool = True
    again: str = "again"
    task: str = "$TASK"
    refuses: str = ""
    jobs: dict[str, InQueue] = field(default_factory=dict)
    submitted: list[Submission] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    looks: int = 0

    def submit(self, submission: Submission) -> tuple[str, list[str]]:
        if self.refuses:
            raise JobError(self.refuses)
        self.submitted.append(submission)
        number = str(len(self.submitted))
        for task in map(str, submission.tasks or [""]):
            self.jobs[key_of(submission.token, task)] = InQueue(number, "pending", "Priority")
        return number, ["submit", submission.name]

    def look(self, users: Collection[str]) -> dict[str, InQueue]:
        self.looks += 1
        return dict(self.jobs)

    def ask(self, ticket: Ticket) -> None:
        self.asked.append(ticket.key)

    def cancel(self, ticket: Ticket) -> None:
        self.cancelled.append(ticket.key)

    def why_ended(self, ticket: Ticket) -> str:
        return "TIMEOUT" if ticket.key not in self.jobs else ""

    def put(self, name: str, state: str, reason: str = "", *, task: str = "") -> None:
        """Have the newest job of a name stand so; "gone" takes it out."""
        key = key_of([each for each in self.submitted if each.name == name][-1].token, task)
        if state == "gone":
            del self.jobs[key]
        else:
            self.jobs[key] = InQueue(self.jobs[key].job, state, reason)  # type: ignore[arg-type]

    @property
    def names(self) -> list[str]:
        return [each.name for each in self.submitted]
