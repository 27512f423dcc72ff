"""The inventory: every file of a hub with its digest and size, taken before the hub is verified.

What verification itself writes is left out, so that an inventory can be complete; so are the
records that processes keep while they work, which say nothing about results.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ptycho_compare.errors import ReportError
from ptycho_compare.hub import Hub
from ptycho_compare.records.reading import read_text
from ptycho_compare.storage.files import digest_of, is_left_over, write_text_atomic
from ptycho_compare.untrusted.regular import open_regular

MADE_BY = "ptycho-hub inventory"

_COLUMNS = ("sha256", "bytes", "path")
_BLOCK_BYTES = 1 << 20
_LONGEST_PATH, _LONGEST_NAME = 4096, 255
_SIZE = re.compile(r"[0-9]{1,18}")
_PROCESS_RECORDS = "jobs"
_PROCESS_FOLDER = "job"
_COMPARISON_DEPTH = 5
"""Of what lies in ``analysis/dose_D/VIEW/SPLIT/job``."""
_LOGS = ("cli",)
_NOTES = "red"
_ADDED_TO = (*_LOGS, "green", _NOTES, "collect")


@dataclass(frozen=True)
class InventoryEntry:
    """A file of the hub.

    Attributes
    ----------
    path : str
        POSIX, below the hub.
    """

    path: str
    sha256: str
    bytes: int


def take_inventory(hub: Hub) -> list[InventoryEntry]:
    """Digest every file of a hub, in order of path.

    Raises
    ------
    ReportError
        A file's name cannot stand on a line as a POSIX path.
    """
    entries = []
    for path in files_to_list(hub):
        why = why_no_path(path)
        if why:
            raise ReportError(f"{path!r}: {why}; rename it, the inventory cannot list it")
        entries.append(enter(hub, path))
    return entries


def enter(hub: Hub, path: str, *, size: int | None = None) -> InventoryEntry:
    """Digest one file, or its first `size` bytes: those of a log stay while others are appended."""
    file = hub.root / path
    if not may_grow(path):
        return InventoryEntry(path, digest_of(file), file.stat().st_size)
    left = file.stat().st_size if size is None else size
    total, taken = hashlib.sha256(), 0
    with open_regular(file) as stream:
        while left > taken and (block := stream.read(min(_BLOCK_BYTES, left - taken))):
            total.update(block)
            taken += len(block)
    return InventoryEntry(path, total.hexdigest(), taken)


def files_to_list(hub: Hub) -> list[str]:
    """Name the files that belong into an inventory, below the hub, in order."""
    found = (path for path in hub.root.rglob("*") if path.is_file())
    left_out = _left_out(hub)
    names = (path.relative_to(hub.root).as_posix() for path in found)
    return sorted(name for name in names if _belongs(name, left_out))


def _left_out(hub: Hub) -> frozenset[str]:
    """Name what is written after an inventory was taken: the gate's folder, runs kept, scores made anew."""
    reports = hub.reports()
    own = (
        reports.inventory,
        reports.digests,
        reports.seal,
        reports.verification,
        reports.verification_log,
        reports.check_log,
        hub.blocker_log(),  # says why the pipeline stands still now, and goes when it goes on
        hub.verdict().folder,
        hub.accepted_runs(),
        hub.rescored(""),
        hub.site(),  # where jobs run changes nothing
    )
    return frozenset(hub.relative(path) for path in own)


def _belongs(name: str, left_out: Collection[str]) -> bool:
    parts = name.split("/")
    in_comparison = len(parts) > _COMPARISON_DEPTH and parts[0] == "analysis"
    of_a_process = parts[0] == _PROCESS_RECORDS or (in_comparison and parts[4] == _PROCESS_FOLDER)
    return not (of_a_process or is_left_over(parts[-1]) or name in left_out or parts[0] in left_out)


def may_grow(path: str) -> bool:
    """True for a log that later commands append to, and for a note to which is added what is found again."""
    folder = PurePosixPath(path).parts[0]
    return folder in _LOGS or (folder == _NOTES and path.endswith(".md"))


def may_appear(path: str) -> bool:
    """True where later commands and tests leave logs and notes."""
    return PurePosixPath(path).parts[0] in _ADDED_TO


def why_no_path(text: str) -> str:
    """Say why a line of an inventory is no relative POSIX path; empty when it is one."""
    if not text or text != text.strip() or not text.isprintable():
        return "is blank, or has blanks at its ends or control characters"
    if len(text) > _LONGEST_PATH or max(map(len, text.split("/"))) > _LONGEST_NAME:
        return "is too long"
    if "\\" in text:
        return "has a backslash"
    if text.startswith("/") or re.match(r"[A-Za-z]:", text):
        return "is absolute"
    if ".." in PurePosixPath(text).parts:
        return "leaves the hub"
    return ""


def write_inventory(hub: Hub, entries: list[InventoryEntry], *, listing: Path | None = None) -> Path:
    """Write ``artifact_inventory.txt``, a path per line, and ``artifact_digests.tsv`` beside it.

    `listing` is another place for the former, whose path is returned.
    """
    reports = hub.reports()
    reports.folder.mkdir(parents=True, exist_ok=True)
    write_text_atomic(reports.digests, digests_text(entries))
    text = "".join(f"{entry.path}\n" for entry in entries)
    path = reports.inventory if listing is None else listing
    write_text_atomic(path, text)
    return path


def digests_text(entries: Iterable[InventoryEntry]) -> str:
    """Render ``artifact_digests.tsv``: equal entries give equal bytes."""
    buffer = io.StringIO()
    rows = csv.writer(buffer, delimiter="\t", lineterminator="\n")
    rows.writerow(_COLUMNS)
    rows.writerows((entry.sha256, entry.bytes, entry.path) for entry in entries)
    return buffer.getvalue()


def read_digests(path: Path) -> list[InventoryEntry]:
    """Read ``artifact_digests.tsv``; ReportError where it is missing or not of this form."""
    text = read_text(path, made_by=MADE_BY)
    try:
        entries = list(_rows(text))
    except (ValueError, TypeError, csv.Error) as error:
        raise ReportError(f"{path}: is no list of digests ({error}); {MADE_BY} writes it anew") from None
    if text != digests_text(entries):
        raise ReportError(f"{path}: is written otherwise than {MADE_BY} writes it; run that again")
    return entries


def _rows(text: str) -> Iterator[InventoryEntry]:
    table = csv.DictReader(io.StringIO(text, newline=""), delimiter="\t")
    if tuple(table.fieldnames or ()) != _COLUMNS:
        raise ValueError(f"columns {', '.join(table.fieldnames or ()) or 'none'}")
    for row in table:
        if not _SIZE.fullmatch(row["bytes"] or ""):
            raise ValueError(f"line {table.line_num}: {row['bytes']!r:.40} bytes")
        yield InventoryEntry(row["path"], row["sha256"], int(row["bytes"]))
