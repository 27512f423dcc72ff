"""The progress of a job, read from its state log: how far, since when, at what pace, how often.

A command that works in parts reports how many units each has (`planned`), how many are done
(`working`) and how many are safe (`checkpoint`); see `job_context`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any

from ptycho_compare.hub import JobFiles
from ptycho_compare.jobs.states import read_states, seconds_between

ATTEMPTS_WITHOUT_PROGRESS = 2
"""So many in a row that gain nothing end a job that would otherwise be tried for ever."""


@dataclass
class Part:
    """One part of a job's work.

    Attributes
    ----------
    total, done, saved : int
        Units there are, computed, and safe on disk.
    seconds, saved_s : float
        Spent on those done, and on those saved, over all attempts.
    """

    total: int
    done: int = 0
    saved: int = 0
    seconds: float = 0.0
    saved_s: float = 0.0


@dataclass
class AttemptProgress:
    """One attempt, as far as the log shows.

    Attributes
    ----------
    launched, ended : dict, dict or None
        Its first line and its last; None while it runs, and when it died.
    ran : bool
        False where its command was not started: it may have waited for a slot in vain.
    counted : bool
        True once it came to know its units.
    gained : int
        Units that became safe in it.
    start_s : float or None
        From the start of its command to the first unit done; a wait for a slot is not counted.
    overhead_s : float or None
        Of an attempt that came to its end: all that was not spent on units.
    """

    launched: dict[str, Any]
    ran: bool = False
    counted: bool = False
    gained: int = 0
    ended: dict[str, Any] | None = None
    start_s: float | None = None
    overhead_s: float | None = None

    @property
    def unfinished(self) -> bool:
        """True when it ran and was stopped, or died."""
        return self.ran and (self.ended is None or self.ended.get("returncode") not in (0, 1, 2))


@dataclass
class JobProgress:
    """All attempts at a job.

    Attributes
    ----------
    parts : dict
        By name, as the newest attempt knows them.
    step : str
        What is done besides units; empty while units are done.
    """

    attempts: list[AttemptProgress] = field(default_factory=list)
    parts: dict[str, Part] = field(default_factory=dict)
    unit: str = "patches"
    step: str = ""

    @property
    def done(self) -> int:
        """Units computed."""
        return sum(part.done for part in self.parts.values())

    @property
    def saved(self) -> int:
        """Units safe on disk."""
        return sum(part.saved for part in self.parts.values())

    @property
    def total(self) -> int:
        """Units there are; 0 before any attempt has counted them."""
        return sum(part.total for part in self.parts.values())

    @property
    def stalled(self) -> int:
        """How many attempts in a row ended unfinished and gained nothing."""
        count = 0
        for attempt in reversed(self.attempts):
            if not attempt.ran:
                continue
            if not attempt.unfinished or attempt.gained > 0:
                break
            count += 1
        return count


def read_progress(files: JobFiles) -> JobProgress:
    """Read a job's progress; an empty one where nothing was ever started.

    Lines that do not say what they should (of another version, or cut because they were too long)
    are passed over.
    """
    return progress_of(read_states(files.states))


def progress_of(events: Iterable[dict[str, Any]]) -> JobProgress:
    """Return the progress that the events of a log tell of."""
    progress = JobProgress()
    working_s = 0.0  # spent on units in the newest attempt
    began: dict[str, Any] = {}
    for event in events:
        attempt = progress.attempts[-1] if progress.attempts else None
        match event:
            case {"state": "launched", "attempt": int(), "host": str()}:
                progress.attempts.append(AttemptProgress(event))
                began = event
                progress.step, working_s = "", 0.0
            case _ if attempt is None:
                continue
            case {"state": "running"}:
                attempt.ran, began = True, event
            case {"state": "planned", "parts": dict(parts)}:
                attempt.counted = True
                progress.parts = _planned(parts, progress.parts)
                progress.unit = str(event.get("unit", progress.unit))
            case {
                "state": "working",
                "part": str(name),
                "done": int(done),
                "seconds": int() | float() as s,
            } if (part := _part(progress, name, done)) and 0 <= s < inf:
                working_s += max(0.0, s - part.seconds)
                part.done, part.seconds = max(done, part.saved), s
                progress.step = ""
                if attempt.start_s is None:
                    attempt.start_s = max(0.0, seconds_between(began, event))  # clocks are set back, too
            case {"state": "checkpoint", "part": str(name), "done": int(done)} if part := _part(
                progress, name, done
            ):
                attempt.gained += done - part.saved
                part.done = max(done, part.done)
                part.saved, part.saved_s = done, part.seconds
            case {"state": "step", "name": str(name)}:
                progress.step = name
            case {"state": "ended"}:
                attempt.ended = event
                if attempt.counted and event.get("returncode") in (0, 1):
                    attempt.overhead_s = max(0.0, seconds_between(began, event) - working_s)
    return progress


def _part(progress: JobProgress, name: str, done: int) -> Part | None:
    """The part of that name, if that many of its units can be done."""
    part = progress.parts.get(name)
    return part if part is not None and 0 <= done <= part.total else None


def _planned(now: Mapping[str, Any], before: Mapping[str, Part]) -> dict[str, Part]:
    parts = {}
    for name, pair in now.items():
        match pair:
            case [int(done), int(total)] if 0 <= done <= total:
                last = before.get(name, Part(total))
                # what was computed after the last checkpoint is lost, and its seconds with it
                seconds = last.saved_s * done / last.saved if last.saved else 0.0
                parts[name] = Part(total, done, done, seconds, seconds)
    return parts


def attempts_so_far(files: JobFiles) -> list[dict[str, Any]]:
    """List the attempts that ran, for a job's results: number, host, launch, units that became safe."""
    return told_of_attempts(read_progress(files))


def told_of_attempts(progress: JobProgress) -> list[dict[str, Any]]:
    """Return what results tell of the attempts at a job."""
    return [
        {
            "attempt": attempt.launched["attempt"],
            "host": attempt.launched["host"],
            "launched": attempt.launched["time"],
            "gained": attempt.gained,
        }
        for attempt in progress.attempts
        if attempt.ran
    ]
