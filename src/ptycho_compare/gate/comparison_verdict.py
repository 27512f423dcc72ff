"""The verdict on one comparison: its state, what does not hold, and which arms are low."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from ptycho_compare.checks.check import below
from ptycho_compare.checks.freshness import judge_in_place
from ptycho_compare.duration import duration_text
from ptycho_compare.finding import Finding
from ptycho_compare.hub import Artifacts
from ptycho_compare.jobs.claim import read_claim
from ptycho_compare.jobs.progress import read_progress
from ptycho_compare.phases.comparison.job import ComparisonJob
from ptycho_compare.records.acceptance import ComparisonState, ComparisonVerdict
from ptycho_compare.records.tables.metrics_csv import read_metrics_csv, verdicts_in
from ptycho_compare.scoring.collapse import limits_of
from ptycho_compare.storage.files import digest_of

_PARTS = ("amplitude", "phase")


def verdict_on(
    job: ComparisonJob, *, required: bool, own: Mapping[str, Sequence[str]] = MappingProxyType({})
) -> ComparisonVerdict:
    """Judge a comparison by its evidence; stored canvases are held by their digests.

    `own` is what checks of the user's own found, by comparison, as `own_check_notes` tells: it makes red what
    holds otherwise.
    """
    names, place = Artifacts(job.folder), job.comparison
    state, findings = state_of(job, arrays=False)
    texts = tuple(map(str, below(job.hub, findings)))
    if state == "accepted" and job.id in own:
        state, texts = "red", tuple(own[job.id])
    there = names.manifest.is_file()
    low = tuple(_low(names.metrics, job.study.acceptance.ms_ssim)) if state == "accepted" else None
    scientific: Literal["ok", "low", "unscored"] = "unscored" if low is None else "low" if low else "ok"
    return ComparisonVerdict(
        id=job.id,
        dose=place.dose,
        view=place.view,
        split=place.split,
        tier=place.tier,
        cell=dict(place.cell),
        folder=job.hub.relative(job.folder),
        required=required,
        state=state,
        findings=texts,
        origin="" if not there else "adopted" if names.adoption.exists() else "computed",
        scientific=scientific,
        low=low or (),
        manifest_sha256=digest_of(names.manifest) if there else "",
    )


def _low(metrics: Path, threshold: float) -> Iterator[str]:
    """Yield the arms whose MS-SSIM does not reach the study's line, and those that show too little."""
    rows = read_metrics_csv(metrics)
    yield from (f"{arm}: {verdict}" for arm, verdict in verdicts_in(rows))
    for row in rows:
        for part in _PARTS if row.metric == "ms_ssim" else ():
            score = getattr(row, part)
            if score is not None and score < threshold:
                yield f"{row.model}: ms_ssim {part} {score:.3f} is below {threshold:g}"


def state_of(job: ComparisonJob, *, arrays: bool) -> tuple[ComparisonState, Sequence[Finding]]:
    """Judge the state of a comparison, and what does not hold.

    An attempt at it that runs, or was stopped with its work saved, makes it deferred, whatever older
    evidence lies there: it goes on. With `arrays` stored canvases are read; without, they
    are held by their digests alone.
    """
    findings = job.why_not_current()
    if not findings:
        findings = judge_in_place(
            job.hub, job.comparison, required=job.required_arms, limits=limits_of(job.study), arrays=arrays
        )
        return ("red" if findings else "accepted"), findings
    if going_on := _going_on(job):
        return "deferred", [Finding("deferred", going_on)]
    return ("missing" if findings[0].kind in ("missing", "input") else "stale"), findings


def _going_on(job: ComparisonJob) -> str:
    """Say how far an unfinished attempt came; empty where there is none."""
    claim, progress = read_claim(job.files.claim), read_progress(job.files)
    far = f"at {progress.saved} of {progress.total} {progress.unit}"
    if claim is not None and claim.alive:
        return f"{job.id} is being computed, {far}"
    last = progress.attempts[-1] if progress.attempts else None
    if last is None or not last.unfinished or not job.files.checkpoints.exists():
        return ""
    pace = sum(part.seconds for part in progress.parts.values()) / progress.done if progress.done else 0.0
    left = duration_text(pace * (progress.total - progress.saved)) if pace else "an unknown time"
    return f"{job.id} was stopped {far}, about {left} left; run pytest -m {job.comparison.tier} again"
