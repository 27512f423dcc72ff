"""`ptycho-hub`: work with a study hub from the shell."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from ptycho_compare.cli.compare_models import conclude
from ptycho_compare.cli.exit_codes import ExitCode, reporting_bad_input
from ptycho_compare.cli.score import add_score
from ptycho_compare.errors import StudyError
from ptycho_compare.hub import Hub
from ptycho_compare.phases.compare import compare
from ptycho_compare.phases.request import request_of
from ptycho_compare.study import Comparison, Study, load_study


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
    _add_place(one)
    one.set_defaults(run=_compare)
    listing = commands.add_parser("list", help="list the comparisons of the study")
    _add_place(listing)
    listing.set_defaults(run=_list)
    add_score(commands.add_parser("score", help="score any two complex arrays"))
    return parser


def _add_place(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--hub", type=Path, required=True, help="the hub's folder")
    parser.add_argument("--study", type=Path, help="study file (default: HUB/study.toml)")


def _place(arguments: argparse.Namespace) -> tuple[Hub, Study]:
    hub = Hub.open(arguments.hub)
    return hub, load_study(arguments.study or hub.study())


def _compare(arguments: argparse.Namespace, words: Sequence[str]) -> ExitCode:
    hub, study = _place(arguments)
    request = request_of(hub, study, _find(study, arguments.comparison))
    scorecard = compare(request, command=["ptycho-hub", *words], console_level=logging.INFO)
    return conclude(scorecard, request.output_dir)


def _list(arguments: argparse.Namespace, _words: Sequence[str]) -> ExitCode:
    _, study = _place(arguments)
    for comparison in study.comparisons():
        print(comparison.id)
    return ExitCode.OK


def _find(study: Study, comparison_id: str) -> Comparison:
    known = {comparison.id: comparison for comparison in study.comparisons()}
    if comparison_id not in known:
        raise StudyError(f"{comparison_id}: no comparison of this study; known: {', '.join(known)}")
    return known[comparison_id]


if __name__ == "__main__":
    sys.exit(main())
