"""Our commands as programs: whoever stops reading stops nothing, and SIGTERM ends in exit status 75."""

from __future__ import annotations

import gc
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ptycho_compare.cli.output import running_with_quiet_pipes
from ptycho_compare.printable import one_line
from ptycho_compare.sigterm import EXIT_STOPPED, Stopped, heard, leave


def run_program(name: str, main: Callable[[], int]) -> int:
    """Run one of our commands; returns its exit status.

    SIGTERM is heard from here on, while `main` loads what it needs too. What it or Ctrl-C interrupts, and no
    other block takes, is one line on stderr and status 75.
    """

    def stoppable() -> int:
        try:
            with heard(leave, signal.SIGTERM):
                # which a job script may have kept waiting until now
                signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
                return main()
        except Stopped as stopped:
            by = one_line(stopped)
        except KeyboardInterrupt:
            by = "Ctrl-C"
        print(f"{name}: stopped by {by}; the same command goes on from here", file=sys.stderr)
        return EXIT_STOPPED

    return running_with_quiet_pipes(stoppable)


@contextmanager
def loading() -> Iterator[None]:
    """Look for no garbage in this block: modules that are loaded leave next to none.

    It takes a tenth of the time of loading them.
    """
    looked = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if looked:
            gc.enable()
