"""Writing notes: one for each cause and subject, to which is added while it is open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import count
from pathlib import Path

from ptycho_compare.checks.blocker.closing import open_blockers
from ptycho_compare.checks.blocker.note import lines_again, note_lines
from ptycho_compare.checks.blocker.scope import Scope
from ptycho_compare.finding import Finding
from ptycho_compare.hub import Hub
from ptycho_compare.storage.files import write_text_atomic
from ptycho_compare.storage.locks import locked
from ptycho_compare.untrusted.regular import read_log


def write_blocker(
    hub: Hub,
    topic: str,
    findings: Sequence[Finding],
    *,
    comparison_id: str,
    command: Sequence[str],
    returncode: int | None,
    folder: Path,
    command_log: Path,
    moment: datetime,
    scope: Scope | None = None,
) -> Path:
    """Write ``red/blocked_<UTC>_<topic>.md``, or add to the open note on the same topic and subject.

    What stands in a note stays, whoever wrote it; one that is closed is left alone.

    Parameters
    ----------
    topic : str
        As `topic_of` names it, or one of the caller's own.
    comparison_id : str
        What is blocked: the id of a comparison or of a step.
    command : sequence of str
        What was run, or would be.
    returncode : int or None
        Its exit status; None when it was not started.
    folder, command_log : Path
        Where its artifacts and its output lie.
    scope : Scope or None
        What cannot be counted meanwhile; None for what the id says.
    """
    # without locks the worst is that one of two processes overwrites what the other added
    with locked(hub.lock("blockers"), required=False):
        same = (each for each in open_blockers(hub) if (each.subject, each.topic) == (comparison_id, topic))
        if (before := next(same, None)) is not None:
            text = read_log(before.note)
            ended = text if text.endswith("\n") else f"{text}\n"
            write_text_atomic(before.note, ended + "\n".join([*lines_again(moment, findings), ""]))
            return before.note
        path = _free_name(hub, topic, moment)
        lines = note_lines(
            hub,
            topic,
            findings,
            comparison_id=comparison_id,
            command=command,
            returncode=returncode,
            folder=folder,
            command_log=command_log,
            moment=moment,
            scope=Scope.of_subject(comparison_id) if scope is None else scope,
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text_atomic(path, "\n".join([*lines, ""]))
    return path


def _free_name(hub: Hub, topic: str, moment: datetime) -> Path:
    names: Iterator[str] = (topic if number == 1 else f"{topic}_{number}" for number in count(1))
    return next(path for name in names if not (path := hub.blocker(name, moment=moment)).exists())
