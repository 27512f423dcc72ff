"""The terminal section: one line per comparison, then what stands in the way or is left open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any


def lines(records: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield the section's lines; the hook prints them."""
    width = max(len(record["id"]) for record in records)
    for record in sorted(records, key=lambda record: str(record["id"])):
        yield f"{record['id']:<{width}}  {record['outcome']:<7} {record['seconds']:7.1f} s  {record['log']}"
    for record in records:
        for finding in record["findings"]:
            yield f"{record['id']}: {finding}"
        for line in record["undecided"]:
            yield f"{record['id']}: {line}"
        if record["note"]:
            yield f"{record['id']}: blocked, see {record['note']}"
