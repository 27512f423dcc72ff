"""`ptycho-hub stop | resume`: the jobs of a hub from any shell."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence

from ptycho_compare.cli.bars import bars
from ptycho_compare.cli.batch import add_on, carry_out_on, refuse_beside_on, submitter_of
from ptycho_compare.cli.carrying_out import add_allow_commands
from ptycho_compare.cli.exit_codes import ExitCode
from ptycho_compare.cli.in_queue import withdraw
from ptycho_compare.cli.place_arguments import add_place, duration
from ptycho_compare.cli.status import jobs_of, runs
from ptycho_compare.clock import Deadline
from ptycho_compare.errors import JobError
from ptycho_compare.hub import JobFiles
from ptycho_compare.jobs.executors.local import LocalExecutor
from ptycho_compare.jobs.pace import progress_text, running_line
from ptycho_compare.jobs.progress import ATTEMPTS_WITHOUT_PROGRESS
from ptycho_compare.jobs.record import read_launch
from ptycho_compare.jobs.rounds import begins_again_nothing
from ptycho_compare.jobs.run_or_join import run_or_join
from ptycho_compare.phases.comparison.job import ComparisonJob
from ptycho_compare.phases.comparison.sharing import shards_of
from ptycho_compare.phases.pipeline.batch_units import BatchWords, units_of
from ptycho_compare.phases.pipeline.one_step import comparison_steps
from ptycho_compare.sigterm import heard

_PROGRESS_S = 5.0
_STOP_WAIT_S = 30.0


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the commands."""
    stop = commands.add_parser("stop", help="ask jobs to save their work and end")
    stop.add_argument("comparisons", nargs="*", metavar="ID", help="default: all that run")
    stop.set_defaults(run=_stop)
    resume = commands.add_parser("resume", help="launch or join jobs, each from where it was")
    resume.add_argument("comparisons", nargs="*", metavar="ID", help="default: all that were begun")
    resume.add_argument("--detach", action="store_true", help="launch and return; prints the launch records")
    resume.add_argument("--window", type=duration, metavar="TIME", help="stop with the work saved after this")
    resume.add_argument("--deadline", type=duration, default=86400.0, metavar="TIME",
                        help="after which a detached job stops by itself (default: 24h)")  # fmt: skip
    resume.add_argument(
        "--slots", type=_slots, metavar="N", help="jobs that may run at a time on this machine"
    )
    resume.set_defaults(run=_resume)
    add_on(resume)
    add_allow_commands(resume)
    for parser in (stop, resume):
        add_place(parser)


