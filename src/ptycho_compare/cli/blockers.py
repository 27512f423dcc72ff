"""`ptycho-hub blockers`: why a study stands still, and how somebody says that it may go on."""

from __future__ import annotations

import argparse
import getpass
from collections.abc import Iterator, Sequence

from ptycho_compare.checks.blocker import Blocker, Closing, all_blockers, close_by_hand
from ptycho_compare.cli.exit_codes import ExitCode
from ptycho_compare.cli.place_arguments import add_hub, hub_of
from ptycho_compare.printable import one_line


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "blockers",
        help="list why the study stands still; `blockers close ID --reason TEXT` closes a note by hand",
        epilog="exit status: 0 listed or closed, 2 no such hub or open note",
    )
    add_hub(parser)
    parser.add_argument("--all", action="store_true", help="those that are closed too")
    parser.set_defaults(run=_list)
    closing = parser.add_subparsers(metavar="close ID").add_parser("close", help="close one by hand")
    closing.add_argument("id", metavar="ID", help="as it is listed, or the note's file")
    closing.add_argument("--reason", required=True, metavar="TEXT", help="kept beside the note")
    add_hub(closing, again=True)
    closing.set_defaults(run=_close)


def _list(arguments: argparse.Namespace, _words: Sequence[str]) -> ExitCode:
    hub = hub_of(arguments)
    shown = [pair for pair in all_blockers(hub) if arguments.all or pair[1] is None]
    for pair in shown:
        print("\n".join(map(one_line, _lines(*pair))))
    if not shown:
        print("no open blocker")
    return ExitCode.OK


def _lines(blocker: Blocker, closing: Closing | None) -> Iterator[str]:
    yield blocker.id if closing is None else f"{blocker.id} (closed)"
    if blocker.subject:
        times = f", found {blocker.times} times" if blocker.times > 1 else ""
        yield f"  {blocker.subject}: {blocker.topic}{times}; keeps from being counted: {blocker.scope}"
    else:
        yield "  a note by hand; it keeps nothing from being counted"
    yield from (f"  {finding}" for finding in blocker.findings)
    if closing is not None:
        why = closing.reason or "its condition was met"
        yield f"  closed at {closing.closed_at} by {closing.closed_by}: {why}"


def _close(arguments: argparse.Namespace, _words: Sequence[str]) -> ExitCode:
    hub = hub_of(arguments)
    who = f"{getpass.getuser()}, ptycho-hub blockers close"
    record = close_by_hand(hub, arguments.id, closed_by=who, reason=arguments.reason)
    print(f"closed: {hub.relative(record)}")
    return ExitCode.OK
