"""What runs where, how far it is and how long still, in a line or two."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from ptycho_compare.hub import JobFiles
from ptycho_compare.jobs.claim import read_claim
from ptycho_compare.jobs.course import Course, read_course
from ptycho_compare.jobs.duration import duration_text
from ptycho_compare.jobs.pace import measured_pace


def running_line(jobs: Iterable[JobFiles]) -> str:
    """Tell of the jobs that run now, in one line; empty when none does."""
    parts = []
    for files in jobs:
        claim = read_claim(files.claim)
        if claim is not None and claim.alive:
            course = read_course(files)
            name = "/".join(files.folder.parent.parts[-2:])
            parts.append(f"{name} {progress_text(course)}")
    return "  |  ".join(parts)


def progress_text(course: Course) -> str:
    """How far a job is, and how long still, e.g. ``512/1280 patches, about 9 min left``."""
    if not course.attempts or not course.attempts[-1].ran:
        return "waits"
    if course.step:
        return course.step
    if not course.total:
        return "starts"
    text = f"{course.done}/{course.total} {course.unit}"
    pace = measured_pace([course])
    left = {name: part.total - part.done for name, part in course.parts.items()}
    seconds = None if pace is None else pace.forecast_s(left)
    return text if seconds is None else f"{text}, about {duration_text(seconds)} left"


def since_text(course: Course) -> str:
    """How long the newest attempt has been going."""
    launched = datetime.fromisoformat(course.attempts[-1].launched["time"])
    return duration_text((datetime.now(UTC) - launched).total_seconds())
