"""The rows of a verification that tell of the phases' own files, from data to comparisons."""

from __future__ import annotations

from collections.abc import Sequence

from ptycho_compare.checks.freshness import judge_in_place
from ptycho_compare.checks.phase_c import judge_phase_c, judge_stages
from ptycho_compare.checks.phase_d import judge_phase_d
from ptycho_compare.checks.phase_e import judge_phase_e
from ptycho_compare.checks.phase_f import judge_phase_f
from ptycho_compare.checks.pipeline_logs import judge_step
from ptycho_compare.checks.remade import named
from ptycho_compare.checks.validation import Validation
from ptycho_compare.hub import FULL_TIER, Hub
from ptycho_compare.records.arm_names import STUDY_ARMS
from ptycho_compare.scoring import CollapseLimits
from ptycho_compare.scoring.collapse import limits_of
from ptycho_compare.study import Comparison, Study, networks_of
from ptycho_compare.study.steps import OverlapStep, SimulateStep


def phase_checks(
    hub: Hub, dose: int, view: str, splits: Sequence[str], study: Study | None
) -> list[Validation]:
    """Judge phases C to G of one dose and view, a row each, and a row per comparison.

    Without a study a view cannot be drawn again: phase D is then not looked at, and its row says so. A study
    that compares no network has no row of phase E.
    """
    limits = None if study is None else limits_of(study)
    data = [*judge_phase_c(hub, dose, splits), *judge_stages(hub, dose, splits)]
    data += judge_step(SimulateStep(hub, dose))
    arms = networks_of(study, hub, dose, view)
    networks = named(hub, "Phase E networks", hub.phase_e(), judge_phase_e(hub, dose, view, arms))
    return [
        named(hub, "Phase C data", hub.phase_c(dose), data),
        _overlap(hub, dose, view, study),
        *([networks] if arms else []),
        named(
            hub,
            "Phase F reconstructions",
            hub.phase_f(),
            judge_phase_f(hub, dose, view, splits, limits=limits),
        ),
        *(_comparison(hub, Comparison(dose, view, split, FULL_TIER), study, limits) for split in splits),
    ]


def _overlap(hub: Hub, dose: int, view: str, study: Study | None) -> Validation:
    description, path = "Phase D overlap view", hub.phase_d(dose, view)
    findings = list(judge_step(OverlapStep(hub, dose, view)))
    if study is None:
        return named(hub, description, path, findings, study=None)
    return named(
        hub, description, path, [*judge_phase_d(hub, study, dose, view), *findings], study=study.name
    )


def _comparison(
    hub: Hub, place: Comparison, study: Study | None, limits: CollapseLimits | None
) -> Validation:
    tier = None if study is None else study.tiers.get(place.tier)
    required = STUDY_ARMS if tier is None else tier.required_arms
    findings = judge_in_place(hub, place, required=required, limits=limits)
    folder = hub.comparison_dir(place.dose, place.view, place.split, place.tier)
    return named(hub, f"comparison {place.split}", folder, findings)
