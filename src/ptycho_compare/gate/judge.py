"""The verdict on a hub: every comparison of the study, the phases' files, the reports that are there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from ptycho_compare.checks.blocker import Blocker, close_blockers, open_blockers, topic_of, write_blocker
from ptycho_compare.checks.validation import Validation
from ptycho_compare.errors import StudyError, first_of
from ptycho_compare.finding import Finding
from ptycho_compare.gate.checks import NOBODY_LEFT, checks_of, is_incomplete
from ptycho_compare.gate.regression import changes
from ptycho_compare.hub import Artifacts, Hub, utc_now, utc_text
from ptycho_compare.jobs import read_claim, read_progress
from ptycho_compare.jobs.duration import duration_text
from ptycho_compare.phases.comparison.job import ComparisonJob
from ptycho_compare.records.acceptance import (
    Change,
    CheckVerdict,
    ComparisonState,
    ComparisonVerdict,
    Verdict,
)
from ptycho_compare.records.tables.metrics_csv import read_metrics_csv
from ptycho_compare.storage.files import digest_of
from ptycho_compare.study import Study

_GATE = "ptycho-hub gate"
_PARTS = ("amplitude", "phase")

Outcome = Literal["accepted", "red", "incomplete", "deferred"]
_WEIGHTS: tuple[Outcome, ...] = ("red", "incomplete", "deferred")
_CLOSES: Mapping[ComparisonState, Outcome] = {
    "red": "red",
    "missing": "incomplete",
    "stale": "incomplete",
    "deferred": "deferred",
}


def judge_hub(
    hub: Hub,
    study: Study,
    study_file: Path,
    *,
    require: Sequence[str] = (),
    against: Hub | None = None,
) -> Verdict:
    """Judge a hub by what lies in it.

    Blockers of comparisons that are accepted are closed on the way: their condition holds. Processes that
    outlived their job are one.

    Parameters
    ----------
    hub : Hub
    study : Study
    study_file : Path
        Where the study was read from.
    require : sequence of str
        Tiers whose comparisons must all be accepted; none means all tiers of the study.
    against : Hub or None
        One that was accepted earlier: scores that became worse beyond the study's tolerances turn this
        one red.

    Raises
    ------
    StudyError
        The study has no such tier.
    InputError
        The earlier hub has no verdict of acceptance.
    """
    for tier in require:
        if tier not in study.tiers:
            raise StudyError(f"{study_file}: --require {tier}: the study has {', '.join(study.tiers)}")
    tiers = tuple(tier for tier in study.tiers if not require or tier in require)
    jobs = [ComparisonJob(hub, study, study_file, each) for each in study.comparisons()]
    compared = tuple(_of_comparison(job, required=job.comparison.tier in tiers) for job in jobs)
    checks = tuple(checks_of(hub, study, compared))
    _note_who_is_left(hub, checks)
    found = _Found(
        study,
        compared,
        checks,
        tuple(_left_open(hub, compared)),
        () if against is None else tuple(changes(against, hub, compared, study.acceptance)),
    )
    return Verdict(
        study=study.name,
        generated_at=utc_text(),
        required_tiers=tiers,
        outcome=found.outcome,
        reason=found.reason,
        comparisons=compared,
        checks=tuple(_of_check(hub, each) for each in found.checks),
        blockers=tuple(hub.relative(each.note) for each in found.blockers),
        compared_with="" if against is None else str(against.verdict().record),
        changes=found.changes,
    )


@dataclass(frozen=True)
class _Found:
    """All that the outcome is drawn from."""

    study: Study
    comparisons: tuple[ComparisonVerdict, ...]
    checks: tuple[Validation, ...]
    blockers: tuple[Blocker, ...]
    changes: tuple[Change, ...]

    @cached_property
    def unmet(self) -> list[tuple[Outcome, str]]:
        """Everything that keeps the gate closed, what weighs most first."""
        return sorted(self._unsorted(), key=lambda each: _WEIGHTS.index(each[0]))

    def _unsorted(self) -> Iterator[tuple[Outcome, str]]:
        required = [each for each in self.comparisons if each.required]
        for each in required:
            if each.state != "accepted":
                told = "" if each.state == "red" else f" is {each.state}"
                yield _CLOSES[each.state], f"{each.id}{told}: {each.findings[0]}"
            elif each.low and self.study.acceptance.gating:
                yield "red", f"{each.id}: {each.low[0]}"
        for check in self.checks:
            if check.findings:
                kind: Outcome = "incomplete" if is_incomplete(check.findings) else "red"
                yield kind, f"{check.description}: {check.findings[0]}"
        for change in self.changes:
            if change.judged == "worse":
                what = f"{change.id}: {change.arm}: {change.metric} {change.part}".rstrip()
                yield "red", f"{what} was {change.before}, is {change.now}: worse ({change.tolerance})"
        for blocker in self.blockers:
            if blocker.subject and blocker.subject != NOBODY_LEFT:  # a check says that
                yield "incomplete", f"{blocker.note.name} is not closed: {blocker.subject} stands still"

    @property
    def outcome(self) -> Outcome:
        return self.unmet[0][0] if self.unmet else "accepted"

    @property
    def reason(self) -> str:
        if self.unmet:
            return first_of([text for _, text in self.unmet])
        required = [each for each in self.comparisons if each.required]
        adopted = sum(each.origin == "adopted" for each in required)
        told = f"all {len(required)} comparisons hold"
        return f"{told}, {adopted} of them adopted from elsewhere" if adopted else told


def _of_comparison(job: ComparisonJob, *, required: bool) -> ComparisonVerdict:
    names, place = Artifacts(job.folder), job.comparison
    state, findings = state_of(job, arrays=False)
    there = names.manifest.is_file()
    low = tuple(_low(names.metrics, job.study.acceptance.ms_ssim)) if state == "accepted" else None
    scientific: Literal["ok", "low", "unscored"] = "unscored" if low is None else "low" if low else "ok"
    return ComparisonVerdict(
        id=job.id,
        dose=place.dose,
        view=place.view,
        split=place.split,
        tier=place.tier,
        folder=job.hub.relative(job.folder),
        required=required,
        state=state,
        findings=_below(job.hub, findings),
        origin="" if not there else "adopted" if names.adoption.exists() else "computed",
        scientific=scientific,
        low=low or (),
        manifest_sha256=digest_of(names.manifest) if there else "",
    )


def _low(metrics: Path, threshold: float) -> Iterator[str]:
    """Yield the arms whose MS-SSIM does not reach the study's line."""
    for row in read_metrics_csv(metrics):
        for part in _PARTS if row.metric == "ms_ssim" else ():
            score = getattr(row, part)
            if score is not None and score < threshold:
                yield f"{row.model}: ms_ssim {part} {score:.3f} is below {threshold:g}"


