"""The protocol of an executor: a place where jobs run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ptycho_compare.jobs.record import DoneRecord, JobSpec, LaunchRecord


@dataclass(frozen=True)
class Running:
    """An attempt that runs on, and not under this process.

    Host, pid and token are its supervisor's; `launch` is there where this process launched and left it.
    """

    host: str
    pid: int
    token: str
    launch: LaunchRecord | None = None


class Attempt(Protocol):
    """An attempt that this process launched."""

    launch: LaunchRecord

    def poll(self) -> DoneRecord | None:
        """Return how it ended; None while it runs.

        Raises
        ------
        JobError
            It ended without a completion record: killed, or the disk is full.
        """
        ...

    def stop(self) -> DoneRecord:
        """Ask it to stop, wait for it, and leave nobody behind; see `poll`."""
        ...

    def leave(self) -> Running:
        """Give up watching a detached attempt."""
        ...


class Executor(Protocol):
    """A place where jobs run."""

    def start(
        self, spec: JobSpec, *, is_done: Callable[[], bool], out_of_time: Callable[[], bool]
    ) -> Attempt | Running | None:
        """Start an attempt, unless somebody works at the job (Running) or it is done (None).

        `is_done` is asked once the claim is held, so that of many processes that found work to do only the
        first does it.

        Raises
        ------
        NotBegunError
            It did not begin in the time there was.
        JobError
            It cannot be started; the message says why.
        """
        ...
