"""The inventory against the hub: it is complete, and every file is as it was when it was taken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

from ptycho_compare.checks.check import Validation
from ptycho_compare.checks.remade import cannot_read
from ptycho_compare.errors import ReportError
from ptycho_compare.finding import Finding
from ptycho_compare.hub import Hub
from ptycho_compare.records.inventory import (
    MADE_BY,
    InventoryEntry,
    enter,
    files_to_list,
    may_appear,
    may_grow,
    read_digests,
    why_no_path,
)
from ptycho_compare.records.reading import read_text

_GONE = "is not there"


def artifact_inventory(hub: Hub) -> Validation:
    """Judge ``artifact_inventory.txt`` and the digests beside it.

    Every line is a relative POSIX path of a file that is there with the recorded size and digest, and no
    file is left out. Logs of commands may have grown, and logs and notes may have been added, since.
    """
    names = hub.reports()
    path, relative = names.inventory, hub.relative(names.inventory)
    try:
        lines = read_text(path, made_by=MADE_BY).splitlines()
        entries = read_digests(names.digests)
    except ReportError as error:
        nothing = {"entries": 0, "invalid_entries": []}
        return Validation("artifact inventory", relative, [cannot_read(error)], nothing)
    invalid = list(_invalid(hub, lines))
    findings = [
        Finding(
            "missing" if each["reason"] == _GONE else "changed",
            f"{path}:{each['line']}: {each['path']!r} {each['reason']}",
        )
        for each in invalid
    ]
    if not lines:
        findings.append(Finding("missing", f"{path}: is empty"))
    if not invalid:
        findings += _of_lists(hub, lines, entries)
        findings += _of_files(hub, entries)
    return Validation(
        "artifact inventory", relative, findings, {"entries": len(lines), "invalid_entries": invalid}
    )


def listed_names(hub: Hub) -> frozenset[str]:
    """Name the files that the inventory of a hub or its digests list; none where neither can be read."""
    names = hub.reports()
    with suppress(ReportError):
        return frozenset(read_text(names.inventory, made_by=MADE_BY).splitlines())
    with suppress(ReportError):
        return frozenset(entry.path for entry in read_digests(names.digests))
    return frozenset()


def _invalid(hub: Hub, lines: Sequence[str]) -> Iterator[dict[str, int | str]]:
    seen: set[str] = set()
    for number, line in enumerate(lines, start=1):
        reason = why_no_path(line)
        if not reason and line in seen:
            reason = "is listed twice"
        if not reason and not (hub.root / line).is_file():
            reason = _GONE
        if reason:
            yield {"line": number, "path": line, "reason": reason}
        seen.add(line)


def _of_lists(hub: Hub, lines: Sequence[str], entries: Sequence[InventoryEntry]) -> Iterator[Finding]:
    """Compare the listing with the digests, and both with what is there."""
    names = hub.reports()
    listed, digested = set(lines), {entry.path for entry in entries}
    for name in sorted(listed ^ digested):
        with_it, without = (
            (names.inventory, names.digests) if name in listed else (names.digests, names.inventory)
        )
        yield Finding("changed", f"{without}: has no {name}, and {with_it.name} has; run {MADE_BY} again")
    for name in files_to_list(hub):
        if name not in listed and not may_appear(name):
            yield Finding(
                "missing", f"{names.inventory}: {name} is there and is not listed; run {MADE_BY} again"
            )


def _of_files(hub: Hub, entries: Sequence[InventoryEntry]) -> Iterator[Finding]:
    for entry in entries:
        path = hub.root / entry.path
        if why_no_path(entry.path) or not path.is_file():
            continue  # the listing says so already, or does not have it
        size = path.stat().st_size
        if size != entry.bytes and not may_grow(entry.path):  # nobody digests what is of another size
            found = InventoryEntry(entry.path, "of another size", size)
        else:
            found = enter(hub, entry.path, size=entry.bytes)
        if entry.bytes == 0 < size and found == entry:
            text = "is listed as empty, which vouches for nothing that it holds"
            yield Finding("changed", f"{path}: {text}; run {MADE_BY} again")
        if found != entry:
            grown = ", and logs may only grow" if may_grow(entry.path) else ""
            yield Finding(
                "changed",
                f"{path}: differs from the inventory ({entry.bytes} bytes {entry.sha256[:9]}, "
                f"is {found.bytes} bytes {found.sha256[:9]}{grown}); run {MADE_BY} again if that is meant",
            )
