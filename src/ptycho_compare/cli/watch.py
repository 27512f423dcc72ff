"""`ptycho-hub watch`: the table of `ptycho-hub status`, kept up to date until nothing runs."""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Sequence

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from ptycho_compare.cli.exit_codes import ExitCode
from ptycho_compare.cli.in_queue import QueueView
from ptycho_compare.cli.output import beneath
from ptycho_compare.cli.place_arguments import add_place
from ptycho_compare.cli.status import COLUMNS, jobs_of, row_of, runs, status
from ptycho_compare.phases.comparison.job import ComparisonJob
from ptycho_compare.printable import one_line

_WATCH_S = 1.0


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser("watch", help="the same, kept up to date until nothing runs")
    add_place(parser)
    parser.set_defaults(run=_watch)


def _watch(arguments: argparse.Namespace, words: Sequence[str]) -> ExitCode:
    if not sys.stdout.isatty():
        return status(arguments, words)
    jobs = jobs_of(arguments)
    queue = QueueView(jobs)
    console = Console(file=beneath(sys.stdout))
    # whoever has seen enough leaves by Ctrl-C, from the first table on
    with (
        contextlib.suppress(KeyboardInterrupt),
        Live(_table(jobs, queue), console=console, auto_refresh=False) as live,
    ):
        while any(runs(job) for job in jobs) or queue.waits():
            time.sleep(_WATCH_S)
            live.update(_table(jobs, queue), refresh=True)
        live.update(_table(jobs, queue), refresh=True)  # one may have ended since the last look
    return ExitCode.OK


def _table(jobs: Sequence[ComparisonJob], queue: QueueView) -> Table:
    table = Table(*COLUMNS, box=None)
    for job in jobs:
        table.add_row(*map(escape, map(one_line, row_of(job, queue))))
    return table
