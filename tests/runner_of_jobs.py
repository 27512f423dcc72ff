"""Jobs that run their command through one of our runners, in sessions of the tests' process and others."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from ptycho_compare.phases.comparison.job import ComparisonJob

_plain = ComparisonJob._command


def command_through(runner: Sequence[str]) -> Callable[..., tuple[str, ...]]:
    """What `ComparisonJob._command` is to be: the runner and its arguments, then the plain command."""

    def through(self: ComparisonJob, *words: str) -> tuple[str, ...]:
        return (sys.executable, *runner, *_plain(self, *words)[2:])

    return through
