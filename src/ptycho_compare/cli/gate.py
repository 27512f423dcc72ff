"""`ptycho-hub gate`: whether a hub may be counted, by its evidence alone."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ptycho_compare.cli.exit_codes import ExitCode
from ptycho_compare.cli.place_arguments import add_place, local_path, open_hub, place_of
from ptycho_compare.gate import judge_hub, publish, verdict_lines
from ptycho_compare.printable import one_line

STATUS_OF = {
    "accepted": ExitCode.OK,
    "red": ExitCode.FAILED,
    "incomplete": ExitCode.INCOMPLETE,
    "deferred": ExitCode.DEFERRED,
}


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "gate",
        help="judge a hub by its evidence alone, and write the verdict into HUB/report",
        epilog="exit status: 0 accepted, 1 something does not hold or became worse, 2 bad input, "
        "3 evidence is missing or stale, 75 all that is missing goes on where it was stopped",
    )
    add_place(parser)
    parser.add_argument("--require", nargs="+", default=[], metavar="TIER",
                        help="tiers whose comparisons must all be accepted (default: all)")  # fmt: skip
    parser.add_argument("--against", type=local_path, metavar="HUB",
                        help="an earlier accepted hub whose scores must not have become worse")  # fmt: skip
    parser.set_defaults(run=_gate)


def _gate(arguments: argparse.Namespace, _words: Sequence[str]) -> ExitCode:
    hub, study, file = place_of(arguments)
    against = None if arguments.against is None else open_hub(arguments.against, "--against")
    verdict = judge_hub(hub, study, file, require=arguments.require, against=against)
    status = STATUS_OF[verdict.outcome]
    print(
        "\n".join(map(one_line, verdict_lines(verdict))),
        file=sys.stdout if status == ExitCode.OK else sys.stderr,
    )
    if problem := publish(hub, verdict):
        print(f"ptycho-hub gate: {problem}", file=sys.stderr)
    return status
