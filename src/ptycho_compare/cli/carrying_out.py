"""Steps of a study carried out as a command line asks: what `run`, `conditions` and `demo` share."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence

from ptycho_compare.cli.bars import bars
from ptycho_compare.cli.exit_codes import ExitCode
from ptycho_compare.cli.place_arguments import duration, place_of, require_of_study
from ptycho_compare.clock import Deadline
from ptycho_compare.duration import duration_text
from ptycho_compare.errors import InputError
from ptycho_compare.hub import Hub
from ptycho_compare.jobs.rounds import begins_again_nothing
from ptycho_compare.phases.pipeline.orchestrate import ALL_DONE, execute
from ptycho_compare.phases.pipeline.pipeline import Pipeline
from ptycho_compare.phases.pipeline.preflight import require_startable
from ptycho_compare.phases.pipeline.run import StepOutcome
from ptycho_compare.phases.pipeline.step import Step
from ptycho_compare.phases.pipeline.study_plan import StudyPlan, plan_of
from ptycho_compare.study import require_commands_allowed


def add_allow_commands(parser: argparse.ArgumentParser) -> None:
    """Declare `--allow-commands`."""
    parser.add_argument("--allow-commands", action="store_true",
                        help="run [commands] of a study that lies in the hub: read them first")  # fmt: skip


def add_matrix(parser: argparse.ArgumentParser, *, default: str = "all of the study") -> None:
    """Declare which slice of the study's matrix is meant, and what of it is there already."""
    parser.add_argument("--dose", type=int, help=f"photons per exposure; default: {default}")
    parser.add_argument("--view", help=f"default: {default}")
    parser.add_argument("--splits", dest="split", nargs="+", help="default: all of the study")
    add_given(parser)


def add_given(parser: argparse.ArgumentParser) -> None:
    """Declare `--given`."""
    parser.add_argument("--given", nargs="+", default=[], choices=["C", "D", "E", "F"], metavar="PHASE",
                        help="phases whose files come from elsewhere: checked and recorded")  # fmt: skip


def add_pace(parser: argparse.ArgumentParser, *, at_a_time: int = 1) -> None:
    """Declare how many steps run at a time, and for how long."""
    parser.add_argument("--at-a-time", type=int, default=at_a_time, metavar="N",
                        help="steps that may run at the same time (default: %(default)s)")  # fmt: skip
    parser.add_argument("--window", type=duration, metavar="TIME", help="stop with the work saved after this")


def asked_plan(arguments: argparse.Namespace, *, needed: Sequence[str] = ()) -> StudyPlan:
    """Read the study and lay out the plan of a command line."""
    hub, study, file = place_of(arguments, new=True)
    require_of_study(study, file, arguments, needed=needed)
    where = {"dose": arguments.dose, "view": arguments.view, "splits": arguments.split or ()}
    return plan_of(hub, study, file, **where, given=frozenset(arguments.given))


def refuse_early(
    plan: StudyPlan | Pipeline, arguments: argparse.Namespace, *, anew: bool = False, elsewhere: bool = False
) -> None:
    """Refuse a study's own commands that nobody allowed, and what a later phase would refuse.

    See `require_commands_allowed` and `require_startable`.
    """
    require_commands_allowed(plan.hub, plan.study, plan.study_file, allowed=arguments.allow_commands)
    parts = (plan,) if isinstance(plan, Pipeline) else plan.parts
    require_startable(parts, anew=anew, elsewhere=elsewhere)


def carry_out(
    plan: StudyPlan | Pipeline,
    name: str,
    steps: Sequence[Step],
    arguments: argparse.Namespace,
    *,
    success: str = ALL_DONE,
    closing: Callable[[Hub], Iterable[str]] = lambda _: (),
) -> ExitCode:
    """Run steps as a command line asks, and choose the exit status."""
    if arguments.at_a_time < 1:
        raise InputError(f"--at-a-time {arguments.at_a_time}; needed: at least 1")
    window = Deadline.after(arguments.window)
    with bars(plan.hub.jobs):
        outcomes = execute(
            plan.hub,
            name,
            steps,
            at_a_time=arguments.at_a_time,
            out_of_time=lambda: window.working_s <= 0,
            grace_s=window.grace_s,
            success=success,
            closing=closing,
            forecast=True,
        )
    status = exit_code_of(outcomes)
    idle = status == ExitCode.DEFERRED and all(outcome.done is None for outcome in outcomes)
    if idle and begins_again_nothing(plan.hub, name, window):
        spent = duration_text(window.spent_s)
        print(f"nothing was started in two rounds: to look at what is done took {spent}; give --window more")
        return ExitCode.FAILED
    return status


def exit_code_of(outcomes: Sequence[StepOutcome]) -> ExitCode:
    """Choose the exit status of a run over steps."""
    if all(outcome.good for outcome in outcomes):
        return ExitCode.OK
    failed = [outcome for outcome in outcomes if outcome.state == "failed"]
    return ExitCode.FAILED if failed else ExitCode.DEFERRED
