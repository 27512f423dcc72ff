"""`ptycho-hub inventory`: every file of a hub with its digest; nothing that judges is loaded."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ptycho_compare.cli.exit_codes import ExitCode
from ptycho_compare.cli.place_arguments import add_hub, hub_of, local_path
from ptycho_compare.records.inventory import take_inventory, write_inventory


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    inventory = commands.add_parser(
        "inventory",
        help="list every file of the hub with its digest",
        epilog="exit status: 0 written, 2 a file's name cannot be listed",
    )
    inventory.add_argument("--output", type=local_path, help="default: analysis/artifact_inventory.txt")
    inventory.set_defaults(run=_inventory)
    add_hub(inventory)


def _inventory(arguments: argparse.Namespace, _words: Sequence[str]) -> ExitCode:
    hub = hub_of(arguments)
    entries = take_inventory(hub)
    listing = write_inventory(hub, entries, listing=arguments.output)
    print(f"{len(entries)} files, {sum(entry.bytes for entry in entries)} bytes: {hub.relative(listing)}")
    return ExitCode.OK
