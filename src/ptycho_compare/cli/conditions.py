"""`ptycho-hub conditions`: the return conditions of a study that stood still, met one after another."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ptycho_compare.checks.blocker import Scope, close_blockers, topic_of, write_blocker
from ptycho_compare.cli.carrying_out import (
    add_allow_commands,
    add_matrix,
    add_pace,
    asked_plan,
    carry_out,
    refuse_early,
)
from ptycho_compare.cli.exit_codes import ExitCode
from ptycho_compare.cli.place_arguments import add_place
from ptycho_compare.hub import FULL_TIER, utc_now
from ptycho_compare.phases.pipeline.conditions import conditions


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser("conditions", help="meet the seven return conditions of a blocked study")
    add_place(parser)
    add_matrix(parser, default="that of the study, if it has one only")
    add_pace(parser)
    add_allow_commands(parser)
    parser.set_defaults(run=_conditions)


def _conditions(arguments: argparse.Namespace, words: Sequence[str]) -> ExitCode:
    (plan,) = asked_plan(arguments, needed=["dose", "view"]).parts
    refuse_early(plan, arguments)
    asked = conditions(plan)
    for number, condition in enumerate(asked, start=1):
        name = f"condition {number}/{len(asked)}"
        print(f"{name}: {condition.text}", flush=True)
        if steps := (*condition.steps, *condition.comparing):
            status = carry_out(plan, condition.transcript, steps, arguments, success=f"{name}: run")
            if status != ExitCode.OK:
                print(f"{name}: not met; those after it were not tried")
                return status
        log = plan.hub.step_log(condition.transcript)
        findings = condition.once_made()
        if findings:
            note = write_blocker(
                plan.hub,
                topic_of(findings) or f"return_condition_{number}",
                findings,
                comparison_id=condition.id,
                command=["ptycho-hub", *words],
                returncode=None,
                folder=plan.hub.analysis(),
                command_log=log,
                moment=utc_now(),
                scope=Scope(plan.dose, plan.view, tiers=(FULL_TIER,)),
            )
            print("\n".join([*map(str, findings), f"{name}: not met; {plan.hub.relative(note)}"]))
            return ExitCode.FAILED
        close_blockers(plan.hub, condition.id, closed_by="ptycho-hub conditions", evidence=[log])
        print(f"{name}: met", flush=True)
    print("SUCCESS: all seven return conditions are met")
    return ExitCode.OK
