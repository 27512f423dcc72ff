"""The note that says why a study stands still, and when it may go on. Written once, never changed."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path

from ptycho_compare.checks.blocker.causes import return_condition
from ptycho_compare.finding import Finding
from ptycho_compare.hub import Artifacts, Hub, moment_of, stamp
from ptycho_compare.storage.files import locked, write_text_atomic

_DIAGNOSTIC = "DIAGNOSTIC"
_NAME = re.compile(r"blocked_(?P<stamp>\d{8}T\d{6}Z)_(?P<topic>.+)")
_HEADING = re.compile(r"# Blocked: (?P<subject>.+): (?P<topic>[a-z][a-z0-9_.-]*)")
_FOUND = "## What was found"


@dataclass(frozen=True)
class Blocker:
    """Why something stands still, or stood.

    Attributes
    ----------
    subject : str
        Id of the comparison or step; empty for a note that we did not write.
    moment : datetime or None
        When it was noted; None when the file's name does not say.
    findings : tuple of str
        A sentence each; of a foreign note none.
    sha256 : str
        Of the note; empty when it cannot be read.
    """

    note: Path
    subject: str
    topic: str
    moment: datetime | None
    findings: tuple[str, ...]
    sha256: str


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
) -> Path:
    """Write ``red/blocked_<UTC>_<topic>.md``; an earlier note is never overwritten.

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
    """
    names = Artifacts(folder)
    evidence = [names.metrics, names.manifest, names.reconstructions, names.plot, names.log, command_log]
    lines = [
        f"# Blocked: {comparison_id}: {topic}",
        "",
        f"**When:** {stamp(moment)}",
        "",
        _FOUND,
        *(f"- {' '.join(str(finding).splitlines())}" for finding in findings),
        "",
        "## Numbers",
        "```",
        *(_diagnostics(names.log) or ["no DIAGNOSTIC lines were logged"]),
        "```",
        "",
        f"## Command ({'not started' if returncode is None else f'exit status {returncode}'})",
        "```bash",
        shlex.join(command),
        "```",
        "",
        "## Evidence",
        *(f"- `{hub.relative(path)}`" for path in evidence if path.exists()),
        "",
        "## Condition to return",
        return_condition(topic, comparison_id),
        "Until then nothing that rests on it may be counted. A record beside this note says when it was met.",
        "",
    ]
    # names of files need not be text: what has no UTF-8 form stands escaped, and the note is written
    text = "\n".join(lines).encode("utf-8", errors="backslashreplace").decode("utf-8")
    with locked(hub.lock("blockers")):  # two processes may stop within the same second
        path = _free_name(hub, topic, moment)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text_atomic(path, text)
    return path


def read_blocker(note: Path) -> Blocker:
    """Read a note; whatever a file holds that is none of ours, it is a note all the same."""
    try:
        content = note.read_bytes()
    except OSError:
        content = None
    lines = (content or b"").decode("utf-8", errors="replace").splitlines()
    name, heading = _NAME.fullmatch(note.stem), _HEADING.fullmatch(lines[0]) if lines else None
    of_name = name["topic"] if name else note.stem.removeprefix("blocked_")
    ours = name is not None and heading is not None
    return Blocker(
        note,
        subject=heading["subject"] if ours and heading else "",
        topic=heading["topic"] if ours and heading else of_name,
        moment=moment_of(name["stamp"]) if name else None,
        findings=_findings(lines) if ours else (),
        sha256="" if content is None else hashlib.sha256(content).hexdigest(),
    )


def _free_name(hub: Hub, topic: str, moment: datetime) -> Path:
    names = (topic if number == 1 else f"{topic}_{number}" for number in count(1))
    return next(path for name in names if not (path := hub.blocker(name, moment=moment)).exists())


def _diagnostics(log: Path) -> list[str]:
    if not log.is_file():
        return []
    text = log.read_text(encoding="utf-8", errors="replace")
    return [line for line in text.splitlines() if _DIAGNOSTIC in line]


def _findings(lines: Sequence[str]) -> tuple[str, ...]:
    """Return the items of the list that stands below its heading."""
    if _FOUND not in lines:
        return ()
    below = lines[lines.index(_FOUND) + 1 :]
    end = next((number for number, line in enumerate(below) if not line.startswith("- ")), len(below))
    return tuple(line.removeprefix("- ") for line in below[:end])
