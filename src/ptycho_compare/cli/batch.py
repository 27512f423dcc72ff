"""``--on slurm``: what commands share that submit a hub's jobs instead of running them here."""

from __future__ import annotations

import argparse
import signal
from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from ptycho_compare.cli.exit_codes import ExitCode
from ptycho_compare.errors import InputError
from ptycho_compare.hub import Hub
from ptycho_compare.jobs.allocation import refuse_submitting
from ptycho_compare.jobs.executors.queue import bring_all, not_good
from ptycho_compare.jobs.executors.systems import SYSTEMS, system_called
from ptycho_compare.jobs.site import read_site, require_site_allowed
from ptycho_compare.jobs.submitter import Submitter
from ptycho_compare.jobs.unit import Standing, Unit
from ptycho_compare.sigterm import heard

_WIDTH = 8
_NO_GOOD_END = ("ended", "lost", "failed")


def add_on(parser: argparse.ArgumentParser) -> None:
    """Declare `--on` and `--wait`."""
    parser.add_argument("--on", choices=sorted(SYSTEMS), metavar="SYSTEM",
                        help="submit a job for each step that has to be run (slurm)")  # fmt: skip
    parser.add_argument("--wait", action="store_true", help="with --on: wait until nothing is in the queue")


def refuse_beside_on(arguments: argparse.Namespace, *others: str) -> None:
    """Raise InputError where options are given that mean this machine, or `--wait` without `--on`."""
    if arguments.on is None and arguments.wait:
        raise InputError("--wait goes with --on slurm")
    for other in others:
        if arguments.on is not None and getattr(arguments, other):
            raise InputError(f"--on and --{other.replace('_', '-')} exclude each other")


def submitter_of(arguments: argparse.Namespace, hub: Hub, *, allowed: bool) -> Submitter:
    """Make what submits the hub's jobs as the command line asks.

    Raises
    ------
    JobError
        This is inside an allocation, or `site.toml` cannot be read, or holds code that nobody allowed.
    """
    refuse_submitting()
    site = read_site(hub)
    require_site_allowed(hub, site, allowed=allowed)
    return Submitter(hub, system_called(arguments.on), site, say=lambda text: print(text, flush=True))


def carry_out_on(submitter: Submitter, units: Sequence[Unit], *, wait: bool) -> ExitCode:
    """Submit units, wait if that is asked, tell how each stands, and choose the exit status."""
    asked: list[str] = []
    with heard(asked.append, signal.SIGTERM, signal.SIGINT):  # jobs go on: only the wait ends
        found = bring_all(submitter, units, wait=wait, out_of_time=lambda: bool(asked))
    undone = [unit for unit in units if found[unit.id].state != "done"]
    print("\n".join(lines_of(found, submitter.parts_of(undone))))
    failed, left = not_good(found.values())
    if failed:
        return ExitCode.FAILED
    if left:
        print(f"{left} of {len(found)} are not done yet; the same command goes on, and submits nothing twice")
        return ExitCode.DEFERRED
    print("all is done")
    return ExitCode.OK


def lines_of(
    found: Mapping[str, Standing],
    parts: Mapping[str, Mapping[str, Standing]] = MappingProxyType({}),
) -> list[str]:
    """Tell how units stand, a line each, and one of their parts; parts that failed are named."""
    width = max(map(len, found), default=0)
    lines = []
    for name, each in found.items():
        lines.append(f"{name:{width}}  {told(each)}".rstrip())
        lines += _lines_of_parts(parts.get(name, {}))
    return lines


def _lines_of_parts(parts: Mapping[str, Standing]) -> list[str]:
    if not parts:
        return []
    counts = Counter(each.state for each in parts.values())
    lines = [f"  shards: {', '.join(f'{count} {state}' for state, count in counts.items())}"]
    return lines + [f"  {name}: {told(each)}" for name, each in parts.items() if each.state in _NO_GOOD_END]


def told(standing: Standing) -> str:
    """Tell how one unit stands."""
    job = "" if standing.ticket is None or not standing.in_queue else standing.ticket.name
    return ", ".join(filter(None, (f"{standing.state:{_WIDTH}}".rstrip(), job, standing.note)))
