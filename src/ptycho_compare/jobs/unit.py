"""What a job of a batch system does, and how that stands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ptycho_compare.hub import JobFiles
from ptycho_compare.jobs.record import DoneRecord
from ptycho_compare.jobs.ticket import Ticket


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
    array : Array or None
        Parts of it that can be done before it.
    number, count : int
        Its own, from 1, and how many there are, where it is a part; 0 where it is none.
    """

    id: str
    kind: str
    files: JobFiles
    command: tuple[str, ...]
    is_done: Callable[[], bool]
    needs: tuple[str, ...] = ()
    forecast_s: Callable[[], float | None] = lambda: None
    array: Array | None = None
    number: int = 0
    count: int = 0


@dataclass(frozen=True)
class Array:
    """Parts of a unit that the tasks of an array do before it; what they leave out, it does itself.

    Attributes
    ----------
    script : Path
        Of the array, one for all its tasks.
    log : callable
        Gives where tasks of so many append what they say, with `TASK` for the number of each.
    wanted : callable
        Into how many parts the unit is split; below 2 it is not.
    counts : callable
        Into how many it was split by those whose tickets are there.
    part : callable
        Gives one, by its number from 1 and how many there are.
    """

    name: str
    script: Path
    log: Callable[[int], Path]
    wanted: Callable[[], int]
    counts: Callable[[], Sequence[int]]
    part: Callable[[int, int], Unit]

    def of(self, count: int) -> list[Unit]:
        """Return all parts."""
        return [self.part(number, count) for number in range(1, count + 1)]

    def known(self) -> list[Unit]:
        """Return those whose tickets are there."""
        every = [part for count in self.counts() for part in self.of(count)]
        return [part for part in every if part.files.ticket.exists()]


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
        return self.ticket is not None and self.is_on_its_way

    @property
    def is_on_its_way(self) -> bool:
        """True where somebody works at it, or will."""
        return self.state in ("running", "waits", "starts")
