"""`ptycho-hub work`: one step or comparison on this machine, as the job of a batch system."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ptycho_compare.cli.bars import bars
from ptycho_compare.cli.exit_codes import ExitCode
from ptycho_compare.cli.place_arguments import add_place, place_of
from ptycho_compare.cli.run import add_allow_commands, add_given, exit_code_of
from ptycho_compare.errors import WindowError
from ptycho_compare.hub import Hub
from ptycho_compare.jobs import gained_nothing_again
from ptycho_compare.jobs.ticket import is_meant
from ptycho_compare.phases.pipeline.one_step import find_step
from ptycho_compare.phases.pipeline.orchestrate import execute
from ptycho_compare.phases.pipeline.reports_step import ReportsStep
from ptycho_compare.phases.pipeline.run import StepOutcome
from ptycho_compare.phases.pipeline.step import Step
from ptycho_compare.study import require_commands_allowed


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "work",
        help="run one step or comparison here, as a batch system's job does",
        epilog="exit status: 0 done, 1 failed, 2 bad input or a missing one, 75 stopped with its work saved",
    )
    parser.add_argument("id", metavar="ID", help="of a step or comparison, e.g. dose_1000-train-baseline")
    add_place(parser)
    add_given(parser)
    add_allow_commands(parser)
    parser.add_argument("--splits", nargs="+", default=[], help="that the reports are over (default: all)")
    parser.add_argument("--ticket", metavar="TOKEN", default="",
                        help="of the submission, which a job's script gives: another one by now, and "
                        "nothing is done")  # fmt: skip
    parser.set_defaults(run=_work)


def _work(arguments: argparse.Namespace, _words: Sequence[str]) -> ExitCode:
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
    if why := _why_not_meant(step, arguments.ticket):
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
    if status == ExitCode.DEFERRED and (why := _why_not_meant(step, arguments.ticket)):
        print(f"{step.id}: {why}")
        return ExitCode.FAILED  # no queue is to begin it again
    return status


def _why_not_meant(step: Step, token: str) -> str:
    """Say why a batch system's job is not to work, or not to be begun again; empty where it is."""
    if not token or is_meant(step.files.job, token):
        return ""
    return "its ticket was withdrawn, or replaced by another submission: this job is not meant any more"


def _status_of(outcome: StepOutcome, hub: Hub) -> ExitCode:
    """Choose the exit status: that of a stop only where the next attempt can come further."""
    code = exit_code_of([outcome])
    if code == ExitCode.DEFERRED and (why := gained_nothing_again(hub, job=outcome.step.files.job)):
        raise WindowError(why)
    refused = outcome.done is None and all(each.kind == "input" for each in outcome.findings)
    return ExitCode.BAD_INPUT if code == ExitCode.FAILED and refused else code
