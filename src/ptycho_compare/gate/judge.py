"""The verdict on a hub: every comparison of the study, and every light check that is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ptycho_compare.checks.blocker import (
    Blocker,
    close_blockers,
    open_blockers,
    own_check_notes,
    topic_of,
    write_blocker,
)
from ptycho_compare.checks.check import Validation, below, without_hub
from ptycho_compare.checks.listing import NOBODY_LEFT, checks_of
from ptycho_compare.errors import StudyError
from ptycho_compare.gate.comparison_verdict import verdict_on
from ptycho_compare.gate.outcome import Judged
from ptycho_compare.gate.regression import changes
from ptycho_compare.gate.sealed import judge_seal
from ptycho_compare.hub import FULL_TIER, Artifacts, Hub, utc_now, utc_text
from ptycho_compare.phases.comparison.job import ComparisonJob
from ptycho_compare.records.acceptance import CheckVerdict, ComparisonVerdict, Verdict
from ptycho_compare.storage.files import if_writable
from ptycho_compare.study import PTYCHI, Comparison, Study

_GATE = "ptycho-hub gate"


def judge_hub(
    hub: Hub,
    study: Study,
    study_file: Path,
    *,
    require: Sequence[str] = (),
    against: Hub | None = None,
    signed_by: Path | None = None,
) -> Verdict:
    """Judge a hub by what lies in it.

    Blockers of comparisons that are accepted are closed on the way: their condition holds. Processes that
    outlived their job are one.

    Parameters
    ----------
    require : sequence of str
        Tiers whose comparisons must all be accepted; none means all tiers of the study.
    against : Hub or None
        One that was accepted earlier: scores that became worse beyond the study's tolerances turn this
        one red.
    signed_by : Path or None
        An OpenSSH public key with which the hub must have been sealed; see `records.seal`.

    Raises
    ------
    StudyError
        The study has no such tier.
    InputError
        The earlier hub has no verdict of acceptance, or the key is none.
    """
    for tier in require:
        if tier not in study.tiers:
            raise StudyError(f"{study_file}: --require {tier}: the study has {', '.join(study.tiers)}")
    tiers = tuple(tier for tier in study.tiers if not require or tier in require)
    jobs = [ComparisonJob(hub, study, study_file, each) for each in study.comparisons()]
    own = own_check_notes(hub)
    compared = tuple(verdict_on(job, required=job.comparison.tier in tiers, own=own) for job in jobs)
    seal = () if signed_by is None else tuple(judge_seal(hub, signed_by))
    checks = (*_light_checks(hub, study, compared), *seal)
    asked = [job.comparison for job in jobs if job.comparison.tier in tiers]
    with if_writable():
        _note_who_is_left(hub, checks)
    found = Judged(
        study,
        compared,
        checks,
        tuple(_left_open(hub, compared, asked)),
        () if against is None else tuple(changes(against, hub, compared, study.acceptance)),
    )
    return Verdict(
        study=study.name,
        generated_at=utc_text(),
        required_tiers=tiers,
        outcome=found.outcome,
        reason=found.reason,
        comparisons=compared,
        checks=tuple(
            CheckVerdict(
                description=each.description,
                path=each.path,
                findings=tuple(map(str, below(hub, each.findings))),
                warnings=tuple(without_hub(hub, each.warnings)),
            )
            for each in checks
        ),
        blockers=tuple(hub.relative(each.note) for each in found.blockers),
        compared_with="" if against is None else str(against.verdict().record),
        changes=found.changes,
    )


def _light_checks(hub: Hub, study: Study, compared: Sequence[ComparisonVerdict]) -> Iterator[Validation]:
    """Yield the result of every light check that is asked for.

    Comparisons have their own verdicts. Iterative reconstructions are asked for where a tier needs them,
    reports once the full comparisons that they tell of are accepted, and neither reports nor phase D where
    nothing says that they were ever made.
    """
    tiers = {each.tier for each in compared if each.required}
    full = [each.state == "accepted" for each in compared if each.tier == FULL_TIER]
    asked = {
        "phases": True,
        "processes": True,
        "iterative": any(PTYCHI in study.tiers[tier].required_arms for tier in tiers),
        "reports": FULL_TIER in tiers and all(full),
        "comparison": False,
    }
    for check in checks_of(hub, sorted(study.doses), study.views, study.splits, study):
        if check.depth == "light" and check.reached and asked[check.concerns]:
            found = check.judge()
            yield replace(found, description=check.name) if check.name else found


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


def _left_open(
    hub: Hub, compared: Sequence[ComparisonVerdict], asked: Sequence[Comparison]
) -> Iterator[Blocker]:
    """Close what the accepted comparisons were blocked by, and yield the open blockers of what is asked for.

    Notes that people made by hand are among these; those on comparisons that are not of the study, or of
    tiers that are not asked for, are not.
    """
    accepted = [each for each in compared if each.state == "accepted"]
    with if_writable():
        for each in accepted:
            manifest = Artifacts(hub.root / each.folder).manifest
            close_blockers(hub, each.id, closed_by=_GATE, evidence=[manifest])
    met = {each.id for each in accepted}  # also where that could not be written
    for blocker in open_blockers(hub):
        if blocker.subject not in met and any(map(blocker.scope.concerns, asked)):
            yield blocker
