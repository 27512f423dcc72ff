"""Steps of a study as jobs of a batch system: each is `ptycho-hub work ID` on whichever node."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ptycho_compare.hub import Hub
from ptycho_compare.jobs.executors.batch import TASK
from ptycho_compare.jobs.record import read_done
from ptycho_compare.jobs.site import Site
from ptycho_compare.jobs.unit import Array, Unit
from ptycho_compare.phases.comparison.job import ComparisonJob
from ptycho_compare.phases.comparison.sharing import shards_of
from ptycho_compare.phases.pipeline.comparison_step import ComparisonStep
from ptycho_compare.phases.pipeline.reports_step import ReportsStep
from ptycho_compare.phases.pipeline.step import Step
from ptycho_compare.study.steps import MAKING

COMPARE, REPORTS = "compare", "reports"


@dataclass(frozen=True)
class BatchWords:
    """What the command of every job of a submission says beside its step.

    Attributes
    ----------
    splits : tuple of str
        Of the reports; empty for all of the study.
    """

    hub: Hub
    study_file: Path
    site: Site
    given: frozenset[str] = frozenset()
    splits: tuple[str, ...] = ()
    allow_commands: bool = False

    def command_of(self, step_id: str, *more: str) -> tuple[str, ...]:
        """Return the argument list that does a step, but for the token, which comes last."""
        return (
            *(
                self.site.python or sys.executable,
                "-m",
                "ptycho_compare.cli.ptycho_hub",
                "work",
                step_id,
                *more,
            ),
            *("--hub", str(self.hub.root), "--study", str(self.study_file)),
            *(("--given", *sorted(self.given)) if self.given else ()),
            *(("--splits", *self.splits) if self.splits else ()),
            *(("--allow-commands",) if self.allow_commands else ()),
            "--ticket",
        )


def units_of(steps: Iterable[Step], words: BatchWords) -> list[Unit]:
    """Make a unit of each step."""
    return [unit_of(step, words) for step in steps]


def unit_of(step: Step, words: BatchWords) -> Unit:
    """Make a unit of a step: its needs are the steps', its forecast and its shards a comparison's."""
    comparison = step.job if isinstance(step, ComparisonStep) else None
    own = isinstance(step, ComparisonStep) and not step.foreign
    return Unit(
        step.id,
        _kind_of(step),
        step.files.job,
        words.command_of(step.id),
        is_done=lambda: not step.why_not_done(),
        needs=tuple(step.needs),
        forecast_s=lambda: None if comparison is None else comparison.state().forecast_s,
        array=shards_of_job(comparison, words) if comparison is not None and own else None,
    )


def shards_of_job(job: ComparisonJob, words: BatchWords) -> Array:
    """Make the array whose tasks are the shards of a comparison."""

    def part(number: int, count: int) -> Unit:
        files = job.files.shard(number, count)
        return Unit(
            f"{job.id} shard {number}/{count}",
            COMPARE,
            files,
            words.command_of(job.id, "--shard", f"{TASK}/{count}"),
            is_done=lambda: (done := read_done(files)) is not None and done.returncode == 0,
            forecast_s=lambda: _share(job.state().forecast_s, count),
            number=number,
            count=count,
        )

    def counts() -> list[int]:
        return sorted({shard.count for shard in shards_of(job.files) if shard.job(job.files).ticket.exists()})

    return Array(
        f"{job.id}-shards",
        job.files.shards_script,
        log=lambda count: job.files.shard(TASK, count).batch_log,
        wanted=lambda: words.site.shards.of(job.state().forecast_s),
        counts=counts,
        part=part,
    )


def _share(forecast_s: float | None, count: int) -> float | None:
    return None if forecast_s is None else forecast_s / count


def _kind_of(step: Step) -> str:
    if isinstance(step, ComparisonStep):
        return COMPARE
    if isinstance(step, ReportsStep):
        return REPORTS
    named = (kind.command for kind in MAKING if f"-{kind.command}" in step.id)
    return next(named, "")
