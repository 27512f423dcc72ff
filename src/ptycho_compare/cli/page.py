"""`ptycho-hub page`: a hub to look at."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ptycho_compare.cli.exit_codes import ExitCode
from ptycho_compare.cli.place_arguments import add_place, local_path, place_of
from ptycho_compare.errors import MissingReportError
from ptycho_compare.records.acceptance import read_verdict
from ptycho_compare.reporting.page import write_page


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "page",
        help="write the page of a hub: outcomes, images, curves, scores and records in one HTML file",
        epilog="exit status: 0 written, 2 bad input; it shows the last verdict of `ptycho-hub gate` and, "
        "where there is none, judges as that does",
    )
    add_place(parser)
    parser.add_argument("--output", type=local_path, metavar="FILE", help="default: HUB/report/index.html")
    parser.set_defaults(run=_page)


def _page(arguments: argparse.Namespace, _words: Sequence[str]) -> ExitCode:
    hub, study, file = place_of(arguments)
    try:
        verdict = read_verdict(hub.verdict().record)
    except MissingReportError:
        from ptycho_compare.gate import judge_hub  # slow to load

        verdict = judge_hub(hub, study, file)
    path = write_page(hub, study, verdict, output=arguments.output)
    print(f"wrote {path}, {path.stat().st_size / 2**20:.1f} MiB")
    return ExitCode.OK
