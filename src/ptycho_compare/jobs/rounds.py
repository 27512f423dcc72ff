"""Rounds in which nothing could begin: a second one ends what would otherwise be tried for ever.

A round is a session, or a command, with a window. Whoever finds no room to begin notes it here. Where that
was so in the round before, in a window no shorter, and no job of the hub was launched since, the next round
would come no further.
"""

from __future__ import annotations

from datetime import datetime

from ptycho_compare.errors import JobError
from ptycho_compare.hub import Hub, JobFiles
from ptycho_compare.jobs.record import read_launch
from ptycho_compare.jobs.states import append_state, read_states
from ptycho_compare.storage.files import if_writable

_STATE = "no room"
_CLOCK_S = 1.0
"""Launches are recorded to the second."""


def begins_again_nothing(hub: Hub, subject: str, *, opened: float, window_s: float) -> bool:
    """Note that something could not begin for want of time; True where another round would not help.

    Parameters
    ----------
    subject : str
        Id of the comparison, step or condition.
    opened : float
        When the window began, seconds of the wall clock; it tells one round from another.
    window_s : float
        Its length, s.
    """
    before = _round_before(hub, subject, opened, window_s)
    with if_writable():
        hub.rounds().parent.mkdir(parents=True, exist_ok=True)
        append_state(hub.rounds(), _STATE, subject=subject, opened=opened, window_s=window_s)
    return before is not None and not any(_launched_since(files, before) for files in hub.jobs())


def _round_before(hub: Hub, subject: str, opened: float, window_s: float) -> float | None:
    """Return when the last round before this one began, unless its window was shorter."""
    found = None
    for event in read_states(hub.rounds()):
        match event:
            case {"subject": str(other), "opened": int() | float() as then, "window_s": int() | float() as s}:
                if other == subject and then < opened:
                    found = then if s >= window_s else None
    return found


def _launched_since(files: JobFiles, moment: float) -> bool:
    try:
        launch = read_launch(files)
        return launch is not None and datetime.fromisoformat(launch.started).timestamp() >= moment - _CLOCK_S
    except (JobError, OSError, TypeError, ValueError):  # which whoever judges the job says
        return False
