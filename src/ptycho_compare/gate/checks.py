"""What the gate looks at beside comparisons: the phases' files, and the reports that are there."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from ptycho_compare.checks.highlights import delta_highlights, ssim_grid
from ptycho_compare.checks.orphans import orphans
from ptycho_compare.checks.phase_c import judge_phase_c
from ptycho_compare.checks.phase_e import judge_phase_e
from ptycho_compare.checks.phase_f import judge_phase_f
from ptycho_compare.checks.study_reports import (
    aggregate_highlights,
    delta_summary,
    metrics_digest,
    summary_json,
    summary_text,
)
from ptycho_compare.checks.validation import Validation
from ptycho_compare.finding import Finding
from ptycho_compare.hub import FULL_TIER, Hub
from ptycho_compare.records.acceptance import ComparisonVerdict
from ptycho_compare.scoring.collapse import limits_of
from ptycho_compare.study import PTYCHI, Study, networks_of

NOBODY_LEFT = "no process is left over"
_REPORTS = (summary_text, aggregate_highlights, metrics_digest, delta_summary, delta_highlights, ssim_grid)


def checks_of(hub: Hub, study: Study, compared: Sequence[ComparisonVerdict]) -> Iterator[Validation]:
    """Yield every check.

    Phase D is measured again by its acceptance test and by `verify`, not here: that would compute. Reports
    are asked for by those too; here the ones that are there must hold, once what they tell of does.

    Parameters
    ----------
    hub : Hub
    study : Study
    compared : sequence of ComparisonVerdict
        All comparisons of the study.
    """
    tiers = {each.tier for each in compared if each.required}
    yield from _of_phases(hub, study, tiers)
    full = [each.state == "accepted" for each in compared if each.tier == FULL_TIER]
    if FULL_TIER in tiers and all(full) and hub.reports().summary.is_file():
        yield from _of_reports(hub, study)
    yield Validation(NOBODY_LEFT, "jobs", orphans(hub))


def _of_phases(hub: Hub, study: Study, tiers: Collection[str]) -> Iterator[Validation]:
    iterative = any(PTYCHI in study.tiers[tier].required_arms for tier in tiers)
    for dose in sorted(study.doses):
        data = judge_phase_c(hub, dose, study.splits)
        yield Validation(f"phase C (dose={dose})", hub.relative(hub.phase_c(dose)), data)
        for view in study.views:
            where = f"{view} (dose={dose})"
            if arms := networks_of(study, hub, dose, view):
                found = judge_phase_e(hub, dose, view, arms)
                yield Validation(f"phase E {where}", hub.relative(hub.phase_e()), found)
            if iterative:
                found = judge_phase_f(hub, dose, view, study.splits, limits=limits_of(study))
                yield Validation(f"phase F {where}", hub.relative(hub.phase_f()), found)


def _of_reports(hub: Hub, study: Study) -> Iterator[Validation]:
    """Yield the checks of reports; those that are not written yet are asked for elsewhere."""
    places = [(dose, view, split) for dose in study.doses for view in study.views for split in study.splits]
    yield summary_json(hub, places)
    for check in _REPORTS:
        validation = check(hub)
        if (hub.root / validation.path).is_file():
            yield validation


def is_incomplete(findings: Sequence[Finding]) -> bool:
    """Whether all that is wrong is that something is not there; what is there and breaks a rule is red."""
    return all(finding.kind == "missing" for finding in findings)
