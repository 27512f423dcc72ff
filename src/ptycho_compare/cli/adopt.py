"""`ptycho-hub adopt`: results made elsewhere, taken over after they were verified."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ptycho_compare.cli.exit_codes import ExitCode
from ptycho_compare.cli.place_arguments import add_place, find_comparison, local_path, place_of
from ptycho_compare.errors import InputError
from ptycho_compare.hub import Artifacts
from ptycho_compare.phases.comparison.adopt import adopt, results_in
from ptycho_compare.phases.comparison.job import ComparisonJob


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser("adopt", help="take over results made elsewhere, after verifying them")
    parser.add_argument("source", type=local_path, metavar="DIR", help="their folder, or another hub")
    parser.add_argument("comparison", metavar="ID")
    add_place(parser)
    parser.set_defaults(run=_adopt)


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
