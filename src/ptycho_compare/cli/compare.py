"""`ptycho-hub compare`: one comparison of the study, in this process."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence

from ptycho_compare.cli.bars import bars
from ptycho_compare.cli.drop_in import conclude
from ptycho_compare.cli.exit_codes import ExitCode
from ptycho_compare.cli.place_arguments import add_place, find_comparison, place_of
from ptycho_compare.hub import Artifacts
from ptycho_compare.phases.comparison.compare import compare
from ptycho_compare.phases.comparison.request import CompareRequest, request_of
from ptycho_compare.phases.comparison.shard import run_shard
from ptycho_compare.phases.comparison.sharing import Shard


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser("compare", help="run one comparison of the study")
    parser.add_argument("comparison", help="its id, e.g. dose_1000-dense-train-full")
    add_place(parser)
    part = parser.add_mutually_exclusive_group()
    add_shard(part)
    part.add_argument(
        "--shards-only",
        action="store_true",
        help="run no network: take over what shards computed, and refuse to go on where something is missing",
    )
    parser.set_defaults(run=_compare)


def add_shard(parser: argparse._ActionsContainer) -> None:
    """Declare `--shard`."""
    parser.add_argument(
        "--shard",
        metavar="I/K",
        help="compute the I-th of K shares of the networks' groups, and score nothing; the comparison itself "
        "takes over what its shards have saved",
    )


def _compare(arguments: argparse.Namespace, words: Sequence[str]) -> ExitCode:
    hub, study, _ = place_of(arguments)
    request = request_of(hub, study, find_comparison(study, arguments.comparison))
    if arguments.shard is not None:
        return _compute(request, Shard.parse(arguments.shard))
    with bars(lambda: [Artifacts(request.output_dir).job]):
        scorecard = compare(
            request,
            command=["ptycho-hub", *words],
            console_level=logging.INFO,
            shards_only=arguments.shards_only,
        )
    return conclude(scorecard, request.output_dir)


def _compute(request: CompareRequest, shard: Shard) -> ExitCode:
    """Compute one shard; red where an arm stopped in it."""
    with bars(lambda: [shard.job(Artifacts(request.output_dir).job)]):
        crashes = run_shard(request, shard, console_level=logging.INFO)
    for name, crash in crashes.items():
        print(f"shard {shard}: {name} stopped: {crash}", file=sys.stderr)
    return ExitCode.FAILED if crashes else ExitCode.OK
