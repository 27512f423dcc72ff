"""`ptycho-hub run`: phases C to G of a study or a part of it, then the reports and their verification."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable, Iterable, Sequence
from importlib.resources import files
from pathlib import Path

from ptycho_compare.checks.blocker import Scope, close_blockers, topic_of, write_blocker
from ptycho_compare.cli.bars import bars
from ptycho_compare.cli.batch import add_on, carry_out_on, refuse_beside_on, submitter_of
from ptycho_compare.cli.exit_codes import ExitCode
from ptycho_compare.cli.place_arguments import add_place, duration, local_path, place_of, require_of_study
from ptycho_compare.clock import Deadline
from ptycho_compare.duration import duration_text
from ptycho_compare.errors import InputError
from ptycho_compare.hub import DEBUG_TIER, FULL_TIER, Hub, utc_now
from ptycho_compare.jobs.rounds import begins_again_nothing
from ptycho_compare.names import suite_command
from ptycho_compare.phases.pipeline.batch_units import BatchWords, units_of
from ptycho_compare.phases.pipeline.conditions import conditions
from ptycho_compare.phases.pipeline.orchestrate import ALL_DONE, clobber, execute
from ptycho_compare.phases.pipeline.pipeline import Pipeline
from ptycho_compare.phases.pipeline.reports import post_verify_steps, report_steps, verify_steps
from ptycho_compare.phases.pipeline.reports_step import ReportsStep
from ptycho_compare.phases.pipeline.run import StepOutcome
from ptycho_compare.phases.pipeline.step import Step
from ptycho_compare.phases.pipeline.study_plan import StudyPlan, plan_of
from ptycho_compare.phases.reconstruct.child import require_ptychi
from ptycho_compare.reporting.terminal import closing_lines
from ptycho_compare.storage.files import write_text_atomic
from ptycho_compare.study import load_study, require_commands_allowed
from ptycho_compare.study.steps import ReconstructStep, transcript_name

VERIFIED = "SUCCESS: Post-verify-only mode completed"


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the commands."""
    _add_run(commands)
    _add_conditions(commands)
    _add_demo(commands)


