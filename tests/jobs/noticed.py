"""An executor that knows whether an attempt was launched, or found: clocks are asked before that too."""

from __future__ import annotations

from collections.abc import Callable

from ptycho_compare.jobs.executors.local import LocalAttempt, LocalExecutor
from ptycho_compare.jobs.executors.protocol import Running
from ptycho_compare.jobs.record import JobSpec


class Noticed(LocalExecutor):
    """Runs jobs as `LocalExecutor` does."""

    begun = False

    def start(
        self, spec: JobSpec, *, is_done: Callable[[], bool], out_of_time: Callable[[], bool]
    ) -> LocalAttempt | Running | None:
        """Start or find an attempt; `begun` is true from then on."""
        self.begun = False
        found = super().start(spec, is_done=is_done, out_of_time=out_of_time)
        self.begun = True
        return found
