"""The seven return conditions as tests: each is brought about where it is not met, after those before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from ptycho_compare.errors import StorageError
from ptycho_compare.finding import Finding
from pytest_ptycho.cases import DoseAndView
from pytest_ptycho.options import OPTIONS
from pytest_ptycho.outcomes import Blocked, Deferred
from pytest_ptycho.run_comparison import run_comparison, without_room
from pytest_ptycho.stopping import STOPPING
from pytest_ptycho.window import deadline_of

if TYPE_CHECKING:
    from ptycho_compare.phases.pipeline.conditions import Condition
    from ptycho_compare.phases.pipeline.pipeline import Pipeline
    from ptycho_compare.phases.pipeline.step import Step

_MET = pytest.StashKey[set[tuple[DoseAndView, int]]]()
COUNTED_RUN = 4
"""After it all reports are there."""
_LONGEST_WAIT_S = 24 * 3600.0


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
        return self._run(condition, condition.comparing or condition.steps) or condition.check()

    def _run(self, condition: Condition, steps: tuple[Step, ...]) -> list[Finding]:
        """Run steps in this process's name; each computes in a child, one session at a time."""
        from filelock import Timeout

        from ptycho_compare.phases.pipeline.orchestrate import execute
        from ptycho_compare.storage.files import locked

        config, deadline, hub = self.item.config, deadline_of(self.item), self.plan.hub
        if deadline.working_s <= 0:
            raise without_room(hub, condition.id, deadline, f"nothing is left of {deadline.name}")
        wait_s, stopping = min(deadline.working_s, _LONGEST_WAIT_S), config.stash[STOPPING]
        try:
            with locked(hub.lock("return_conditions"), timeout_s=wait_s):
                if not condition.check():
                    return []  # another worker met it meanwhile
                outcomes = execute(
                    hub,
                    condition.transcript,
                    steps,
                    out_of_time=lambda: deadline.working_s <= 0,
                    asked=lambda: bool(stopping.asked),
                    grace_s=max(1.0, deadline.grace_s),
                    success=f"met: {condition.text}",
                    listen=False,
                )
        except StorageError as error:
            return [Finding("input", str(error))]
        except Timeout:
            raise Deferred("another session is at the return conditions") from None
        findings = [finding for outcome in outcomes for finding in outcome.findings]
        if not findings and not all(outcome.good for outcome in outcomes):
            over = stopping.asked or deadline.name
            raise Deferred(f"stopped ({over})")
        return findings
