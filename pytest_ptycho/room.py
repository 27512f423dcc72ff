"""Where there is no time left for something to begin: it waits for the next run, but not for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ptycho_compare.clock import Deadline
from ptycho_compare.duration import duration_text
from ptycho_compare.finding import Finding
from ptycho_compare.jobs.rounds import begins_again_nothing
from pytest_ptycho.outcomes import Blocked, Deferred
from pytest_ptycho.window import told_for

if TYPE_CHECKING:
    from ptycho_compare.hub import Hub
    from ptycho_compare.phases.comparison.job import JobState


def without_room(
    hub: Hub, subject: str, deadline: Deadline, why: str, state: JobState | None = None
) -> Deferred | Blocked:
    """Defer what finds no room to begin; block it where it found none in the round before either."""
    if not begins_again_nothing(hub, subject, deadline):
        return Deferred(f"not started: {why}", state)
    spent = f"{duration_text(deadline.spent_s)} were spent before it could begin"
    window = told_for(deadline, None if state is None else state.least_s)
    text = f"nothing was started in two rounds; {spent}; {window} would do"
    return Blocked([Finding("window", f"{subject}: {why}; {text}")])
