"""`ptycho-hub status | watch | stop | resume | adopt`: the jobs of a hub from any shell."""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.live import Live
from rich.table import Table

from ptycho_compare.cli.exit_codes import ExitCode
from ptycho_compare.cli.place_arguments import add_place, duration, find_comparison, place_of
from ptycho_compare.errors import InputError, JobError
from ptycho_compare.hub import Artifacts
from ptycho_compare.jobs import LocalExecutor, Stopped, living_claim, read_launch, run_or_join
from ptycho_compare.jobs.duration import duration_text
from ptycho_compare.jobs.pace import progress_text, running_line, since_text
from ptycho_compare.phases.comparison.adopt import adopt, results_in
from ptycho_compare.phases.comparison.job import ComparisonJob

_COLUMNS = ("comparison", "state", "progress", "since", "left", "attempts", "where")
_WATCH_S = 1.0
_STOP_WAIT_S = 30.0


def add_jobs(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the commands."""
    status = commands.add_parser("status", help="what runs where, how far it is, how long still")
    status.set_defaults(run=_status)
    watch = commands.add_parser("watch", help="the same, kept up to date until nothing runs")
    watch.set_defaults(run=_watch)
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
    adoption = commands.add_parser("adopt", help="take over results made elsewhere, after verifying them")
    adoption.add_argument("source", type=Path, metavar="DIR", help="their folder, or another hub")
    adoption.add_argument("comparison", metavar="ID")
    adoption.set_defaults(run=_adopt)
    for parser in (status, watch, stop, resume, adoption):
        add_place(parser)


def _slots(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError(f"{count}; needed: at least 1")
    return count


def _jobs(arguments: argparse.Namespace) -> list[ComparisonJob]:
    hub, study, file = place_of(arguments)
    named = getattr(arguments, "comparisons", None)
    chosen = [find_comparison(study, each) for each in named] if named else study.comparisons()
    return [ComparisonJob(hub, study, file, comparison) for comparison in chosen]


def _status(arguments: argparse.Namespace, _words: Sequence[str]) -> ExitCode:
    rows = [_row(job) for job in _jobs(arguments)]
    widths = [max(len(row[index]) for row in (_COLUMNS, *rows)) for index in range(len(_COLUMNS))]
    for row in (_COLUMNS, *rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return ExitCode.OK


def _watch(arguments: argparse.Namespace, words: Sequence[str]) -> ExitCode:
    if not sys.stdout.isatty():
        return _status(arguments, words)
    jobs = _jobs(arguments)
    # whoever has seen enough leaves by Ctrl-C
    with Live(_table(jobs), auto_refresh=False) as live, contextlib.suppress(KeyboardInterrupt):
        while any(_runs(job) for job in jobs):
            time.sleep(_WATCH_S)
            live.update(_table(jobs), refresh=True)
        live.update(_table(jobs), refresh=True)  # one may have ended since the last look
    return ExitCode.OK


def _table(jobs: Sequence[ComparisonJob]) -> Table:
    table = Table(*_COLUMNS, box=None)
    for job in jobs:
        table.add_row(*_row(job))
    return table


def _row(job: ComparisonJob) -> tuple[str, ...]:
    state = job.state()
    progress, attempts = state.progress, len(state.progress.attempts)
    forecast = "" if state.forecast_s is None else duration_text(state.forecast_s)
    if state.claim is not None:
        where = f"{state.claim.holder.host_name} pid {state.claim.holder.pid}"
        # the claim comes a moment before the attempt's first line
        since = since_text(progress) if attempts else ""
        return job.id, "running", progress_text(progress), since, forecast, str(attempts or ""), where
    share = f"{state.saved}/{state.total} patches" if state.total else ""
    if state.died is None and Artifacts(job.folder).manifest.exists():
        # no inputs are read here: whether the evidence is current and green is the tests' to say
        return job.id, "finished", "", "", "", str(attempts or ""), ""
    word = "died" if state.died is not None else "stopped" if attempts else "not begun"
    return job.id, word, share, "", forecast, str(attempts or ""), ""


def _runs(job: ComparisonJob) -> bool:
    return living_claim(job.files.claim) is not None


def _stop(arguments: argparse.Namespace, _words: Sequence[str]) -> ExitCode:
    running = [job for job in _jobs(arguments) if _runs(job)]
    if not running:
        print("nothing runs")
    for job in running:
        job.files.stop.touch()  # seen by its supervisor on whatever host
    until = time.monotonic() + _STOP_WAIT_S
    while (left := [job for job in running if _runs(job)]) and time.monotonic() < until:
        time.sleep(0.2)
    for job in running:
        print(
            f"{job.id}: {'still ends' if job in left else 'stopped'}, {progress_text(job.state().progress)}"
        )
    return ExitCode.FAILED if left else ExitCode.OK


def _resume(arguments: argparse.Namespace, _words: Sequence[str]) -> ExitCode:
    jobs = _jobs(arguments)
    if not arguments.comparisons:
        jobs = [job for job in jobs if read_launch(job.files) is not None or job.files.states.exists()]
    if not jobs:
        raise JobError(f"{arguments.hub}: no job was begun here; name the comparisons to begin with")
    end = None if arguments.window is None else time.monotonic() + arguments.window
    codes = [_bring(job, arguments, end) for job in jobs]
    red = [code for code in codes if code not in (ExitCode.OK, ExitCode.DEFERRED)]
    return red[0] if red else max(codes)


def _bring(job: ComparisonJob, arguments: argparse.Namespace, end: float | None) -> ExitCode:
    grace_s = 10.0 if arguments.window is None else min(10.0, arguments.window / 4)
    spec = job.spec(
        detached=arguments.detach,
        deadline_s=arguments.deadline if arguments.detach else None,
        grace_s=grace_s,
        slots=1 if arguments.detach and arguments.slots is None else arguments.slots,
    )
    try:
        found = run_or_join(spec, LocalExecutor(), is_done=job.is_done, out_of_time=_clock(job, end, grace_s))
    except KeyboardInterrupt:  # the attempt was stopped
        raise Stopped("Ctrl-C") from None
    ended = job.conclude(found)
    if ended.running is not None:
        where = f"{ended.running.host}, pid {ended.running.pid}"
        print(f"{job.id}: runs on {where}; {job.files.launch}; log {job.log}")
        return ExitCode.OK if ended.running.launch is not None else ExitCode.DEFERRED
    if ended.state == "stopped":
        print(f"{job.id}: stopped, {progress_text(job.state().progress)}; the same command goes on")
        return ExitCode.DEFERRED
    for finding in ended.findings:
        print(f"{job.id}: {finding}")
    print(f"{job.id}: {'not green' if ended.findings else 'green'}, {job.folder}")
    return ExitCode.FAILED if ended.findings else ExitCode.OK


def _clock(job: ComparisonJob, end: float | None, grace_s: float) -> Callable[[], bool]:
    """Ask whether the window is over; every few seconds, say how far the job is."""
    said_at = time.monotonic()

    def out_of_time() -> bool:
        nonlocal said_at
        now = time.monotonic()
        if now - said_at >= 5 * _WATCH_S:
            print(running_line([job.files]) or f"{job.id}: starts", file=sys.stderr, flush=True)
            said_at = now
        return end is not None and now >= end - grace_s

    return out_of_time


def _adopt(arguments: argparse.Namespace, _words: Sequence[str]) -> ExitCode:
    hub, study, file = place_of(arguments)
    job = ComparisonJob(hub, study, file, find_comparison(study, arguments.comparison))
    if not arguments.source.is_dir():
        raise InputError(f"{arguments.source}: there is no such folder")
    record = adopt(job, results_in(arguments.source, job) or arguments.source)
    deviation = max((piece["deviation"] for piece in record.pieces), default=0.0)
    print(
        f"{job.id}: adopted from {record.source}; {len(record.pieces)} pieces computed again, "
        f"largest deviation {deviation:.1g}; {Artifacts(job.folder).adoption}"
    )
    return ExitCode.OK
