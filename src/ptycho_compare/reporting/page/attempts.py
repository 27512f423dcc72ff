"""Every attempt at every job of a hub, laid out on one time line."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from ptycho_compare.duration import duration_text
from ptycho_compare.errors import JobError
from ptycho_compare.hub import Hub, JobFiles
from ptycho_compare.jobs.claim import living_claim
from ptycho_compare.jobs.progress import JobProgress, read_progress
from ptycho_compare.jobs.record import was_stopped
from ptycho_compare.jobs.states import read_states
from ptycho_compare.reporting.page.words import moment_text, readable

Ending = Literal["finished", "failed", "stopped", "died", "running"]

_LEAST_WIDTH = 0.4  # per cent of the line: what was short is seen, too


@dataclass(frozen=True)
class AttemptBar:
    """One attempt.

    Attributes
    ----------
    number : int
        From 1.
    start, end : datetime
        UTC. Of one that died or still runs, `end` is when it was last heard of.
    gained : str
        Units that became safe in it.
    reason : str
        Why it was stopped, or its exit status.
    left, width : float
        On the time line, per cent of its length.
    """

    number: int
    host: str
    start: datetime
    end: datetime
    gained: str
    ending: Ending
    reason: str
    left: float = 0.0
    width: float = 0.0

    @property
    def launched(self) -> str:
        """When it started, as text."""
        return moment_text(self.start)

    @property
    def ended(self) -> str:
        """When it ended, as text."""
        return moment_text(self.end)

    @property
    def lasted_s(self) -> float:
        """How long it went, s."""
        return (self.end - self.start).total_seconds()

    @property
    def lasted(self) -> str:
        """How long it went, as text."""
        return duration_text(self.lasted_s)


@dataclass(frozen=True)
class JobLine:
    """One job; `place` is the id of the comparison that it computes, empty for a step."""

    name: str
    place: str
    bars: tuple[AttemptBar, ...]

    @property
    def in_words(self) -> str:
        """How its attempts ended, e.g. ``stopped, finished``."""
        return ", ".join(bar.ending for bar in self.bars)


@dataclass(frozen=True)
class TimeLine:
    """All jobs between the first launch and the last sign of life, UTC."""

    first: str
    last: str
    lasted: str
    jobs: tuple[JobLine, ...]


def read_timeline(hub: Hub, places: Mapping[Path, str]) -> TimeLine | None:
    """Read the state logs of all jobs; None where nothing was ever started.

    `places` gives the ids of comparisons by their folders.
    """
    found = {files: _attempts(files) for files in hub.jobs()}
    known = [attempt for attempts in found.values() for attempt in attempts]
    if not known:
        return None
    first, last = min(each.start for each in known), max(each.end for each in known)
    whole_s = max((last - first).total_seconds(), 1.0)
    jobs = []
    for files, attempts in found.items():
        folder = files.folder.parent
        place = places.get(folder, "")
        bars = tuple(_placed(each, first, whole_s) for each in attempts)
        if bars:
            jobs.append((attempts[0].start, JobLine(place or folder.name, place, bars)))
    jobs.sort(key=lambda pair: pair[0])
    return TimeLine(
        moment_text(first), moment_text(last), duration_text(whole_s), tuple(line for _, line in jobs)
    )


def _attempts(files: JobFiles) -> list[AttemptBar]:
    progress = read_progress(files)
    heard = _last_heard(files)
    running = bool(progress.attempts) and progress.attempts[-1].ended is None and _is_held(files)
    attempts = []
    for index, each in enumerate(progress.attempts):
        newest = index == len(progress.attempts) - 1
        ending, reason = _ending(each.ended, running=running and newest)
        start = _moment(each.launched["time"])
        attempts.append(
            AttemptBar(
                number=each.launched["attempt"],
                host=readable(each.launched["host"]),
                start=start,
                end=max(start, heard[index]),
                gained=_gained(each.gained, progress) if each.counted else "",
                ending=ending,
                reason=readable(reason),
            )
        )
    return attempts


def _is_held(files: JobFiles) -> bool:
    try:
        return living_claim(files.claim) is not None
    except JobError:  # damaged: the log is what the page tells of
        return False


def _last_heard(files: JobFiles) -> list[datetime]:
    """When each attempt wrote its last line; what stands before the first launch is nobody's."""
    heard: list[datetime] = []
    for event in read_states(files.states):
        match event:
            case {"state": "launched", "attempt": int(), "host": str()}:
                heard.append(_moment(event["time"]))
            case {"state": "died"}:  # written by the attempt after it
                continue
            case _ if heard:
                heard[-1] = _moment(event["time"])
    return heard


def _ending(ended: Mapping[str, Any] | None, *, running: bool) -> tuple[Ending, str]:
    if ended is None:
        return ("running", "") if running else ("died", "no sign of an end")
    code, reason = ended.get("returncode"), str(ended.get("reason", "") or "")
    if code == 0:
        return "finished", ""
    if isinstance(code, int) and was_stopped(code, reason):
        return "stopped", reason or "its work saved"
    if isinstance(code, int) and code < 0:
        return "died", _signal_name(-code)
    return "failed", reason or f"exit status {code}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _gained(gained: int, progress: JobProgress) -> str:
    return f"{gained} {readable(progress.unit)}"


def _placed(bar: AttemptBar, first: datetime, whole_s: float) -> AttemptBar:
    """Lay an attempt out on the time line."""
    width = max(100.0 * bar.lasted_s / whole_s, _LEAST_WIDTH)
    left = 100.0 * (bar.start - first).total_seconds() / whole_s
    return replace(bar, left=round(min(left, 100.0 - width), 2), width=round(width, 2))


def endings_of(jobs: Sequence[JobLine]) -> list[str]:
    """Every way in which an attempt of these jobs ended, once each."""
    return sorted({bar.ending for job in jobs for bar in job.bars})


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
