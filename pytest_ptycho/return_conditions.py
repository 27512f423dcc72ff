"""The seven return conditions as tests: each is brought about where it is not met, after those before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from ptycho_compare.finding import Finding
from pytest_ptycho.cases import DoseAndView
from pytest_ptycho.options import OPTIONS
from pytest_ptycho.outcomes import Blocked
from pytest_ptycho.run_comparison import run_comparison
from pytest_ptycho.run_steps import run_steps

if TYPE_CHECKING:
    from ptycho_compare.phases.pipeline.conditions import Condition
    from ptycho_compare.phases.pipeline.pipeline import Pipeline

_MET = pytest.StashKey[set[tuple[DoseAndView, int]]]()
COUNTED_RUN = 4
"""After it all reports are there."""


@dataclass(frozen=True)
class ReturnConditions:
    """The conditions of one dose and view, for one test, whose time is spent."""

    item: pytest.Item
    plan: Pipeline
    place: DoseAndView

    def meet(self, number: int) -> list[Finding]:
        """Bring a condition about, by its number from 1, and say what does not hold.

        Raises
        ------
        Blocked
            One before it is not met, or what its comparisons need is not there.
        Deferred
            What it needs is not finished, and goes on with a later run.
        """
        self.require(number - 1)
        return self._met(number)

    def require(self, number: int) -> None:
        """See that all conditions up to this one are met; raises as `meet` does."""
        for before in range(1, number + 1):
            try:
                findings = self._met(before)
            except Blocked as blocked:
                findings = list(blocked.findings)
            if findings:
                text = f"return condition {before} of {self.place.dose}/{self.place.view}"
                raise Blocked([Finding("prerequisite", f"{text} is not met: {findings[0]}")])

    def _met(self, number: int) -> list[Finding]:
        from ptycho_compare.checks.blocker import close_blockers
        from ptycho_compare.phases.pipeline.conditions import conditions

        met = self.item.config.stash.setdefault(_MET, set())
        if (self.place, number) in met:
            return []
        condition = conditions(self.plan)[number - 1]
        findings = condition.check()
        if findings and not self.item.config.stash[OPTIONS].verify:
            findings = self._bring_about(condition)
        if not findings:
            met.add((self.place, number))
            log = self.plan.hub.step_log(condition.transcript)
            close_blockers(self.plan.hub, condition.id, closed_by=self.item.nodeid, evidence=[log])
        return findings

    def _bring_about(self, condition: Condition) -> list[Finding]:
        for step in condition.comparing:
            if findings := run_comparison(self.item, step.job).findings:
                return findings
        found = run_steps(
            self.item,
            self.plan.hub,
            condition.id,
            condition.comparing or condition.steps,
            transcript=condition.transcript,
            lock="return_conditions",
            is_met=lambda: not condition.check(),
            success=f"met: {condition.text}",
        )
        return found or condition.once_made()
