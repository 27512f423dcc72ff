"""How one comparison stands, told from what it left behind."""

from __future__ import annotations

from collections.abc import Sequence

from ptycho_compare.checks import Finding
from ptycho_compare.jobs import read_claim, read_course
from ptycho_compare.jobs.duration import duration_text
from ptycho_compare.phases.comparison.job import ComparisonJob
from ptycho_compare.reporting.verdict.record import Standing


def standing_of(job: ComparisonJob, *, arrays: bool) -> tuple[Standing, Sequence[Finding]]:
    """Say how a comparison stands, and what does not hold.

    An attempt at it that runs, or was stopped with its work saved, makes it deferred, whatever older
    evidence lies there: it goes on.

    Parameters
    ----------
    job : ComparisonJob
    arrays : bool
        Whether stored canvases are read, or held by their digests alone.
    """
    findings = job.why_not_current()
    if not findings:
        findings = job.judge(arrays=arrays)
        return ("red" if findings else "accepted"), findings
    if going_on := _going_on(job):
        return "deferred", [Finding("deferred", going_on)]
    return ("missing" if findings[0].kind in ("missing", "input") else "stale"), findings


def _going_on(job: ComparisonJob) -> str:
    """Say how far an unfinished attempt came; empty where there is none."""
    claim, course = read_claim(job.files.claim), read_course(job.files)
    far = f"at {course.saved} of {course.total} {course.unit}"
    if claim is not None and claim.alive:
        return f"{job.id} is being computed, {far}"
    last = course.attempts[-1] if course.attempts else None
    if last is None or not last.unfinished or not job.files.checkpoints.exists():
        return ""
    pace = sum(part.seconds for part in course.parts.values()) / course.done if course.done else 0.0
    left = duration_text(pace * (course.total - course.saved)) if pace else "an unknown time"
    return f"{job.id} was stopped {far}, about {left} left; run pytest -m {job.comparison.tier} again"
