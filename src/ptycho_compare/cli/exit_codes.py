"""How our commands end."""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import IntEnum

from ptycho_compare.errors import AdoptionError, InputError, PtychoCompareError
from ptycho_compare.printable import one_line
from ptycho_compare.sigterm import EXIT_STOPPED
from ptycho_compare.storage.files import DISK_ERRORS

MAX_ERROR_CHARACTERS = 4000


class ExitCode(IntEnum):
    """Exit status of `compare_models` and `ptycho-hub`."""

    OK = 0
    FAILED = 1
    BAD_INPUT = 2
    INCOMPLETE = 3
    DEFERRED = EXIT_STOPPED


def reporting_bad_input(program: str, run: Callable[[], ExitCode]) -> int:
    """Run a command and choose its exit status.

    Bad input becomes one line on stderr and status 2, a computation that failed and results that do not
    hold one line and 1.
    """
    try:
        return int(run())
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


def _line_of(error: Exception) -> str:
    """Return what an error says as one line that a terminal can hold."""
    line = one_line(error)
    return line if len(line) <= MAX_ERROR_CHARACTERS else f"{line[:MAX_ERROR_CHARACTERS]}..."
