"""`ptycho-hub gate`: whether a hub may be counted, by its evidence alone."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ptycho_compare.cli.exit_codes import ExitCode
from ptycho_compare.cli.place_arguments import add_place, place_of
from ptycho_compare.gate import judge_hub, publish, verdict_lines
from ptycho_compare.hub import Hub
from ptycho_compare.records.acceptance import read_verdict
from ptycho_compare.reporting.page import write_page

STATUS_OF = {
    "accepted": ExitCode.OK,
    "red": ExitCode.FAILED,
    "incomplete": ExitCode.INCOMPLETE,
    "deferred": ExitCode.DEFERRED,
}


def add_gate(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
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
    parser.add_argument("--against", type=Path, metavar="HUB",
                        help="an earlier accepted hub whose scores must not have become worse")  # fmt: skip
    parser.set_defaults(run=_gate)


def _gate(arguments: argparse.Namespace, _words: Sequence[str]) -> ExitCode:
    hub, study, file = place_of(arguments)
    against = None if arguments.against is None else Hub.open(arguments.against)
    verdict = judge_hub(hub, study, file, require=arguments.require, against=against)
    status = STATUS_OF[verdict.outcome]
    print("\n".join(verdict_lines(verdict)), file=sys.stdout if status == ExitCode.OK else sys.stderr)
    publish(hub, verdict)
    return status


def add_page(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "page",
        help="write the page of a hub: outcomes, images, curves, scores and records in one HTML file",
        epilog="exit status: 0 written, 2 bad input; the verdict that it shows is that of `ptycho-hub gate`",
    )
    add_place(parser)
    parser.add_argument("--output", type=Path, metavar="FILE", help="default: HUB/report/index.html")
    parser.set_defaults(run=_page)


def _page(arguments: argparse.Namespace, _words: Sequence[str]) -> ExitCode:
    hub, study, _ = place_of(arguments)
    path = write_page(hub, study, read_verdict(hub.verdict().record), output=arguments.output)
    print(f"wrote {path}, {path.stat().st_size / 2**20:.1f} MiB")
    return ExitCode.OK
