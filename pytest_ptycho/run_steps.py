"""Steps of the pipeline run for a test, within the time there is; one session at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import pytest

from ptycho_compare.errors import StorageError
from ptycho_compare.finding import Finding
from pytest_ptycho.options import OPTIONS
from pytest_ptycho.outcomes import Blocked, Deferred
from pytest_ptycho.room import without_room
from pytest_ptycho.stopping import STOPPING
from pytest_ptycho.window import deadline_of

if TYPE_CHECKING:
    from ptycho_compare.hub import Hub
    from ptycho_compare.phases.pipeline.step import Step

_LONGEST_WAIT_S = 24 * 3600.0


def run_steps(
    item: pytest.Item,
    hub: Hub,
    subject: str,
    steps: Sequence[Step],
    *,
    transcript: str,
    lock: str,
    is_met: Callable[[], bool],
    success: str,
) -> list[Finding]:
    """Run steps in this process's name, each in a child, and say what does not hold in what they left.

    Parameters
    ----------
    subject : str
        What they are run for, where there is no time for it.
    transcript : str
        Name of the log of the run.
    lock : str
        Held meanwhile, so that workers do not do the same at once.
    is_met : callable
        Whether another session has done it meanwhile.
    success : str
        Said last, when every step is good.

    Raises
    ------
    Deferred
        They are not finished, and go on with a later run.
    Blocked
        There was no time for them in the round before either.
    """
    from ptycho_compare.phases.pipeline.orchestrate import execute
    from ptycho_compare.storage.locks import LockTakenError, locked

    if on := item.config.stash[OPTIONS].on:
        text = f"{subject}: needs steps that would run on this machine, and --ptycho-on {on} was given; "
        raise Blocked(
            [Finding("prerequisite", f"{text}run them by ptycho-hub run --on {on}, or without --ptycho-on")]
        )
    deadline, stopping = deadline_of(item), item.config.stash[STOPPING]
    if deadline.working_s <= 0:
        raise without_room(hub, subject, deadline, f"nothing is left of {deadline.name}")
    try:
        with locked(hub.lock(lock), timeout_s=min(deadline.working_s, _LONGEST_WAIT_S)):
            if is_met():
                return []
            outcomes = execute(
                hub,
                transcript,
                steps,
                out_of_time=lambda: deadline.working_s <= 0,
                asked=lambda: bool(stopping.asked),
                grace_s=max(1.0, deadline.grace_s),
                success=success,
                listen=False,
            )
    except StorageError as error:
        return [Finding("input", str(error))]
    except LockTakenError:
        raise Deferred(f"another session is at the {lock.replace('_', ' ')}") from None
    findings = [finding for outcome in outcomes for finding in outcome.findings]
    if not findings and not all(outcome.good for outcome in outcomes):
        raise Deferred(f"stopped ({stopping.asked or deadline.name})")
    return findings
