"""`ptycho-hub work`: one step or comparison on this machine, as the job of a batch system."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Sequence

from ptycho_compare.cli.bars import bars
from ptycho_compare.cli.carrying_out import add_allow_commands, add_given, exit_code_of
from ptycho_compare.cli.compare import add_shard
from ptycho_compare.cli.exit_codes import ExitCode
from ptycho_compare.cli.place_arguments import add_place, find_comparison, place_of
from ptycho_compare.errors import WindowError
from ptycho_compare.hub import Hub, JobFiles
from ptycho_compare.jobs.allocation import gained_nothing_again
from ptycho_compare.jobs.executors.local import LocalExecutor
from ptycho_compare.jobs.run_or_join import run_or_join
from ptycho_compare.jobs.ticket import is_meant
from ptycho_compare.phases.comparison.job import ComparisonJob
from ptycho_compare.phases.comparison.sharing import Shard
from ptycho_compare.phases.pipeline.one_step import find_step
from ptycho_compare.phases.pipeline.orchestrate import execute
from ptycho_compare.phases.pipeline.reports_step import ReportsStep
from ptycho_compare.phases.pipeline.run import StepOutcome
from ptycho_compare.sigterm import heard
from ptycho_compare.storage.locks import require_working_locks
from ptycho_compare.study import require_commands_allowed


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "work",
        help="run one step or comparison here, as a batch system's job does",
        epilog="exit status: 0 done, 1 failed, 2 bad input or a missing one, 75 stopped with its work saved",
    )
    parser.add_argument("id", metavar="ID", help="of a step or comparison, e.g. dose_1000-train-baseline")
    add_shard(parser)
    add_place(parser)
    add_given(parser)
    add_allow_commands(parser)
    parser.add_argument("--splits", nargs="+", default=[], help="that the reports are over (default: all)")
    parser.add_argument("--ticket", metavar="TOKEN", default="",
                        help="of the submission, which a job's script gives: another one by now, and "
                        "nothing is done")  # fmt: skip
    parser.set_defaults(run=_work)


def _work(arguments: argparse.Namespace, _words: Sequence[str]) -> ExitCode:
    if arguments.ticket:  # of the machine that submitted nothing is known but that its locks worked
        require_working_locks(place_of(arguments, new=True)[0].lock("probe"))
    if arguments.shard is not None:
        return _work_at_shard(arguments, Shard.parse(arguments.shard))
    hub, study, file = place_of(arguments, new=True)
    require_commands_allowed(hub, study, file, allowed=arguments.allow_commands)
    step = find_step(
        hub,
        study,
        file,
        arguments.id,
        splits=tuple(arguments.splits),
        given=frozenset(arguments.given),
        allow_commands=arguments.allow_commands,
    )
    if why := _why_not_meant(step.files.job, arguments.ticket):
        print(f"{step.id}: {why}")
        return ExitCode.FAILED
    with bars(lambda: [step.files.job]):
        (outcome,) = execute(
            hub,
            f"work_{step.id}",
            [step],
            success=f"SUCCESS: {step.id}",
            noted=not isinstance(step, ReportsStep),
        )
    status = _status_of(outcome, hub)
    if status == ExitCode.DEFERRED and (why := _why_not_meant(step.files.job, arguments.ticket)):
        print(f"{step.id}: {why}")
        return ExitCode.FAILED  # no queue is to begin it again
    return status


def _why_not_meant(files: JobFiles, token: str) -> str:
    """Say why a batch system's job is not to work, or not to be begun again; empty where it is."""
    if not token or is_meant(files, token):
        return ""
    return "its ticket was withdrawn, or replaced by another submission: this job is not meant any more"


def _work_at_shard(arguments: argparse.Namespace, shard: Shard) -> ExitCode:
    """Bring one shard of a comparison to its end, under a supervisor of its own, or join who is at it."""
    hub, study, file = place_of(arguments)
    job = ComparisonJob(hub, study, file, find_comparison(study, arguments.id))
    spec, asked, name = job.shard_spec(shard), list[str](), f"shard {shard} of {job.id}"
    if job.is_done():  # which took its shards away: nothing is to be left there again
        print(f"{name}: the comparison is done")
        return ExitCode.OK
    if why := _why_not_meant(spec.files, arguments.ticket):
        print(f"{name}: {why}")
        return ExitCode.FAILED
    with heard(asked.append, signal.SIGTERM, signal.SIGINT), bars(lambda: [spec.files]):
        ended = run_or_join(spec, LocalExecutor(), is_done=job.is_done, out_of_time=lambda: bool(asked))
    if ended.state in ("stopped", "not begun", "running"):
        if why := _why_not_meant(spec.files, arguments.ticket):
            print(f"{name}: {why}")
            return ExitCode.FAILED  # no queue is to begin it again
        if why := gained_nothing_again(hub, job=spec.files):
            raise WindowError(why)
        print(f"{name}: stopped with its work saved; the same command goes on")
        return ExitCode.DEFERRED
    for finding in ended.findings:
        print(f"{name}: {finding}")
    if not ended.findings:
        print(f"{name}: done")
    return {"finished": ExitCode.OK, "refused": ExitCode.BAD_INPUT}.get(ended.state, ExitCode.FAILED)


def _status_of(outcome: StepOutcome, hub: Hub) -> ExitCode:
    """Choose the exit status: that of a stop only where the next attempt can come further."""
    code = exit_code_of([outcome])
    if code == ExitCode.DEFERRED and (why := gained_nothing_again(hub, job=outcome.step.files.job)):
        raise WindowError(why)
    refused = outcome.done is None and all(each.kind == "input" for each in outcome.findings)
    return ExitCode.BAD_INPUT if code == ExitCode.FAILED and refused else code
