"""The pace of a job: a forecast from what earlier attempts and other jobs of its kind took, and its text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce

from ptycho_compare.duration import duration_text
from ptycho_compare.hub import JobFiles, utc_now
from ptycho_compare.jobs.claim import living_claim
from ptycho_compare.jobs.progress import JobProgress, read_progress

_STEPS = "steps"
_SHORTEST_BAR, _LONGEST_BAR = 8, 40


@dataclass(frozen=True)
class Pace:
    """MeasuredTimes times of jobs of a kind.

    Attributes
    ----------
    unit_s : mapping
        Seconds per unit, by part.
    overhead_s : float
        All that is not spent on units, in an attempt that comes to its end.
    shortest_start_s : float
        The least that was ever seen from a launch to the first unit: machines are shared, and a job
        is not to be refused for a slow hour.
    shortest_end_s : float or None
        The same for all the rest of the overhead; None where no attempt came to its end.
    """

    unit_s: Mapping[str, float]
    overhead_s: float
    shortest_start_s: float
    shortest_end_s: float | None

    def forecast_s(self, remaining: Mapping[str, int]) -> float | None:
        """Seconds for what remains, by part; None when a part was never measured."""
        if not any(remaining.values()):
            return self.shortest_end_s
        if any(count and name not in self.unit_s for name, count in remaining.items()):
            return None
        return self.overhead_s + sum(count * self.unit_s[name] for name, count in remaining.items() if count)

    def least_s(self, remaining: Mapping[str, int], *, units: int) -> float:
        """Seconds without which an attempt gains nothing: a start, and `units` or all of the slowest part."""
        left = [
            min(units, count) * self.unit_s[name]
            for name, count in remaining.items()
            if count and name in self.unit_s
        ]
        if not left:  # all units are safe: what is left is done in one go
            return self.shortest_end_s or 0.0
        return self.shortest_start_s + max(left)


@dataclass(frozen=True)
class MeasuredTimes:
    """What attempts at some jobs of a kind took, the best known job first, its newest attempt first.

    Attributes
    ----------
    unit_s : mapping
        Seconds per unit, by part.
    start_s, whole_s : float or None
        The first time to the first unit, and the first overhead of an attempt that came to its end.
    shortest_start_s, shortest_end_s : float or None
        See `Pace`.
    """

    unit_s: Mapping[str, float] = field(default_factory=dict)
    start_s: float | None = None
    whole_s: float | None = None
    shortest_start_s: float | None = None
    shortest_end_s: float | None = None

    @classmethod
    def of(cls, progress: JobProgress) -> MeasuredTimes:
        """Read it off the progress of one job."""
        parts = progress.parts.items()
        newest = progress.attempts[::-1]
        starts = [each.start_s for each in newest if each.start_s is not None]
        whole = [each.overhead_s for each in newest if None not in (each.start_s, each.overhead_s)]
        ends = [each.overhead_s - (each.start_s or 0.0) for each in newest if each.overhead_s is not None]
        return cls(
            {name: part.seconds / part.done for name, part in parts if part.done and part.seconds},
            _first(starts),
            _first(whole),
            min(starts, default=None),
            max(0.0, min(ends)) if ends else None,
        )

    def then(self, other: MeasuredTimes) -> MeasuredTimes:
        """Add what is known of jobs that come after these."""
        return MeasuredTimes(
            {**other.unit_s, **self.unit_s},
            _first([self.start_s, other.start_s]),
            _first([self.whole_s, other.whole_s]),
            _least(self.shortest_start_s, other.shortest_start_s),
            _least(self.shortest_end_s, other.shortest_end_s),
        )

    def pace(self) -> Pace | None:
        """Return the pace; None when no attempt of any of them got to work."""
        if not self.unit_s or self.start_s is None or self.shortest_start_s is None:
            return None
        overhead_s = self.whole_s or self.start_s + (self.shortest_end_s or 0.0)
        return Pace(self.unit_s, overhead_s, self.shortest_start_s, self.shortest_end_s)


NOTHING_MEASURED = MeasuredTimes()


def _first(values: Sequence[float | None]) -> float | None:
    return next((value for value in values if value is not None), None)


def _least(*values: float | None) -> float | None:
    return min((value for value in values if value is not None), default=None)


def measured_pace(progresses: Iterable[JobProgress]) -> Pace | None:
    """Read the pace off the progresses of a job and others of its kind, best known first.

    None when no attempt of any of them got to work.
    """
    return reduce(MeasuredTimes.then, map(MeasuredTimes.of, progresses), NOTHING_MEASURED).pace()


def running(jobs: Iterable[JobFiles]) -> Iterator[tuple[str, JobProgress]]:
    """Yield the jobs that run now: each by the name of its folder, and how far it is."""
    for files in jobs:
        if living_claim(files.claim) is not None:
            above, name = files.folder.parent.parts[-2:]
            yield name if above == _STEPS else f"{above}/{name}", read_progress(files)


def running_line(jobs: Iterable[JobFiles]) -> str:
    """Describe the jobs that run now, in one line; empty when none does."""
    return "  |  ".join(f"{name} {progress_text(progress)}" for name, progress in running(jobs))


def bar_line(name: str, progress: JobProgress, width: int) -> str:
    """Describe a job in a line of so many columns, with a bar and its rate where units are counted."""
    text = f"{name} {progress_text(progress)}"
    if progress.step or not progress.done:
        return text[:width]
    counts, _, left = text.partition(", ")
    after = ", ".join(filter(None, (rate_text(progress), left)))
    room = min(_LONGEST_BAR, width - len(counts) - len(after) - len(" [] "))
    if room < _SHORTEST_BAR:
        return f"{counts}, {after}"[:width]
    filled = room * progress.done // progress.total
    return f"{counts} [{'#' * filled}{'.' * (room - filled)}] {after}"


def rate_text(progress: JobProgress) -> str:
    """Describe how fast units come, e.g. ``61/s`` or ``2.5 s each``; empty where that was not measured."""
    seconds = sum(part.seconds for part in progress.parts.values())
    if not progress.done or not seconds:
        return ""
    rate = progress.done / seconds
    if rate >= 1000:
        return f"{rate:,.0f}/s"
    return f"{rate:.3g}/s" if rate >= 1 else f"{1 / rate:.3g} s each"


def progress_text(progress: JobProgress) -> str:
    """Describe how far a job is, and how long still, e.g. ``512/1280 patches, about 9 min left``."""
    if not progress.attempts or not progress.attempts[-1].ran:
        return "waits"
    if progress.step:
        return progress.step
    if not progress.total:
        return "starts"
    text = f"{progress.done}/{progress.total} {progress.unit}"
    pace = measured_pace([progress])
    left = {name: part.total - part.done for name, part in progress.parts.items()}
    seconds = None if pace is None else pace.forecast_s(left)
    return text if seconds is None else f"{text}, about {duration_text(seconds)} left"


def since_text(progress: JobProgress) -> str:
    """Describe how long the newest attempt has been going."""
    launched = datetime.fromisoformat(progress.attempts[-1].launched["time"])
    return duration_text((utc_now() - launched).total_seconds())
