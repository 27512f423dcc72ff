"""A blocker is closed by a record beside its note: its condition holds, or somebody says why it is void."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from ptycho_compare.checks.blocker.causes import OWN_CHECK
from ptycho_compare.checks.blocker.note import Blocker, read_blocker
from ptycho_compare.errors import HubError
from ptycho_compare.finding import Finding
from ptycho_compare.hub import Hub, utc_text
from ptycho_compare.hub.moments import UTC_SECONDS
from ptycho_compare.storage.files import digest_of, write_json_atomic
from ptycho_compare.untrusted.regular import read_bytes


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
    reason : str
        Why a person closed it; empty where its condition was met.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    note: str
    note_sha256: str
    subject: str
    topic: str
    closed_at: str
    closed_by: str
    evidence: dict[str, str]
    reason: str = ""


def closing_of(note: Path) -> Path:
    """Name the record that closes a note."""
    return note.with_suffix(".closed.json")


def all_blockers(hub: Hub) -> list[tuple[Blocker, Closing | None]]:
    """List every note in order of their names, with the record that closes it, if one does."""
    notes = sorted((hub.root / "red").glob("blocked_*.md"))
    blockers = [read_blocker(note) for note in notes]
    return [(blocker, _closing(blocker)) for blocker in blockers]


def open_blockers(hub: Hub) -> list[Blocker]:
    """List what is not closed, in order of the notes' names."""
    return [blocker for blocker, closing in all_blockers(hub) if closing is None]


def own_check_notes(hub: Hub) -> dict[str, tuple[str, ...]]:
    """What open notes say that checks of the user's own found, by comparison."""
    return {each.subject: each.findings for each in open_blockers(hub) if each.topic == OWN_CHECK}


def close_blockers(
    hub: Hub, subject: str, *, closed_by: str, evidence: Sequence[Path], own_checks: bool = False
) -> list[Path]:
    """Close whatever the comparison or step with the id `subject` was blocked by: it is green.

    The evidence is the comparison's manifest or the step's record; what is not there is left out. Returns the
    records that were written, none when nothing was open. Several processes may close at once. A note that
    was made by hand is never closed so, nor what `own_checks` found unless they were asked again.
    """
    digests = {hub.relative(path): digest_of(path) for path in evidence if path.is_file()}
    same = (
        each
        for each in open_blockers(hub)
        if subject and each.subject == subject and (own_checks or each.topic != OWN_CHECK)
    )
    return [_close(hub, each, closed_by=closed_by, evidence=digests) for each in same]


def close_by_hand(hub: Hub, name: str, *, closed_by: str, reason: str) -> Path:
    """Close one open note, whoever wrote it, for a reason that is kept; returns the record.

    Parameters
    ----------
    name : str
        The note's id, its file's name or its path.

    Raises
    ------
    HubError
        No open note is called so, or it cannot be read.
    """
    asked = Path(name).name.removesuffix(".md").removeprefix("blocked_")
    known = {blocker.id: blocker for blocker in open_blockers(hub)}
    if asked not in known:
        raise HubError(f"{hub.root}: no open blocker {name!r}; open are {', '.join(known) or 'none'}")
    if not known[asked].sha256:
        raise HubError(f"{known[asked].note}: cannot be read, and what it says is closed by its digest")
    return _close(hub, known[asked], closed_by=closed_by, evidence={}, reason=reason)


def judge_closings(hub: Hub, *, unshown: Collection[str]) -> Iterator[Finding]:
    """Judge the records that close notes: each is of a note that is there, and of no other, and says why.

    What closed a note by itself names what shows it, but for the subjects `unshown`, which left nothing. A
    record that does not fit its note closes nothing: that note is open, and counts.
    """
    for path in sorted((hub.root / "red").glob("*.closed.json")):
        note = path.with_name(path.name.replace(".closed.json", ".md"))
        if not note.is_file():
            yield Finding("changed", f"{path}: closes no note that lies beside it; move it away")
        elif (closing := _closing(read_blocker(note))) is not None:
            if closing.note != hub.relative(note):
                yield Finding(
                    "changed", f"{path}: closes {closing.note!r:.80}, which is another; move it away"
                )
            if not re.match(UTC_SECONDS, closing.closed_at):
                yield Finding("changed", f"{path}: closed_at is {closing.closed_at!r:.40}; move it away")
            if not (closing.reason.strip() or closing.evidence or closing.subject in unshown):
                text = f"was closed by {closing.closed_by!r:.80} for no reason and by no evidence"
                yield Finding("changed", f"{path}: {text}; move it away, or close it by hand")


def _close(hub: Hub, blocker: Blocker, *, closed_by: str, evidence: dict[str, str], reason: str = "") -> Path:
    closing = Closing(
        note=hub.relative(blocker.note),
        note_sha256=blocker.sha256,
        subject=blocker.subject,
        topic=blocker.topic,
        closed_at=utc_text(),
        closed_by=closed_by,
        evidence=evidence,
        reason=reason,
    )
    record = closing_of(blocker.note)
    write_json_atomic(record, closing.model_dump(mode="json", exclude_defaults=True))
    return record


def _closing(blocker: Blocker) -> Closing | None:
    """Return the record that closes a note as it is now."""
    try:
        closing = Closing.model_validate_json(read_bytes(closing_of(blocker.note)))
    except (OSError, ValidationError):
        return None
    same = (closing.note_sha256, closing.subject) == (blocker.sha256, blocker.subject)
    return closing if same and blocker.sha256 else None
