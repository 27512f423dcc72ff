"""A blocker is closed by a record beside its note, once its condition holds; the note stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from ptycho_compare.checks.blocker.note import Blocker, read_blocker
from ptycho_compare.hub import Hub, utc_text
from ptycho_compare.storage.files import digest_of, write_json_atomic


class Closing(BaseModel):
    """Contents of ``blocked_<UTC>_<topic>.closed.json``.

    Attributes
    ----------
    note, note_sha256 : str
        Below the hub. A note that was changed afterwards is open again.
    closed_at : str
        UTC, to the second.
    closed_by : str
        Id of the test, or the command, that found the condition met.
    evidence : dict
        What shows it: path below the hub to SHA-256.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    note: str
    note_sha256: str
    subject: str
    topic: str
    closed_at: str
    closed_by: str
    evidence: dict[str, str]


def closing_of(note: Path) -> Path:
    """Name the record that closes a note."""
    return note.with_suffix(".closed.json")


def open_blockers(hub: Hub) -> list[Blocker]:
    """List what is not closed, in order of the notes' names; hand-made notes are never closed by us."""
    notes = sorted((hub.root / "red").glob("blocked_*.md"))
    blockers = [read_blocker(note) for note in notes if not note.is_dir()]
    return [blocker for blocker in blockers if not _is_closed(blocker)]


def close_blockers(hub: Hub, subject: str, *, closed_by: str, evidence: Sequence[Path]) -> list[Path]:
    """Close whatever the comparison or step with the id `subject` was blocked by: it is green.

    The evidence is the comparison's manifest or the step's record; what is not there is left out. Returns the
    records that were written, none when nothing was open. Several processes may close at once.
    """
    records = []
    for blocker in open_blockers(hub):
        if not subject or blocker.subject != subject:
            continue
        closing = Closing(
            note=hub.relative(blocker.note),
            note_sha256=blocker.sha256,
            subject=subject,
            topic=blocker.topic,
            closed_at=utc_text(),
            closed_by=closed_by,
            evidence={hub.relative(path): digest_of(path) for path in evidence if path.is_file()},
        )
        record = closing_of(blocker.note)
        write_json_atomic(record, closing.model_dump(mode="json"))
        records.append(record)
    return records


def _is_closed(blocker: Blocker) -> bool:
    try:
        closing = Closing.model_validate_json(closing_of(blocker.note).read_bytes())
    except (OSError, ValidationError):
        return False
    same = (closing.note_sha256, closing.subject) == (blocker.sha256, blocker.subject)
    return same and bool(blocker.sha256)
