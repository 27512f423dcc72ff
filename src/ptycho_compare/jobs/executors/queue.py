"""Jobs by way of a batch system: submitted, and waited for where that is asked."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence

from ptycho_compare.jobs.submitter import Submitter
from ptycho_compare.jobs.unit import Standing, Unit

_POLL_S = 0.1
_FIRST_LOOK_S, _LAST_LOOK_S, _SLOWER = 1.0, 15.0, 1.3
"""Between looks at the queue, at first and in the end: it is everybody's."""


def bring_all(
    submitter: Submitter,
    units: Sequence[Unit],
    *,
    wait: bool = False,
    out_of_time: Callable[[], bool] = lambda: False,
    submitted: dict[str, Standing] | None = None,
) -> dict[str, Standing]:
    """Submit what has to be, and wait until nothing is in the queue any more, where that is asked.

    What was lost while it is waited for is submitted again. What failed or was stopped is not: whoever gives
    the command again has it tried again.

    Parameters
    ----------
    submitted : dict or None
        How units stood when they were submitted, where that was done before.

    Returns
    -------
    dict of str to Standing
        By the units' ids.
    """
    found = submitter.submit(units) if submitted is None else submitted
    if not wait:
        return found
    settled: dict[str, Standing] = {}
    pause_s = _FIRST_LOOK_S
    while _goes_on(found) and not _waited(pause_s, out_of_time):
        pause_s = min(_LAST_LOOK_S, pause_s * _SLOWER)
        found = submitter.stand(units) | settled
        settled |= {name: each for name, each in found.items() if each.state == "ended"}
        if any(each.state in ("lost", "new") for each in found.values()):
            found = submitter.submit(units, settled=settled)
            settled |= {name: each for name, each in found.items() if each.state == "failed"}
    return found


def _goes_on(found: dict[str, Standing]) -> bool:
    return any(each.state in ("running", "waits", "starts") for each in found.values())


def _waited(seconds: float, out_of_time: Callable[[], bool]) -> bool:
    """Wait; True where time is over before."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if out_of_time():
            return True
        time.sleep(_POLL_S)
    return out_of_time()


def not_good(found: Collection[Standing]) -> tuple[int, int]:
    """Count what failed, and what is not done and did not fail."""
    failed = sum(_has_failed(each) for each in found)
    return failed, sum(each.state != "done" for each in found) - failed


def _has_failed(standing: Standing) -> bool:
    return standing.state == "failed" or (standing.done is not None and not standing.done.stopped)
