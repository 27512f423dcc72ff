"""Places in which steps of a run are at work at a time; a step that another run works at takes none.

So runs that share a hub take different steps: who meets one that is at work waits for it beside the next.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from ptycho_compare.errors import NotBegunError
from ptycho_compare.jobs.executors.local import LocalExecutor
from ptycho_compare.jobs.executors.protocol import Attempt, Running
from ptycho_compare.jobs.record import JobSpec

_LOOK_S = 0.1


@dataclass
class PlacedExecutor:
    """Starts the attempts at one step, each in one of the places that the steps of a run share.

    Attributes
    ----------
    places : threading.Semaphore
        As many as steps may run at a time.
    elsewhere : bool
        True while somebody else's attempt is waited for.
    """

    places: threading.Semaphore
    elsewhere: bool = False
    _held: bool = field(default=False, init=False)

    def start(
        self, spec: JobSpec, *, is_done: Callable[[], bool], out_of_time: Callable[[], bool]
    ) -> Attempt | Running | None:
        """See `ptycho_compare.jobs.executors.protocol.Executor.start`; waits for a place."""
        self.elsewhere = False
        while not self._held:
            self._held = self.places.acquire(timeout=_LOOK_S)
            if not self._held and out_of_time():
                raise NotBegunError(f"{spec.folder}: no place became free for it in the time there was")
        found = LocalExecutor().start(spec, is_done=is_done, out_of_time=out_of_time)
        if isinstance(found, Running):
            self.elsewhere = True
            self.give_back()
        return found

    def give_back(self) -> None:
        """Give the place back, if one is held."""
        if self._held:
            self._held = False
            self.places.release()