def _of_check(hub: Hub, check: Validation) -> CheckVerdict:
    return CheckVerdict(description=check.description, path=check.path, findings=_below(hub, check.findings))


def _below(hub: Hub, findings: Sequence[Finding]) -> tuple[str, ...]:
    """Name files below the hub, wherever it lies today."""
    return tuple(str(each).replace(f"{hub.root.as_posix()}/", "") for each in findings)


def _note_who_is_left(hub: Hub, checks: Sequence[Validation]) -> None:
    """Note processes that outlived their job, once; and that they are gone."""
    findings = [finding for check in checks if check.description == NOBODY_LEFT for finding in check.findings]
    topic = topic_of(findings)
    if topic is None:
        close_blockers(hub, NOBODY_LEFT, closed_by=_GATE, evidence=[])
    elif all(blocker.subject != NOBODY_LEFT for blocker in open_blockers(hub)):
        write_blocker(
            hub,
            topic,
            findings,
            comparison_id=NOBODY_LEFT,
            command=[*_GATE.split(), "--hub", str(hub.root)],
            returncode=1,
            folder=hub.root,
            command_log=hub.verdict().record,
            moment=utc_now(),
        )


def _left_open(hub: Hub, compared: Sequence[ComparisonVerdict]) -> Iterator[Blocker]:
    """Close what the accepted comparisons were blocked by, and yield all other open blockers."""
    for each in compared:
        if each.state == "accepted":
            manifest = Artifacts(hub.root / each.folder).manifest
            close_blockers(hub, each.id, closed_by=_GATE, evidence=[manifest])
    yield from open_blockers(hub)


def state_of(job: ComparisonJob, *, arrays: bool) -> tuple[ComparisonState, Sequence[Finding]]:
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
