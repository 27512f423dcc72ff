"""Steps that a suite adds by its hook: run before a comparison, where what they leave is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ptycho_compare.errors import InputError
from ptycho_compare.finding import Finding
from pytest_ptycho.outcomes import Blocked
from pytest_ptycho.own import asked, hooks_seen_by
from pytest_ptycho.run_steps import run_steps

if TYPE_CHECKING:
    from ptycho_compare.phases.comparison.job import ComparisonJob
    from ptycho_compare.phases.pipeline.step import PhaseStep


def own_steps_are_made(item: pytest.Item, job: ComparisonJob) -> bool:
    """Say if nothing that a suite adds before a comparison is left to do; InputError where it is no step."""
    return all(step.is_made() for step in _own_steps(item, job))


def _own_steps(item: pytest.Item, job: ComparisonJob) -> list[PhaseStep]:
    hook = hooks_seen_by(item).pytest_ptycho_steps
    if not hook.get_hookimpls():
        return []
    from ptycho_compare.phases.pipeline.own_step import own_step

    answers = asked("pytest_ptycho_steps", hook, hub=job.hub, comparison=job.comparison)
    return [own_step(job.hub, job.comparison, each) for answer in answers for each in answer or ()]


def make_own_steps(item: pytest.Item, job: ComparisonJob) -> None:
    """Run the steps that a suite names for a comparison, as far as they are not done.

    Raises
    ------
    Blocked
        One fails, or is no step; the finding says why.
    Deferred
        They are not finished.
    """
    try:
        steps = _own_steps(item, job)
        if all(step.is_made() for step in steps):
            return
        failed = run_steps(
            item,
            job.hub,
            job.id,
            steps,
            transcript="own_steps",
            lock="own_steps",
            is_met=lambda: all(step.is_made() for step in steps),
            success=f"own steps before {job.id}: done",
        )
        left = next((step for step in steps if not step.is_made()), steps[-1])
        found = [_of_step(left, each) for each in failed]
    except InputError as error:
        found = [Finding("input", f"{job.id}: {error}")]
    if found:
        raise Blocked(found)


def _of_step(step: PhaseStep, finding: Finding) -> Finding:
    log = step.hub.step_log(step.log_name)
    begun = finding.kind != "input" and log.is_file()  # a log may be that of an attempt before
    where = f"; its output is in {step.hub.relative(log)}" if begun else ""
    return Finding("failed", f"own step {step.id}: {finding.text}{where}")
