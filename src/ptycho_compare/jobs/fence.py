"""The fence of a foreign command, which does not ask for its claim itself.

``python -m ptycho_compare.jobs.fence CLAIM COMMAND...``: our own commands ask before they publish. A lab's
own does not: where its supervisor was stopped for longer than its lease, the command would write beside
that of whoever took the place. The fence stands between the two, asks with every heartbeat, and ends the
command once the place is lost.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

from ptycho_compare.errors import JobError
from ptycho_compare.jobs import tree
from ptycho_compare.jobs.claim import read_claim, why_lost
from ptycho_compare.jobs.record import EXIT_REFUSED
from ptycho_compare.sigterm import EXIT_STOPPED

BEATS_TO_NOTICE = 3
"""Heartbeats after which a fence, unless it is stopped itself, has ended a command that lost its place."""
_GRACE_S = 1.0


def fenced(claim: Path, command: tuple[str, ...]) -> list[str]:
    """Return a command with its fence before it."""
    return [sys.executable, "-P", "-m", __name__, str(claim), *command]


def main() -> int:
    """Run the command of the command line for as long as its place is held; its exit status."""
    path, command, token = Path(sys.argv[1]), sys.argv[2:], os.environ[tree.TOKEN_VARIABLE]
    claim = read_claim(path)
    if claim is None or claim.token != token:
        return _gone(why_lost(path, token))
    try:
        child = subprocess.Popen(command, preexec_fn=tree.die_with_parent)
    except OSError as error:
        print(f"{command[0]}: cannot be started: {error.strerror}", file=sys.stderr)
        return EXIT_REFUSED
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: child.send_signal(number))
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return _like(child.wait(timeout=claim.heartbeat_s))
        why = ""
        with contextlib.suppress(JobError):  # the file is being exchanged, or cannot be read at this moment
            why = why_lost(path, token)
        if why:
            tree.end(token, root=os.getpid(), grace_s=_GRACE_S)
            return _gone(why)


def _gone(why: str) -> int:
    print(f"ended by the loss of its place: {why}", file=sys.stderr, flush=True)
    return EXIT_STOPPED


def _like(returncode: int) -> int:
    """End as the command did: by its exit status, or by its signal."""
    if returncode < 0:
        if -returncode != signal.SIGKILL:
            signal.signal(-returncode, signal.SIG_DFL)
        os.kill(os.getpid(), -returncode)
    return returncode


if __name__ == "__main__":
    sys.exit(main())
