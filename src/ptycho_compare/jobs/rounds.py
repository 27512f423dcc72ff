"""Rounds in which nothing could begin: a second one ends what would otherwise be tried for ever.

A round is a session, or a command, with a window. Whoever finds no room to begin notes it here. Where that
was so in the round before, in a window no shorter, and no job of the hub was launched since, the next round
would come no further. What came before what is told by the monotonic clock, within a boot of a machine.
"""

from __future__ import annotations

from ptycho_compare.clock import Deadline, Moment
from ptycho_compare.errors import JobError
from ptycho_compare.hub import Hub, JobFiles
from ptycho_compare.jobs.record import moment_of, read_launch
from ptycho_compare.jobs.states import append_state, read_states
from ptycho_compare.storage.files import if_writable

_STATE = "no room"
_CLOCK_S = 1.0
"""Launches of earlier versions are recorded to the second."""


def begins_again_nothing(hub: Hub, subject: str, window: Deadline) -> bool:
    """Note that something could not begin for want of time; True where another round would not help.

    Parameters
    ----------
    subject : str
        Id of the comparison, step or condition.
    window : Deadline
        The round's; when it began tells one round from another.
    """
    opened = window.opened
    before = _round_before(hub, subject, opened, window.length_s)
    with if_writable():
        hub.rounds().parent.mkdir(parents=True, exist_ok=True)
        facts = {"subject": subject, "opened": opened.to_json(), "window_s": window.length_s}
        append_state(hub.rounds(), _STATE, **facts)
    return before is not None and not any(_launched_since(files, before) for files in hub.jobs())


def _round_before(hub: Hub, subject: str, opened: Moment, window_s: float) -> Moment | None:
    """Return when the last round before this one began, unless its window was shorter."""
    found = None
    for event in read_states(hub.rounds()):
        match event:
            case {"subject": str(other), "opened": dict(values), "window_s": int() | float() as s}:
                then = Moment.from_json(values)
                if other == subject and then is not None and opened.since(then) > 0:
                    found = then if s >= window_s else None
    return found


def _launched_since(files: JobFiles, moment: Moment) -> bool:
    try:
        launch = read_launch(files)
        return launch is not None and moment_of(launch).since(moment) >= -_CLOCK_S
    except (JobError, OSError, TypeError, ValueError):  # which whoever judges the job says
        return False
