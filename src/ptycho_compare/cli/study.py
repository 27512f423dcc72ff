"""`ptycho-hub study`: what all comparisons of a study say together."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ptycho_compare.cli.exit_codes import ExitCode
from ptycho_compare.cli.place_arguments import add_place, place_of
from ptycho_compare.errors import ResultsError
from ptycho_compare.printable import one_line
from ptycho_compare.records.study_answers import read_answers
from ptycho_compare.reporting.study.study_text import in_short
from ptycho_compare.reporting.study.write_study import write_study


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "study",
        help="write what all comparisons of a study say together into HUB/report",
        epilog="exit status: 0 written, 1 nothing was compared yet, or a table is not the one that its "
        "comparison wrote, 2 bad input",
    )
    add_place(parser)
    parser.add_argument(
        "--stitch",
        action="store_true",
        help="first put the splits of each dose and view together into one object, and score it",
    )
    parser.set_defaults(run=_study)


def _study(arguments: argparse.Namespace, _words: Sequence[str]) -> ExitCode:
    hub, study, _ = place_of(arguments)
    try:
        answers = read_answers(hub, study)
        if not answers.compared:
            raise ResultsError(f"{hub.analysis()}: no comparison of {study.name!r} is there yet")
        made = []
        if arguments.stitch:
            from ptycho_compare.phases.comparison.stitch import stitch_study  # scoring is slow to load

            trials = [each for condition in answers.conditions for each in condition.trials]
            made = stitch_study(hub, study, [each.comparison for each in trials])
            answers = read_answers(hub, study)
        written = [*made, *write_study(hub, answers)]
    except ResultsError as error:
        print(f"ptycho-hub study: {error}", file=sys.stderr)
        return ExitCode.FAILED
    print("\n".join(map(one_line, in_short(answers))))
    print("\n".join(f"wrote {hub.relative(path)}" for path in written))
    return ExitCode.OK