def _slots(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError(f"{count}; needed: at least 1")
    return count


def _stop(arguments: argparse.Namespace, _words: Sequence[str]) -> ExitCode:
    jobs = jobs_of(arguments)
    out = _withdrawn(jobs, all_of_hub=not arguments.comparisons)  # first: else a queue begins it again
    running = [job for job in jobs if runs(job)]
    if not running and not out:
        print("nothing runs")
    for job in running:
        job.files.stop.touch()  # seen by its supervisor on whatever host
    patience = Deadline.after(_STOP_WAIT_S)
    while (left := [job for job in running if runs(job)]) and not patience.is_over:
        time.sleep(0.2)
    for job in running:
        print(
            f"{job.id}: {'still ends' if job in left else 'stopped'}, {progress_text(job.state().progress)}"
        )
    return ExitCode.FAILED if left else ExitCode.OK


def _withdrawn(jobs: Sequence[ComparisonJob], *, all_of_hub: bool) -> bool:
    """Withdraw the tickets of jobs, or of all that the hub has; say which were in a queue."""
    hub = jobs[0].hub
    named = {job.files.folder: job.id for job in jobs}
    out = []
    for files in hub.jobs():
        if not (all_of_hub or files.folder in named):
            continue
        name = named.get(files.folder, files.folder.parent.name)
        # that which adds up goes first: it begins when its shards have left the queue
        parts = {f"{name} shard {shard}": shard.job(files) for shard in shards_of(files)}
        out += [each for each, its in {name: files, **parts}.items() if withdraw(hub, its, each)]
    for name in out:
        print(f"{name}: taken out of the queue, or asked to save its work and end")
    return bool(out)


def _resume(arguments: argparse.Namespace, _words: Sequence[str]) -> ExitCode:
    refuse_beside_on(arguments, "detach", "window", "slots")
    jobs = jobs_of(arguments)
    if not arguments.comparisons:
        jobs = [job for job in jobs if _was_begun(job.files)]
    if not jobs:
        raise JobError(f"{arguments.hub}: no job was begun here; name the comparisons to begin with")
    if arguments.on is not None:
        return _submit(jobs, arguments)
    window, asked = Deadline.after(arguments.window), list[str]()
    codes = [_bring(job, arguments, window, asked) for job in _free_first(jobs)]
    red = [code for code in codes if code not in (ExitCode.OK, ExitCode.DEFERRED)]
    return red[0] if red else max(codes)


def _was_begun(files: JobFiles) -> bool:
    return read_launch(files) is not None or files.states.exists() or files.ticket.exists()


def _submit(jobs: Sequence[ComparisonJob], arguments: argparse.Namespace) -> ExitCode:
    """Have the jobs of a batch system bring comparisons to their ends."""
    hub, study, file = jobs[0].hub, jobs[0].study, jobs[0].study_file
    submitter = submitter_of(arguments, hub, allowed=arguments.allow_commands)
    words = BatchWords(hub, file, submitter.site, allow_commands=arguments.allow_commands)
    steps = comparison_steps(hub, study, file, {job.id for job in jobs})
    return carry_out_on(submitter, units_of(steps, words), wait=arguments.wait)


def _free_first(jobs: Sequence[ComparisonJob]) -> Iterator[ComparisonJob]:
    """Yield jobs in order, but those that somebody works at when their turn comes after the others."""
    left = list(jobs)
    while left:
        chosen = next((job for job in left if not runs(job)), left[0])
        left.remove(chosen)
        yield chosen


def _bring(job: ComparisonJob, arguments: argparse.Namespace, window: Deadline, asked: list[str]) -> ExitCode:
    """Bring a job to its end, or as far as time allows; who asks for a stop meanwhile is added to `asked`."""
    if asked:
        print(f"{job.id}: not started: {asked[0]}; the same command goes on")
        return ExitCode.DEFERRED
    if window.working_s <= 0:
        return _without_room(job, window)
    spec = job.spec(
        detached=arguments.detach,
        deadline_s=arguments.deadline if arguments.detach else None,
        grace_s=window.grace_s,
        slots=1 if arguments.detach and arguments.slots is None else arguments.slots,
    )
    with heard(asked.append, signal.SIGTERM, signal.SIGINT):  # the attempt is stopped, and told of below
        out_of_time = _clock(job, window, asked)
        with bars(lambda: [job.files]):
            found = run_or_join(spec, LocalExecutor(), is_done=job.is_done, out_of_time=out_of_time)
    ended = job.conclude(found)
    if ended.running is not None:
        where = f"{ended.running.host}, pid {ended.running.pid}"
        print(f"{job.id}: runs on {where}; {job.files.launch}; log {job.log}")
        return ExitCode.OK if ended.running.launch is not None else ExitCode.DEFERRED
    if ended.state == "not begun" and not asked:
        return _without_room(job, window)
    if ended.state in ("stopped", "not begun"):
        stalled = job.state().progress.stalled
        # one may have been stopped by hand
        if arguments.window is not None and stalled > ATTEMPTS_WITHOUT_PROGRESS:
            print(f"{job.id}: {stalled} attempts in a row gained nothing; give --window more; log {job.log}")
            return ExitCode.FAILED
        print(f"{job.id}: stopped, {progress_text(job.state().progress)}; the same command goes on")
        return ExitCode.DEFERRED
    for finding in ended.findings:
        print(f"{job.id}: {finding}")
    print(f"{job.id}: {'not green' if ended.findings else 'green'}, {job.folder}")
    return ExitCode.FAILED if ended.findings else ExitCode.OK


def _without_room(job: ComparisonJob, window: Deadline) -> ExitCode:
    """Say that the window was over before a job could begin."""
    if begins_again_nothing(job.hub, job.id, window):
        print(f"{job.id}: nothing was started in two rounds; give --window more")
        return ExitCode.FAILED
    print(f"{job.id}: not started, the window is over; the same command goes on")
    return ExitCode.DEFERRED


def _clock(job: ComparisonJob, window: Deadline, asked: list[str]) -> Callable[[], bool]:
    """Ask whether the window is over; where no bar stands, say every few seconds how far the job is."""
    said_at = time.monotonic()

    def out_of_time() -> bool:
        nonlocal said_at
        now = time.monotonic()
        if now - said_at >= _PROGRESS_S and not sys.stderr.isatty():
            print(running_line([job.files]) or f"{job.id}: starts", file=sys.stderr, flush=True)
            said_at = now
        return bool(asked) or window.working_s <= 0

    return out_of_time
