"""`ptycho-hub gate`: whether a hub may be counted, by its evidence alone; `seal`: signed by a lab."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from ptycho_compare.checks.inventory import artifact_inventory
from ptycho_compare.cli.earlier import earlier_hub
from ptycho_compare.cli.exit_codes import ExitCode
from ptycho_compare.cli.place_arguments import add_place, local_path, place_of
from ptycho_compare.errors import HubError
from ptycho_compare.gate import judge_hub, publish, verdict_lines
from ptycho_compare.printable import one_line
from ptycho_compare.records.seal import read_private_key, write_seal

_PASSPHRASE = "PTYCHO_SEAL_PASSPHRASE"  # noqa: S105  # the variable's name
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
    parser.add_argument("--against", type=local_path, metavar="NAME|HUB",
                        help="a run that was kept by accept, or an earlier accepted hub, whose scores must "
                        "not have become worse")  # fmt: skip
    parser.add_argument("--signed-by", type=local_path, metavar="KEY.pub",
                        help="an OpenSSH ed25519 public key with which the hub must be sealed")  # fmt: skip
    parser.set_defaults(run=_gate)
    _add_seal(commands)


def _add_seal(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "seal",
        help="sign the inventory of a hub that the gate accepts, with a key of your lab",
        epilog=f"a key's passphrase is asked for, or taken from the environment ({_PASSPHRASE}); "
        "exit status: as gate, without a seal where it is not 0",
    )
    add_place(parser)
    parser.add_argument("--key", type=local_path, metavar="KEY", required=True,
                        help="an OpenSSH ed25519 private key (ssh-keygen -t ed25519)")  # fmt: skip
    parser.set_defaults(run=_seal)


def _gate(arguments: argparse.Namespace, _words: Sequence[str]) -> ExitCode:
    hub, study, file = place_of(arguments)
    against = None if arguments.against is None else earlier_hub(hub, study, arguments.against)
    verdict = judge_hub(
        hub, study, file, require=arguments.require, against=against, signed_by=arguments.signed_by
    )
    status = STATUS_OF[verdict.outcome]
    print(
        "\n".join(map(one_line, verdict_lines(verdict))),
        file=sys.stdout if status == ExitCode.OK else sys.stderr,
    )
    if problem := publish(hub, verdict):
        print(f"ptycho-hub gate: {problem}", file=sys.stderr)
    return status


def _seal(arguments: argparse.Namespace, _words: Sequence[str]) -> ExitCode:
    hub, study, file = place_of(arguments)
    key = read_private_key(arguments.key, lambda: _passphrase(arguments.key))
    verdict = judge_hub(hub, study, file)
    status = STATUS_OF[verdict.outcome]
    if status == ExitCode.OK:
        inventory = artifact_inventory(hub).findings
        if not inventory:
            print(f"sealed: {hub.relative(write_seal(hub, key))}")
            return status
        status, why = ExitCode.FAILED, str(inventory[0])
    else:
        why = list(verdict_lines(verdict))[-1]
    print(one_line(f"ptycho-hub seal: not sealed: {why}"), file=sys.stderr)
    return status


def _passphrase(key: Path) -> str:
    if (given := os.environ.get(_PASSPHRASE)) is not None:
        return given
    if not sys.stdin.isatty():
        raise HubError(f"{key}: has a passphrase; set {_PASSPHRASE}, or run this in a terminal")
    return getpass.getpass(f"passphrase of {key}: ")
