"""`ptycho-hub compare`: one comparison of the study, in this process."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence

from ptycho_compare.cli.bars import bars
from ptycho_compare.cli.drop_in import conclude
from ptycho_compare.cli.exit_codes import ExitCode
from ptycho_compare.cli.place_arguments import add_place, find_comparison, place_of
from ptycho_compare.hub import Artifacts
from ptycho_compare.phases.comparison.compare import compare
from ptycho_compare.phases.comparison.request import request_of


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser("compare", help="run one comparison of the study")
    parser.add_argument("comparison", help="its id, e.g. dose_1000-dense-train-full")
    add_place(parser)
    parser.set_defaults(run=_compare)


def _compare(arguments: argparse.Namespace, words: Sequence[str]) -> ExitCode:
    hub, study, _ = place_of(arguments)
    request = request_of(hub, study, find_comparison(study, arguments.comparison))
    with bars(lambda: [Artifacts(request.output_dir).job]):
        scorecard = compare(request, command=["ptycho-hub", *words], console_level=logging.INFO)
    return conclude(scorecard, request.output_dir)
