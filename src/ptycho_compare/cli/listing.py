"""`ptycho-hub list`: the comparisons of a study."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ptycho_compare.cli.exit_codes import ExitCode
from ptycho_compare.cli.place_arguments import add_place, place_of
from ptycho_compare.study import doses_of


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser("list", help="list the comparisons of the study")
    add_place(parser)
    parser.set_defaults(run=_list)


def _list(arguments: argparse.Namespace, _words: Sequence[str]) -> ExitCode:
    hub, study, file = place_of(arguments)
    print(f"study {file}: {doses_of(hub, study)}", file=sys.stderr)
    for comparison in study.comparisons():
        print(comparison.id)
    return ExitCode.OK
