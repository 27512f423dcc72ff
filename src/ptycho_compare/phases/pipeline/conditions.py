"""The seven conditions under which a study that stood still may be counted again, in their order.

They are those of the blocked run, in the order in which they can be met: the summary is written
before it is looked at, and the counted run reuses by digest what the conditions before it validated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ptycho_compare.checks import Finding
from ptycho_compare.checks.phase_d import judge_phase_d
from ptycho_compare.checks.study_reports import judge_summary
from ptycho_compare.hub import DEBUG_TIER, FULL_TIER
from ptycho_compare.phases.pipeline.plan import Plan
from ptycho_compare.phases.pipeline.reports import (
    digest_step,
    post_verify_steps,
    report_step,
    report_steps,
    summarize_step,
    verify_steps,
)
from ptycho_compare.phases.pipeline.step import Step
from ptycho_compare.study import BASELINE


@dataclass(frozen=True)
class Condition:
    """One of the seven.

    Attributes
    ----------
    text : str
        What holds when it is met.
    steps : tuple of Step
        What brings it about.
    transcript : str
        Name of the log of the run over these steps.
    check : callable
        Says what does not hold afterwards.
    """

    text: str
    steps: tuple[Step, ...]
    transcript: str
    check: Callable[[], list[Finding]] = list


def conditions(plan: Plan) -> list[Condition]:
    """All seven, in order; what the first needs is made, where it is not there."""
    run_log, own_log = f"run_phase_g_{plan.view}", "return_conditions"
    compared: tuple[Step, ...] = (*plan.making, *plan.comparing(DEBUG_TIER), *plan.comparing(FULL_TIER))
    summary = summarize_step(plan)

    def compare_holds() -> list[Finding]:
        return [finding for step in plan.comparing(FULL_TIER) for finding in step.job.why_not_done()]

    return [
        Condition("both full tables hold every Baseline score", compared, own_log, compare_holds),
        Condition(
            "metrics_summary.json has Baseline entries that are not zero",
            (summary,),
            own_log,
            lambda: judge_summary(plan.hub, BASELINE),
        ),
        Condition(
            "the hub's phase D passes its acceptance",
            (),
            own_log,
            lambda: judge_phase_d(plan.hub, plan.study, plan.dose, plan.view),
        ),
        Condition(
            "the counted run ends well",
            (*plan.steps, *report_steps(plan), *verify_steps(plan)),
            run_log,
        ),
        Condition("the report is written", (report_step(plan),), own_log),
        Condition("the digest is written", (digest_step(plan),), own_log),
        Condition("the verification passes", tuple(post_verify_steps(plan)), f"{run_log}_post_verify_only"),
    ]
