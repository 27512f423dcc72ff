"""`ptycho-hub status`: what runs where, how far it is, how long still."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ptycho_compare.cli.exit_codes import ExitCode
from ptycho_compare.cli.in_queue import QueueView
from ptycho_compare.cli.place_arguments import add_place, find_comparison, place_of
from ptycho_compare.duration import duration_text
from ptycho_compare.hub import Artifacts
from ptycho_compare.jobs.claim import Claim, living_claim
from ptycho_compare.jobs.pace import progress_text, since_text
from ptycho_compare.phases.comparison.job import ComparisonJob
from ptycho_compare.phases.comparison.paces import Paces
from ptycho_compare.printable import one_line

_BEATS_MISSED = 3
COLUMNS = ("comparison", "state", "progress", "since", "left", "attempts", "where")


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser("status", help="what runs where, how far it is, how long still")
    add_place(parser)
    parser.set_defaults(run=status)


def jobs_of(arguments: argparse.Namespace) -> list[ComparisonJob]:
    """List the jobs that a command line names, or all of the study."""
    hub, study, file = place_of(arguments)
    named = getattr(arguments, "comparisons", None)
    chosen = [find_comparison(study, each) for each in named] if named else study.comparisons()
    paces = Paces()
    return [ComparisonJob(hub, study, file, comparison, paces) for comparison in chosen]


def runs(job: ComparisonJob) -> bool:
    """Whether somebody is at work on it."""
    return living_claim(job.files.claim) is not None


def status(arguments: argparse.Namespace, _words: Sequence[str]) -> ExitCode:
    """Print a line for each job."""
    jobs = jobs_of(arguments)
    queue = QueueView(jobs)
    rows = [row_of(job, queue) for job in jobs]
    widths = [max(len(row[index]) for row in (COLUMNS, *rows)) for index in range(len(COLUMNS))]
    for row in (COLUMNS, *rows):
        print(
            "  ".join(one_line(cell).ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )
    return ExitCode.OK


def _is_silent(claim: Claim) -> bool:
    """True where no heartbeat came: of a holder on another machine it is not seen if it was killed."""
    return claim.silent_s >= _BEATS_MISSED * claim.heartbeat_s


def row_of(job: ComparisonJob, queue: QueueView) -> tuple[str, ...]:
    """Tell how a job is, in the order of `COLUMNS`."""
    state = job.state()
    progress, attempts = state.progress, len(state.progress.attempts)
    forecast = "" if state.forecast_s is None else duration_text(state.forecast_s)
    if state.claim is not None:
        claim, word = state.claim, "running"
        where = f"{claim.holder.host_name} pid {claim.holder.pid}"
        if _is_silent(claim):
            word = f"silent for {duration_text(claim.silent_s)}"
            where += f", counts as dead in {duration_text(claim.lease_s - claim.silent_s)}"
        # the claim comes a moment before the attempt's first line
        since = since_text(progress) if attempts else ""
        return job.id, word, progress_text(progress), since, forecast, str(attempts or ""), where
    share = f"{state.saved}/{state.total} patches" if state.total else ""
    queued, place = queue.told(job)
    if queued in ("pending", "starting"):
        return job.id, queued, share, "", forecast, str(attempts or ""), place
    if state.died is None and Artifacts(job.folder).manifest.exists():
        # no inputs are read here: whether the evidence is current and green is the tests' to say
        return job.id, "finished", "", "", "", str(attempts or ""), ""
    word = "died" if state.died is not None else "stopped" if attempts else "not begun"
    return job.id, queued or word, share, "", forecast, str(attempts or ""), place
