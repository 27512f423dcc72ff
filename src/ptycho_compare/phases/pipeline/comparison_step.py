"""A comparison as a step of the pipeline: its evidence says whether it is done."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ptycho_compare.checks.blocker import Scope
from ptycho_compare.finding import Finding
from ptycho_compare.hub import StepFiles
from ptycho_compare.jobs.record import JobSpec
from ptycho_compare.jobs.run_or_join import Ended
from ptycho_compare.phases.comparison.job import ComparisonJob
from ptycho_compare.records.comparison_list import is_listed, list_comparison
from ptycho_compare.storage.watched import WatchedFiles
from ptycho_compare.study.steps import CompareStep


@dataclass(frozen=True)
class ComparisonStep:
    """See `step.Step`.

    Attributes
    ----------
    command : tuple of str
        Of the comparison, or a lab's own in its place.
    listed : bool
        Whether it counts, and so stands in the hub's list of comparisons.
    foreign : bool
        Whether the command is a lab's own.
    plan_doses : collection of int
        Of the plan that it is part of.
    """

    job: ComparisonJob
    command: tuple[str, ...]
    needs: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    listed: bool = True
    given: bool = False
    foreign: bool = False
    label: str = ""
    plan_doses: Collection[int] = ()

    @property
    def _step(self) -> CompareStep:
        return CompareStep.of(self.job.hub, self.job.comparison)

    @property
    def id(self) -> str:
        """The comparison's."""
        return self._step.id

    @property
    def title(self) -> str:
        """A line for people on what it does."""
        return self._step.title_among(self.plan_doses)

    @property
    def kind(self) -> str:
        """Comparisons of one tier take about as long."""
        return f"compare-{self.job.comparison.tier}"

    @property
    def scope(self) -> Scope:
        """The comparison itself."""
        return Scope.of(self.job.comparison)

    @property
    def files(self) -> StepFiles:
        """Its attempts are the comparison's own; it needs no record beside the evidence."""
        return self._step.records

    def spec(self, *, grace_s: float) -> JobSpec:
        """State how its command runs."""
        spec = self.job.spec(command=self.command, environment=self.environment, grace_s=grace_s)
        spec = replace(spec, fenced=self.foreign)
        if not self.listed:
            return spec
        return replace(spec, log=self._log)

    @property
    def _log(self) -> Path:
        return self.job.hub.step_log(self._step.log_name_in(self.job.study))

    def why_not_done(self) -> list[Finding]:
        """Say why the evidence cannot be used as it is; empty when it can."""
        findings = self.job.why_not_done()
        if not findings and self.listed and not is_listed(self._step):
            return [Finding("missing", f"{self.id} is not in the hub's list of comparisons")]
        return findings

    def is_made(self) -> bool:
        """Say if there is evidence of just these inputs, settings and code, and it is green."""
        return self.job.is_done()

    def rests_on(self) -> str:
        """Return nothing: the evidence says so itself."""
        return ""

    def set_aside(self, _archive: Path) -> list[Path]:
        """Return nothing: a comparison sets aside what it cannot use."""
        return []

    def watch(self) -> WatchedFiles:
        """Return nothing: the comparison itself looks at its inputs again."""
        return WatchedFiles({})

    def seal(self, ended: Ended) -> list[Finding]:
        """Judge the evidence, and enter the comparison into the hub's list."""
        ended = self.job.conclude(ended)
        if self.listed and ended.state != "refused":
            returncode = ended.record.returncode if ended.record is not None and ended.findings else 0
            list_comparison(self._step, returncode=returncode, findings=ended.findings, log=self._log)
        return list(ended.findings)
