"""`ptycho-hub accept`: keep what the gate found in a hub, so that later hubs can be compared with it."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from ptycho_compare.cli.exit_codes import ExitCode
from ptycho_compare.cli.gate import STATUS_OF
from ptycho_compare.cli.place_arguments import add_place, local_path, place_of
from ptycho_compare.errors import ReportError
from ptycho_compare.gate import judge_hub, verdict_lines
from ptycho_compare.hub import Hub, stamp, utc_now
from ptycho_compare.printable import one_line
from ptycho_compare.records.accepted_runs import check_name, runs_in, write_run


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "accept",
        help="keep a hub's verdict and tables under a name, to compare later hubs with (gate --against)",
        epilog="exit status: as gate, and nothing is kept where it is not 0; 0 with --anyway",
    )
    parser.add_argument("folder", type=local_path, nargs="?", metavar="HUB", help="the same as --hub")
    add_place(parser)
    parser.add_argument("--name", help="of the run that is kept (default: the moment)")
    parser.add_argument("--require", nargs="+", default=[], metavar="TIER",
                        help="tiers whose comparisons must all be accepted (default: all)")  # fmt: skip
    parser.add_argument("--anyway", action="store_true",
                        help="keep what holds of a hub that the gate does not accept")  # fmt: skip
    parser.add_argument("--list", action="store_true", help="list the runs that were kept, and keep none")
    parser.set_defaults(run=_accept)


def _accept(arguments: argparse.Namespace, _words: Sequence[str]) -> ExitCode:
    arguments.hub = arguments.folder or arguments.hub
    hub, study, file = place_of(arguments)
    store = hub.accepted_runs(study.acceptance.store)
    if arguments.list:
        return _list(hub, store)
    name = check_name(stamp(utc_now()) if arguments.name is None else arguments.name)
    verdict = judge_hub(hub, study, file, require=arguments.require)
    status = STATUS_OF[verdict.outcome]
    held = sum(each.state == "accepted" for each in verdict.comparisons)
    if not held or (status != ExitCode.OK and not arguments.anyway):
        why = list(verdict_lines(verdict))[-1]
        print(one_line(f"ptycho-hub accept: not kept: {why}"), file=sys.stderr)
        return status if status != ExitCode.OK else ExitCode.INCOMPLETE
    folder = write_run(store, name, hub, verdict)
    print(one_line(f"kept: {hub.relative(folder)}, {held} comparisons"))
    command = shlex.join(["ptycho-hub", "gate", "--hub", str(hub.root), "--against", name])
    print(one_line(f"compare with it: {command}"))
    return ExitCode.OK


def _list(hub: Hub, store: Path) -> ExitCode:
    for each in runs_in(store):
        if isinstance(each, ReportError):
            print(one_line(f"not to be relied on: {each}"), file=sys.stderr)
            continue
        run = each.record
        outcome = "" if run.outcome == "accepted" else f"  {run.outcome}: {run.reason}"
        print(one_line(f"{run.name}  {run.accepted}  {run.study}  {run.hub}{outcome}"))
    if not store.is_dir():
        print(one_line(f"{hub.relative(store)}: no run was kept"), file=sys.stderr)
    return ExitCode.OK
