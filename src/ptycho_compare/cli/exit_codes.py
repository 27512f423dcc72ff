"""How our commands end."""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path

from ptycho_compare.errors import AdoptionError, InputError, PtychoCompareError, WindowError
from ptycho_compare.hub import Hub
from ptycho_compare.jobs.allocation import gained_nothing_again
from ptycho_compare.printable import one_line
from ptycho_compare.sigterm import EXIT_STOPPED, Stopped
from ptycho_compare.storage.files import DISK_ERRORS

MAX_ERROR_CHARACTERS = 4000


class ExitCode(IntEnum):
    """Exit status of `compare_models` and `ptycho-hub`."""

    OK = 0
    FAILED = 1
    BAD_INPUT = 2
    INCOMPLETE = 3
    DEFERRED = EXIT_STOPPED


def reporting_bad_input(program: str, run: Callable[[], ExitCode], *, hub: Path | None = None) -> int:
    """Run a command, on a hub where it works on one, and choose its exit status.

    Bad input becomes one line on stderr and status 2, a computation that failed and results that do not
    hold one line and 1.
    """
    try:
        return int(_giving_back(run, hub))
    except OSError as error:
        if error.filename is None and error.errno not in DISK_ERRORS:
            raise  # of no file: a fault of this program
        print(f"{program}: error: {one_line(error.filename or 'output')}: {error.strerror}", file=sys.stderr)
        return int(ExitCode.BAD_INPUT)
    except InputError as error:
        print(f"{program}: error: {_line_of(error)}", file=sys.stderr)
        return int(ExitCode.FAILED if isinstance(error, AdoptionError) else ExitCode.BAD_INPUT)
    except PtychoCompareError as error:
        print(f"{program}: failed: {_line_of(error)}", file=sys.stderr)
        return int(ExitCode.FAILED)


def _giving_back(run: Callable[[], ExitCode], hub: Path | None) -> ExitCode:
    """Run a command; where restarts of a batch job gained nothing, what would be a stop is a failure."""
    try:
        code = run()
    except Stopped:
        _require_gain(hub)
        raise
    if code == ExitCode.DEFERRED:
        _require_gain(hub)
    return code


def _require_gain(hub: Path | None) -> None:
    if hub is not None and (why := gained_nothing_again(Hub(hub.resolve()))):
        raise WindowError(why)


def _line_of(error: Exception) -> str:
    """Return what an error says as one line that a terminal can hold."""
    line = one_line(error)
    return line if len(line) <= MAX_ERROR_CHARACTERS else f"{line[:MAX_ERROR_CHARACTERS]}..."
