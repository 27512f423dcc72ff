"""How our commands end."""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import IntEnum

from ptycho_compare.errors import InputError


class ExitCode(IntEnum):
    """Exit status of `compare_models` and `ptycho-hub`."""

    OK = 0
    FAILED = 1
    BAD_INPUT = 2


def reporting_bad_input(program: str, run: Callable[[], ExitCode]) -> int:
    """Run a command; bad input becomes one line on stderr and exit status 2."""
    try:
        return int(run())
    except InputError as error:
        print(f"{program}: error: {error}", file=sys.stderr)
        return int(ExitCode.BAD_INPUT)
