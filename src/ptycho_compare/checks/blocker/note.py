"""The note that says why a study stands still, what that concerns, and when it may go on.

There is one for each cause and subject: what is found again while it is open is added at its end.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ptycho_compare.checks.blocker.causes import return_condition
from ptycho_compare.checks.blocker.scope import EVERYTHING, Scope
from ptycho_compare.finding import Finding
from ptycho_compare.hub import Artifacts, Hub, moment_of, stamp
from ptycho_compare.untrusted.regular import read_bytes, read_log

_DIAGNOSTIC = "DIAGNOSTIC"
MAX_NOTE_BYTES = 4 << 20
_NAME = re.compile(r"blocked_(?P<stamp>\d{8}T\d{6}Z)_(?P<topic>.+)")
_HEADING = re.compile(r"# Blocked: (?P<subject>.+): (?P<topic>[a-z][a-z0-9_.-]*)")
_CONCERNS = "**Concerns:** "
_FOUND = "## What was found"
_AGAIN = "## Found again at "


@dataclass(frozen=True)
class Blocker:
    """Why something stands still, or stood.

    Attributes
    ----------
    subject : str
        Id of the comparison or step; empty for a note that we did not write.
    moment : datetime or None
        When it was first noted; None when the file's name does not say.
    findings : tuple of str
        A sentence each, as found last; of a foreign note none.
    sha256 : str
        Of the note; empty when it cannot be read.
    scope : Scope
        What cannot be counted while it is open.
    times : int
        How often it was found.
    damaged : str
        Why it is no text that can be read; empty for any that can.
    """

    note: Path
    subject: str
    topic: str
    moment: datetime | None
    findings: tuple[str, ...]
    sha256: str
    scope: Scope = EVERYTHING
    times: int = 1
    damaged: str = ""

    @property
    def id(self) -> str:
        """What the command line calls it: the note's name without what all of them have."""
        return self.note.stem.removeprefix("blocked_")


def note_lines(
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
    scope: Scope,
) -> Iterator[str]:
    """Yield the lines of a new note; see `write_blocker`."""
    names = Artifacts(folder)
    evidence = [names.metrics, names.manifest, names.reconstructions, names.plot, names.log, command_log]
    yield from (f"# Blocked: {comparison_id}: {topic}", "", f"**When:** {stamp(moment)}", "")
    yield from (f"{_CONCERNS}{scope}", "", _FOUND, *_items(findings))
    yield from ("", "## Numbers", "```")
    yield from _diagnostics(names.log) or ["no DIAGNOSTIC lines were logged"]
    how = "not started" if returncode is None else f"exit status {returncode}"
    yield from ("```", "", f"## Command ({how})", "```bash", shlex.join(command), "```", "", "## Evidence")
    yield from (f"- `{hub.relative(path)}`" for path in evidence if path.exists())
    yield from ("", "## Condition to return", return_condition(topic, comparison_id))
    yield "Until then nothing that rests on it may be counted. A record beside this note says when that was."


def lines_again(moment: datetime, findings: Sequence[Finding]) -> Iterator[str]:
    """Yield what a note gains when the same is found again."""
    yield from ("", f"{_AGAIN}{stamp(moment)}", *_items(findings))


def _items(findings: Sequence[Finding]) -> Iterator[str]:
    yield from (f"- {' '.join(str(finding).splitlines())}" for finding in findings)


def read_blocker(note: Path) -> Blocker:
    """Read a note; whatever a file holds that is none of ours, it is a note all the same."""
    try:
        content = read_bytes(note, max_bytes=MAX_NOTE_BYTES)
        why = ""
    except OSError as error:
        content, why = None, error.strerror or "cannot be read"
    lines = (content or b"").decode("utf-8", errors="replace").splitlines()
    name, heading = _NAME.fullmatch(note.stem), _HEADING.fullmatch(lines[0]) if lines else None
    of_name = name["topic"] if name else note.stem.removeprefix("blocked_")
    moment, sha256 = moment_of(name["stamp"]) if name else None, ""
    if content is not None:
        sha256 = hashlib.sha256(content).hexdigest()
    if name is None or heading is None:
        return Blocker(note, "", of_name, moment, (), sha256, damaged=why)
    return Blocker(
        note,
        heading["subject"],
        heading["topic"],
        moment,
        _findings(lines),
        sha256,
        scope=_scope(lines, heading["subject"]),
        times=1 + sum(line.startswith(_AGAIN) for line in lines),
    )


def _diagnostics(log: Path) -> list[str]:
    if not log.is_file():
        return []
    text = read_log(log)
    return [line for line in text.splitlines() if _DIAGNOSTIC in line]


def _scope(lines: Sequence[str], subject: str) -> Scope:
    """Return what a note states above its findings, which may hold any text."""
    head = lines[: lines.index(_FOUND)] if _FOUND in lines else ()
    stated = (Scope.parse(line.removeprefix(_CONCERNS)) for line in head if line.startswith(_CONCERNS))
    return next(filter(None, stated), None) or Scope.of_subject(subject)


def _findings(lines: Sequence[str]) -> tuple[str, ...]:
    """Return the items of the last list of findings."""
    headings = [number for number, line in enumerate(lines) if line == _FOUND or line.startswith(_AGAIN)]
    if not headings:
        return ()
    below = lines[headings[-1] + 1 :]
    end = next((number for number, line in enumerate(below) if not line.startswith("- ")), len(below))
    return tuple(line.removeprefix("- ") for line in below[:end])
