"""`ptycho-hub run`: phases C to G of a study or a part of it, then the reports and their verification."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from ptycho_compare.cli.batch import add_on, carry_out_on, refuse_beside_on, submitter_of
from ptycho_compare.cli.carrying_out import (
    add_allow_commands,
    add_matrix,
    add_pace,
    asked_plan,
    carry_out,
    refuse_early,
)
from ptycho_compare.cli.exit_codes import ExitCode
from ptycho_compare.cli.place_arguments import add_place, local_path
from ptycho_compare.errors import InputError
from ptycho_compare.hub import DEBUG_TIER, FULL_TIER, Hub, utc_now
from ptycho_compare.names import suite_command
from ptycho_compare.phases.pipeline.batch_units import BatchWords, units_of
from ptycho_compare.phases.pipeline.orchestrate import ALL_DONE, clobber
from ptycho_compare.phases.pipeline.reports import post_verify_steps, report_steps, verify_steps
from ptycho_compare.phases.pipeline.reports_step import ReportsStep
from ptycho_compare.phases.pipeline.step import Step, left_to_run
from ptycho_compare.phases.pipeline.study_plan import StudyPlan, plan_of
from ptycho_compare.reporting.terminal import closing_lines
from ptycho_compare.storage.files import write_text_atomic
from ptycho_compare.study import load_study
from ptycho_compare.study.steps import transcript_name

VERIFIED = "SUCCESS: Post-verify-only mode completed"


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the commands."""
    _add_run(commands)
    _add_demo(commands)


def _add_run(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("run", help="phases C to G of a study, reports and verification")
    add_place(parser)
    add_matrix(parser)
    parser.add_argument("--clobber", action="store_true",
                        help="archive all that was made before, and begin from nothing")  # fmt: skip
    parser.add_argument("--collect-only", action="store_true", help="print the plan; nothing is written")
    parser.add_argument("--skip-post-verify", action="store_true", help="leave out the verification")
    parser.add_argument("--post-verify-only", action="store_true", help="verify what is there; nothing else")
    add_pace(parser)
    add_on(parser)
    add_allow_commands(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace, _words: Sequence[str]) -> ExitCode:
    only_verify = arguments.post_verify_only
    for other in ("clobber", "skip_post_verify"):
        if only_verify and getattr(arguments, other):
            raise InputError(f"--post-verify-only and --{other.replace('_', '-')} exclude each other")
    refuse_beside_on(arguments, "post_verify_only", "skip_post_verify", "window")
    plan = asked_plan(arguments)
    verify = [] if arguments.skip_post_verify else verify_steps(plan)
    steps = post_verify_steps(plan) if only_verify else [*plan.steps, *report_steps(plan), *verify]
    if arguments.collect_only:
        return _collect(plan, steps, only_verify=only_verify)
    if not only_verify:
        refuse_early(plan, arguments, anew=arguments.clobber, elsewhere=arguments.on is not None)
    if arguments.clobber:
        for path in clobber(plan.hub, plan.hub.archive(utc_now()), given=plan.given):
            print(f"archived: {plan.hub.relative(path)}")
    if arguments.on is not None:
        return _submit(plan, arguments)
    name = transcript_name(plan.name)
    success = ALL_DONE
    if only_verify:
        name, success = f"{name}_post_verify_only", VERIFIED
    return carry_out(plan, name, steps, arguments, success=success, closing=closing_lines)


def _submit(plan: StudyPlan, arguments: argparse.Namespace) -> ExitCode:
    allowed = arguments.allow_commands
    submitter = submitter_of(arguments, plan.hub, allowed=allowed)
    words = BatchWords(plan.hub, plan.study_file, submitter.site, plan.given, plan.splits, allowed)
    units = units_of([*plan.steps, ReportsStep(plan, allowed)], words)
    return carry_out_on(submitter, units, wait=arguments.wait)


def _collect(plan: StudyPlan, steps: Sequence[Step], *, only_verify: bool) -> ExitCode:
    if only_verify:
        print("Post-verify-only mode: skipping Phase C→F")
    left = left_to_run(steps)
    for number, step in enumerate(steps, start=1):
        spec = step.spec(grace_s=0)
        print(f"[{number}/{len(steps)}] {step.title}")
        print(f"    {shlex.join(spec.command) if not step.given else 'given: checked, not run'}")
        state = f"to run: {left[step.id]}" if step.id in left else "done"
        print(f"    log {plan.hub.relative(spec.log)}; {state}")
    return ExitCode.OK


READY = "SUCCESS: The demo study is ready"
_FOLDER = Path("ptycho_demo")
_DEMO = "demo"
_DEMOS = {Path(file).stem.replace("_", "-"): file for file in ("demo.toml", "dose_overlap.toml")}
"""Packaged studies: one that is made, to be judged by tests; one that is compared and reported too."""


def _add_demo(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("demo", help="make a small study from nothing: data, networks, pty-chi")
    parser.add_argument("--hub", type=local_path, default=_FOLDER, help="its folder (default: %(default)s)")
    parser.add_argument("--study", choices=sorted(_DEMOS), default=_DEMO,
                        help="which study, where its folder has none yet (default: %(default)s)")  # fmt: skip
    add_pace(parser, at_a_time=2)
    add_allow_commands(parser)
    parser.set_defaults(run=_demo)


def _demo(arguments: argparse.Namespace, _words: Sequence[str]) -> ExitCode:
    hub = Hub(arguments.hub.resolve())
    if not hub.study().exists():  # whoever changes it there makes the study their own
        hub.root.mkdir(parents=True, exist_ok=True)
        packaged = files("ptycho_compare.study").joinpath(_DEMOS[arguments.study])
        write_text_atomic(hub.study(), packaged.read_text("utf-8"))
    study = load_study(hub.study())
    plan = plan_of(hub, study, hub.study())
    refuse_early(plan, arguments)
    place = shlex.quote(str(arguments.hub))
    if len(plan.parts) > 1 or study.factors:
        steps = [*plan.steps, *report_steps(plan)]
        status = carry_out(plan, transcript_name(plan.name), steps, arguments, success=READY)
        if status == ExitCode.OK:
            print(f"look at it: ptycho-hub page --hub {place}")
        return status
    status = carry_out(plan, "demo", plan.making, arguments, success=READY)
    if status == ExitCode.OK:
        print(f"judge it:   {suite_command(arguments.hub, DEBUG_TIER)}")
        print(f"count it:   {suite_command(arguments.hub, FULL_TIER, '--timeout=0')}")
        print(f"report it:  ptycho-hub run --hub {place}")
        print(f"accept it:  ptycho-hub gate --hub {place}")
        print(f"look at it: ptycho-hub page --hub {place}")
    return status
