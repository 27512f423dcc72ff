"""`ptycho-hub probe`: whether a hub lies where processes, and machines, can share it."""

from __future__ import annotations

import argparse
import secrets
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ptycho_compare.cli.exit_codes import ExitCode
from ptycho_compare.cli.place_arguments import duration, local_path
from ptycho_compare.clock import Deadline
from ptycho_compare.errors import HubError
from ptycho_compare.hub import Hub
from ptycho_compare.storage import probe

_LONG = "10m"
"""Leaves time to walk to the other machine."""
_LOOK_S = 0.1


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "probe",
        help="whether locks, renames and new files work where a hub lies",
        epilog="exit status: 0 all works, 1 something does not: several processes may not share this hub",
    )
    parser.add_argument("hub", type=local_path, help="its folder, which may hold nothing yet")
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--wait", type=duration, metavar="TIME",
                        help="so long for `ptycho-hub probe HUB --answer` on another machine, "
                        "instead of a process on this one")  # fmt: skip
    either.add_argument("--answer", action="store_true", help="be the other machine of a probe that waits")
    parser.set_defaults(run=_probe)


def _probe(arguments: argparse.Namespace, _words: Sequence[str]) -> ExitCode:
    root = arguments.hub.resolve()
    if not root.is_dir():
        raise HubError(
            f"{arguments.hub}: there is no such folder; make it, or name the one that holds the hub"
        )
    place = Hub(root).lock("probe").with_suffix("")
    if arguments.answer:
        probe.answer(_waiting(place))
        return ExitCode.OK
    folder = place / secrets.token_hex(4)
    folder.mkdir(parents=True)
    try:
        with _other_process(folder, arguments):
            results = []
            for result in probe.Probe(folder).results():
                print(result, flush=True)
                results.append(result)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return ExitCode.OK if all(result.works for result in results) else ExitCode.FAILED


@contextmanager
def _other_process(folder: Path, arguments: argparse.Namespace) -> Iterator[None]:
    """Start the process that answers, or wait for it."""
    if arguments.wait is None:
        command = [sys.executable, "-P", "-m", probe.__name__, str(folder)]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as child:
            try:
                yield
            finally:
                child.kill()
        return
    print(f"on the other machine: ptycho-hub probe {shlex.quote(str(arguments.hub))} --answer", flush=True)
    patience = Deadline.after(arguments.wait)
    while not (folder / probe.ANSWERED_BY).exists():
        if patience.is_over:
            raise HubError(f"{folder}: nobody answered, or no other machine's file was seen; run it again")
        time.sleep(_LOOK_S)
    yield


def _waiting(place: Path) -> Path:
    """Find the probe that waits for an answer."""
    found = [path for path in place.glob("*") if path.is_dir() and not (path / probe.ANSWERED_BY).exists()]
    if not found:
        raise HubError(
            f"{place}: no probe waits here; run ptycho-hub probe HUB --wait {_LONG} on the other machine"
        )
    return max(found, key=lambda path: path.stat().st_mtime)
