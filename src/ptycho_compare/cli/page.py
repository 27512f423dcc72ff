"""`ptycho-hub page`: a hub to look at."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ptycho_compare.cli.exit_codes import ExitCode
from ptycho_compare.cli.place_arguments import add_place, local_path, place_of
from ptycho_compare.records.acceptance import read_verdict
from ptycho_compare.reporting.page import write_page


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "page",
        help="write the page of a hub: outcomes, images, curves, scores and records in one HTML file",
        epilog="exit status: 0 written, 2 bad input; the verdict that it shows is that of `ptycho-hub gate`",
    )
    add_place(parser)
    parser.add_argument("--output", type=local_path, metavar="FILE", help="default: HUB/report/index.html")
    parser.set_defaults(run=_page)


def _page(arguments: argparse.Namespace, _words: Sequence[str]) -> ExitCode:
    hub, study, _ = place_of(arguments)
    path = write_page(hub, study, read_verdict(hub.verdict().record), output=arguments.output)
    print(f"wrote {path}, {path.stat().st_size / 2**20:.1f} MiB")
    return ExitCode.OK
