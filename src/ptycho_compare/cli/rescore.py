"""`ptycho-hub rescore`: scores made anew from stored canvases, without running a network."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ptycho_compare.cli.exit_codes import ExitCode
from ptycho_compare.cli.output import show
from ptycho_compare.cli.place_arguments import add_place, find_comparison, place_of
from ptycho_compare.errors import HubError, InputError
from ptycho_compare.hub import Artifacts
from ptycho_compare.phases.comparison.rescore import Rescoring
from ptycho_compare.printable import one_line
from ptycho_compare.reconstruction.image_source import parse_source
from ptycho_compare.records.accepted_runs import check_name
from ptycho_compare.reporting.scoreboard import board_of_scorecard
from ptycho_compare.study import Comparison
from ptycho_compare.study.rescoring import RESCORABLE


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "rescore",
        help="score stored canvases anew: other draws, pixels, definitions; no network runs",
        epilog="exit status: 0 scored (or, with --check, as it was kept), 1 an arm has no score, or what was "
        "kept is another, 2 bad input, or evidence that does not hold",
    )
    parser.add_argument("comparisons", nargs="*", metavar="COMPARISON",
                        help="their ids (default: all that left evidence)")  # fmt: skip
    add_place(parser)
    parser.add_argument("--name", required=True, help="under which the scores are kept: HUB/rescored/NAME")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE",
                        help="a key of the study with another value, as in TOML: uncertainty.draws=5000; "
                        f"one of {', '.join(RESCORABLE)}")  # fmt: skip
    parser.add_argument("--mask", metavar="FILE[:KEY]",
                        help="an image on the object's grid: where it is 0 nothing is scored")  # fmt: skip
    parser.add_argument("--check", action="store_true",
                        help="score again as NAME was, and tell what was kept otherwise")  # fmt: skip
    parser.set_defaults(run=_rescore)


def _rescore(arguments: argparse.Namespace, words: Sequence[str]) -> ExitCode:
    hub, study, _ = place_of(arguments)
    if arguments.check and (arguments.set or arguments.mask):
        raise InputError("--check: how it was scored stands in its record; leave out --set and --mask")
    within = None if arguments.mask is None else parse_source(arguments.mask)
    rescoring = Rescoring(hub, study, check_name(arguments.name), arguments.set, within)
    asked = [find_comparison(study, each) for each in arguments.comparisons] or study.comparisons()
    found = [each for each in asked if arguments.comparisons or _is_there(rescoring, each, arguments)]
    if not found:
        where = hub.rescored(arguments.name) if arguments.check else hub.analysis()
        raise HubError(f"{where}: no comparison of the study left anything there")
    if arguments.check:
        return _check(rescoring, found)
    status = ExitCode.OK
    for comparison in found:
        scorecard = rescoring.score(comparison, command=["ptycho-hub", *words])
        print(f"{comparison.id}: {hub.relative(rescoring.names(comparison).metrics)}")
        sys.stdout.flush()
        show(board_of_scorecard(scorecard))
        if any(score.status != "ok" for score in scorecard.arms):
            status = ExitCode.FAILED
    return status


def _is_there(rescoring: Rescoring, comparison: Comparison, arguments: argparse.Namespace) -> bool:
    if arguments.check:
        return rescoring.names(comparison).rescoring.is_file()
    return Artifacts(comparison.folder(rescoring.hub)).manifest.is_file()


def _check(rescoring: Rescoring, comparisons: Sequence[Comparison]) -> ExitCode:
    status = ExitCode.OK
    for comparison in comparisons:
        differing = list(rescoring.differences(comparison))
        for text in differing:
            print(one_line(f"{comparison.id}: {text}"), file=sys.stderr)
        print(f"{comparison.id}: {'is another' if differing else 'as it was kept'}")
        status = ExitCode.FAILED if differing else status
    return status
