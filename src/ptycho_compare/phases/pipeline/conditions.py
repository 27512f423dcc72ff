"""The seven conditions under which a study that stood still may be counted again, in their order.

They are those of the blocked run, in the order in which they can be met: the summary is written
before it is looked at, and the counted run reuses by digest what the conditions before it validated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ptycho_compare.checks.highlights import check_highlights, delta_highlights
from ptycho_compare.checks.phase_d import judge_phase_d
from ptycho_compare.checks.pipeline_logs import cli_logs
from ptycho_compare.checks.study_reports import aggregate_highlights, judge_summary, metrics_digest
from ptycho_compare.checks.verification import verify
from ptycho_compare.finding import Finding
from ptycho_compare.hub import DEBUG_TIER, FULL_TIER
from ptycho_compare.phases.comparison.verified import Recomputation
from ptycho_compare.phases.pipeline.comparison_step import ComparisonStep
from ptycho_compare.phases.pipeline.pipeline import Pipeline
from ptycho_compare.phases.pipeline.reports import (
    digest_step,
    post_verify_steps,
    report_step,
    report_steps,
    summarize_step,
)
from ptycho_compare.phases.pipeline.step import Step
from ptycho_compare.study import BASELINE, networks_of
from ptycho_compare.study.steps import transcript_name


@dataclass(frozen=True)
class Condition:
    """One of the seven.

    Attributes
    ----------
    text : str
        What holds when it is met.
    check : callable
        Says what does not hold.
    steps : tuple of Step
        What brings it about, beside comparisons.
    comparing : tuple of ComparisonStep
        Comparisons that it rests on; they come after `steps`.
    transcript : str
        Name of the log of the run over these steps.
    id : str
        What a blocker names.
    left : callable or None
        Says what `check` says beyond its steps, where those have just ended well and looked at the rest.
    """

    text: str
    check: Callable[[], list[Finding]]
    steps: tuple[Step, ...] = ()
    comparing: tuple[ComparisonStep, ...] = ()
    transcript: str = "return_conditions"
    id: str = ""
    left: Callable[[], list[Finding]] | None = None

    def once_made(self) -> list[Finding]:
        """Say what does not hold right after its steps have ended well."""
        return (self.left or self.check)()


def conditions(plan: Pipeline) -> list[Condition]:
    """All seven, in order; what the first needs is made, where it is not there."""
    kinds = (_tables, _summary, _phase_d, _counted_run, _report, _digest, _verification)
    return [
        replace(kind(plan), id=f"dose_{plan.dose}-{plan.view}-condition-{number}")
        for number, kind in enumerate(kinds, start=1)
    ]


def _arms(plan: Pipeline) -> tuple[str, ...]:
    """The arm that came out blank in the blocked run, or what a study without it rests on."""
    if BASELINE in networks_of(plan.study, plan.hub, plan.dose, plan.view):
        return (BASELINE,)
    return plan.study.tiers[FULL_TIER].required_arms


def _tables(plan: Pipeline) -> Condition:
    full = plan.comparing(FULL_TIER)
    return Condition(
        f"both full tables hold every {' and '.join(_arms(plan))} score",
        lambda: [finding for step in full for finding in step.why_not_done()],
        steps=plan.making,
        comparing=(*plan.comparing(DEBUG_TIER), *full),
    )


def _summary(plan: Pipeline) -> Condition:
    arms = _arms(plan)
    return Condition(
        f"metrics_summary.json has {' and '.join(arms)} entries that are not zero",
        lambda: judge_summary(plan.hub, *arms),
        steps=(summarize_step(plan),),
    )


def _phase_d(plan: Pipeline) -> Condition:
    return Condition(
        "the hub's phase D passes its acceptance",
        lambda: judge_phase_d(plan.hub, plan.study, plan.dose, plan.view),
    )


def _counted_run(plan: Pipeline) -> Condition:
    place, reports = (plan.dose, plan.view), report_steps(plan)

    def holds() -> list[Finding]:
        once = [*plan.steps, *(step for step in reports if not step.always)]
        left = [finding for step in once for finding in step.why_not_done()]
        return left or list(cli_logs(plan.hub, *place, plan.splits, study=plan.study).findings)

    # its verification is a condition of its own, and computes all canvases again
    steps = (*plan.steps, *reports)
    return Condition("the counted run ends well", holds, steps=steps, transcript=transcript_name(plan.view))


def _report(plan: Pipeline) -> Condition:
    hub = plan.hub
    return Condition(
        "the report is written",
        lambda: [*aggregate_highlights(hub).findings, *delta_highlights(hub).findings],
        steps=(report_step(plan),),
    )


def _digest(plan: Pipeline) -> Condition:
    return Condition(
        "the digest is written",
        lambda: list(metrics_digest(plan.hub).findings),
        steps=(digest_step(plan),),
    )


def _verification(plan: Pipeline) -> Condition:
    hub, study, place = plan.hub, plan.study, (plan.dose, plan.view, plan.splits)

    def findings(recompute: Recomputation | None) -> list[Finding]:
        verified = verify(hub, *place, study=study, recompute=recompute)
        return [*verified.findings, *check_highlights(hub)]

    return Condition(
        "the verification passes",
        lambda: findings(Recomputation(hub, study)),
        # its step has just computed all canvases again, in a process of its own
        left=lambda: findings(None),
        steps=tuple(post_verify_steps(plan)),
        transcript=f"{transcript_name(plan.view)}_post_verify_only",
    )
