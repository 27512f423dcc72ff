"""`ptycho-hub`: work with a study hub from the shell."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence

from ptycho_compare.cli.compare_models import conclude
from ptycho_compare.cli.exit_codes import ExitCode, reporting_bad_input
from ptycho_compare.cli.gate import add_gate, add_page
from ptycho_compare.cli.jobs import add_jobs
from ptycho_compare.cli.phases import add_phases
from ptycho_compare.cli.place_arguments import add_place, find_comparison, place_of
from ptycho_compare.cli.reports import add_reports
from ptycho_compare.cli.run import add_conditions, add_demo, add_run
from ptycho_compare.cli.score import add_score
from ptycho_compare.phases.comparison.compare import compare
from ptycho_compare.phases.comparison.request import request_of


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    arguments = _parser().parse_args(words)
    return reporting_bad_input("ptycho-hub", lambda: arguments.run(arguments, words))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ptycho-hub", description="Work with a study hub.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    one = commands.add_parser("compare", help="run one comparison of the study")
    one.add_argument("comparison", help="its id, e.g. dose_1000-dense-train-full")
    add_place(one)
    one.set_defaults(run=_compare)
    listing = commands.add_parser("list", help="list the comparisons of the study")
    add_place(listing)
    listing.set_defaults(run=_list)
    add_jobs(commands)
    add_demo(commands)
    add_run(commands)
    add_phases(commands)
    add_reports(commands)
    add_conditions(commands)
    add_gate(commands)
    add_page(commands)
    add_score(commands.add_parser("score", help="score any two complex arrays"))
    return parser


def _compare(arguments: argparse.Namespace, words: Sequence[str]) -> ExitCode:
    hub, study, _ = place_of(arguments)
    request = request_of(hub, study, find_comparison(study, arguments.comparison))
    scorecard = compare(request, command=["ptycho-hub", *words], console_level=logging.INFO)
    return conclude(scorecard, request.output_dir)


def _list(arguments: argparse.Namespace, _words: Sequence[str]) -> ExitCode:
    _, study, _ = place_of(arguments)
    for comparison in study.comparisons():
        print(comparison.id)
    return ExitCode.OK


if __name__ == "__main__":
    sys.exit(main())
