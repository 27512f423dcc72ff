"""The reports over a plan and their verification as one step: it is one job of a queue."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ptycho_compare.checks.blocker import Scope
from ptycho_compare.finding import Finding
from ptycho_compare.hub import FULL_TIER, StepFiles
from ptycho_compare.jobs.record import JobSpec
from ptycho_compare.jobs.run_or_join import Ended
from ptycho_compare.phases.pipeline.reports import report_steps, verify_steps, where_of
from ptycho_compare.phases.pipeline.study_plan import Reported, scope_of
from ptycho_compare.storage.watched import WatchedFiles


@dataclass(frozen=True)
class ReportsStep:
    """See `step.Step`: `ptycho-hub run`, which finds all phases done.

    Attributes
    ----------
    allow_commands : bool
        Whether somebody has read the study's commands.
    """

    plan: Reported
    allow_commands: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    given: bool = False
    label: str = ""

    @property
    def id(self) -> str:
        """E.g. ``dose_1000-reports-dense``, or ``reports-study``."""
        doses = self.plan.doses
        return f"{f'dose_{doses[0]}-' if len(doses) == 1 else ''}reports-{self.plan.name}"

    @property
    def title(self) -> str:
        """A line for people on what it does."""
        return f"Reports and verification {self.plan.name}"

    @property
    def kind(self) -> str:
        """Of its own."""
        return "reports"

    @property
    def needs(self) -> tuple[str, ...]:
        """All comparisons."""
        return tuple(step.id for step in self.plan.comparing(FULL_TIER))

    @property
    def files(self) -> StepFiles:
        """Of its attempts; each report has a record of its own."""
        return self.plan.hub.step(self.id)

    @property
    def scope(self) -> Scope:
        """Everything of the plan."""
        return scope_of(self.plan)

    def spec(self, *, grace_s: float) -> JobSpec:
        """State how its command runs."""
        plan = self.plan
        command = (
            *(sys.executable, "-m", "ptycho_compare.cli.ptycho_hub", "run"),
            *("--hub", str(plan.hub.root), "--study", str(plan.study_file)),
            *where_of(plan),
            *(("--given", *sorted(plan.given)) if plan.given else ()),
            *(("--allow-commands",) if self.allow_commands else ()),
        )
        log = plan.hub.step_log(f"reports_{plan.name}")
        return JobSpec(self.files.job.folder, command, log, environment=self.environment, grace_s=grace_s)

    def why_not_done(self) -> list[Finding]:
        """Say which report is not there, or not made of what is there now."""
        steps = (*report_steps(self.plan), *verify_steps(self.plan))
        # what is run each time was run once for what is there
        return [finding for step in steps for finding in replace(step, always=False).why_not_done()]

    def is_made(self) -> bool:
        """Say if its command need not run."""
        return not self.why_not_done()

    def rests_on(self) -> str:
        """Return nothing: each report says so itself."""
        return ""

    def set_aside(self, _archive: Path) -> list[Path]:
        """Return nothing: reports are written anew at any time."""
        return []

    def watch(self) -> WatchedFiles:
        """Return nothing: each report looks at its own inputs."""
        return WatchedFiles({})

    def seal(self, ended: Ended) -> list[Finding]:
        """Say what the command said, or what it left out."""
        return list(ended.findings) or self.why_not_done()
