"""Where a job runs: a Protocol with one file per way. A batch system would be another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ptycho_compare.jobs.record import DoneRecord, JobSpec, LaunchRecord


@dataclass(frozen=True)
class Busy:
    """Somebody else works at the job.

    Attributes
    ----------
    host, pid : str, int
        Its supervisor.
    """

    host: str
    pid: int


class Attempt(Protocol):
    """An attempt that this process launched."""

    launch: LaunchRecord

    def poll(self) -> DoneRecord | None:
        """How it ended; None while it runs.

        Raises
        ------
        JobError
            It ended without a completion record: killed, or the disk is full.
        """
        ...

    def stop(self) -> DoneRecord:
        """Ask it to stop, wait for it, and leave nobody behind; see `poll`."""
        ...

    def leave(self) -> None:
        """Give up watching a detached attempt."""
        ...


class Executor(Protocol):
    """A way to run jobs."""

    def start(self, spec: JobSpec, *, is_done: Callable[[], bool]) -> Attempt | Busy | None:
        """Start an attempt, unless somebody works at the job or it is done.

        Parameters
        ----------
        spec : JobSpec
        is_done : callable
            Asked once the claim is held, so that of many processes that found work to do only the
            first does it. When true, nothing is started.

        Returns
        -------
        Attempt, Busy or None
            None when it was done.

        Raises
        ------
        JobError
            It cannot be started; the message says why.
        """
        ...