def _add_run(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("run", help="phases C to G of a study, reports and verification")
    add_place(parser)
    _add_matrix(parser)
    parser.add_argument("--clobber", action="store_true",
                        help="archive all that was made before, and begin from nothing")  # fmt: skip
    parser.add_argument("--collect-only", action="store_true", help="print the plan; nothing is written")
    parser.add_argument("--skip-post-verify", action="store_true", help="leave out the verification")
    parser.add_argument("--post-verify-only", action="store_true", help="verify what is there; nothing else")
    _add_pace(parser)
    add_on(parser)
    add_allow_commands(parser)
    parser.set_defaults(run=_run)


def add_allow_commands(parser: argparse.ArgumentParser) -> None:
    """Declare `--allow-commands`."""
    parser.add_argument("--allow-commands", action="store_true",
                        help="run [commands] of a study that lies in the hub: read them first")  # fmt: skip


def _add_matrix(parser: argparse.ArgumentParser, *, default: str = "all of the study") -> None:
    """Declare which slice of the study's matrix is meant, and what of it is there already."""
    parser.add_argument("--dose", type=int, help=f"photons per exposure; default: {default}")
    parser.add_argument("--view", help=f"default: {default}")
    parser.add_argument("--splits", dest="split", nargs="+", help="default: all of the study")
    add_given(parser)


def add_given(parser: argparse.ArgumentParser) -> None:
    """Declare `--given`."""
    parser.add_argument("--given", nargs="+", default=[], choices=["C", "D", "E", "F"], metavar="PHASE",
                        help="phases whose files come from elsewhere: checked and recorded")  # fmt: skip


def _add_pace(parser: argparse.ArgumentParser, *, at_a_time: int = 1) -> None:
    """Declare how many steps run at a time, and for how long."""
    parser.add_argument("--at-a-time", type=int, default=at_a_time, metavar="N",
                        help="steps that may run at the same time (default: %(default)s)")  # fmt: skip
    parser.add_argument("--window", type=duration, metavar="TIME", help="stop with the work saved after this")


def _plan_of(arguments: argparse.Namespace, *, needed: Sequence[str] = ()) -> StudyPlan:
    """Read the study and lay out the plan of a command line."""
    hub, study, file = place_of(arguments, new=True)
    require_of_study(study, file, arguments, needed=needed)
    where = {"dose": arguments.dose, "view": arguments.view, "splits": arguments.split or ()}
    return plan_of(hub, study, file, **where, given=frozenset(arguments.given))


def _require_allowed(plan: StudyPlan | Pipeline, arguments: argparse.Namespace) -> None:
    require_commands_allowed(plan.hub, plan.study, plan.study_file, allowed=arguments.allow_commands)


def _carry_out(
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


def _run(arguments: argparse.Namespace, _words: Sequence[str]) -> ExitCode:
    only_verify = arguments.post_verify_only
    for other in ("clobber", "skip_post_verify"):
        if only_verify and getattr(arguments, other):
            raise InputError(f"--post-verify-only and --{other.replace('_', '-')} exclude each other")
    refuse_beside_on(arguments, "post_verify_only", "skip_post_verify", "window")
    plan = _plan_of(arguments)
    verify = [] if arguments.skip_post_verify else verify_steps(plan)
    steps = post_verify_steps(plan) if only_verify else [*plan.steps, *report_steps(plan), *verify]
    if arguments.collect_only:
        return _collect(plan, steps, only_verify=only_verify)
    if not only_verify:
        _require_allowed(plan, arguments)
    if arguments.clobber:
        for path in clobber(plan.hub, plan.hub.archive(utc_now()), given=plan.given):
            print(f"archived: {plan.hub.relative(path)}")
    if arguments.on is not None:
        return _submit(plan, arguments)
    name = transcript_name(plan.name)
    success = ALL_DONE
    if only_verify:
        name, success = f"{name}_post_verify_only", VERIFIED
    return _carry_out(plan, name, steps, arguments, success=success, closing=closing_lines)


def _submit(plan: StudyPlan, arguments: argparse.Namespace) -> ExitCode:
    allowed = arguments.allow_commands
    submitter = submitter_of(arguments, plan.hub, allowed=allowed)
    words = BatchWords(plan.hub, plan.study_file, submitter.site, plan.given, plan.splits, allowed)
    units = units_of([*plan.steps, ReportsStep(plan, allowed)], words)
    return carry_out_on(submitter, units, wait=arguments.wait)


def _collect(plan: StudyPlan, steps: Sequence[Step], *, only_verify: bool) -> ExitCode:
    if only_verify:
        print("Post-verify-only mode: skipping Phase C→F")
    to_run: set[str] = set()
    for number, step in enumerate(steps, start=1):
        before = to_run.intersection(step.needs)
        reasons = [f"after {', '.join(sorted(before))}"] if before else step.why_not_done()
        to_run |= {step.id} if reasons else set()
        spec = step.spec(grace_s=0)
        print(f"[{number}/{len(steps)}] {step.title}")
        print(f"    {shlex.join(spec.command) if not step.given else 'given: checked, not run'}")
        print(f"    log {plan.hub.relative(spec.log)}; {f'to run: {reasons[0]}' if reasons else 'done'}")
    return ExitCode.OK


def _add_conditions(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("conditions", help="meet the seven return conditions of a blocked study")
    add_place(parser)
    _add_matrix(parser, default="that of the study, if it has one only")
    _add_pace(parser)
    add_allow_commands(parser)
    parser.set_defaults(run=_conditions)


def _conditions(arguments: argparse.Namespace, words: Sequence[str]) -> ExitCode:
    (plan,) = _plan_of(arguments, needed=["dose", "view"]).parts
    _require_allowed(plan, arguments)
    asked = conditions(plan)
    for number, condition in enumerate(asked, start=1):
        name = f"condition {number}/{len(asked)}"
        print(f"{name}: {condition.text}", flush=True)
        if steps := (*condition.steps, *condition.comparing):
            status = _carry_out(plan, condition.transcript, steps, arguments, success=f"{name}: run")
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
    _add_pace(parser, at_a_time=2)
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
    _require_allowed(plan, arguments)
    left = [step for step in plan.making if not all(path.is_file() for path in step.outputs)]
    if study.commands.phase_f is None and any(step.kind == ReconstructStep.command for step in left):
        require_ptychi()  # now, and not when networks were trained for minutes
    place = shlex.quote(str(arguments.hub))
    if len(plan.parts) > 1 or study.factors:
        steps = [*plan.steps, *report_steps(plan)]
        status = _carry_out(plan, transcript_name(plan.name), steps, arguments, success=READY)
        if status == ExitCode.OK:
            print(f"look at it: ptycho-hub page --hub {place}")
        return status
    status = _carry_out(plan, "demo", plan.making, arguments, success=READY)
    if status == ExitCode.OK:
        print(f"judge it:   {suite_command(arguments.hub, DEBUG_TIER)}")
        print(f"count it:   {suite_command(arguments.hub, FULL_TIER, '--timeout=0')}")
        print(f"report it:  ptycho-hub run --hub {place}")
        print(f"accept it:  ptycho-hub gate --hub {place}")
        print(f"look at it: ptycho-hub page --hub {place}")
    return status
