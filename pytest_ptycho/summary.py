"""The terminal section: one line per comparison, what stands in the way, and how it goes on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ptycho_compare.jobs.duration import duration_text


def lines(records: Sequence[dict[str, Any]], *, command: str) -> Iterator[str]:
    """Yield the section's lines; the hook prints them.

    Parameters
    ----------
    records : sequence of dict
        Of our tests.
    command : str
        What goes on with those that are deferred.
    """
    width = max(len(record["id"]) for record in records)
    ordered = sorted(records, key=lambda record: str(record["id"]))
    for record in ordered:
        yield f"{record['id']:<{width}}  {record['outcome']:<8}  {_told(record)}"
    for record in ordered:
        yield from (f"{record['id']}: {text}" for text in _asides(record))
    if any(record["outcome"] == "deferred" for record in records):
        yield f"go on: {command}"


def _told(record: dict[str, Any]) -> str:
    if record["outcome"] != "deferred":
        return f"{record['seconds']:7.1f} s  {record['log']}"
    forecast = record["forecast_s"]
    left = f", about {duration_text(forecast)} left" if forecast is not None else ""
    share = f" ({record['saved'] / record['total']:.0%})" if record["total"] else ""
    return f"{record['done']} patches{share}{left}"


def _asides(record: dict[str, Any]) -> Iterator[str]:
    if record["death"]:
        yield record["death"]
    if record["outcome"] == "deferred":
        yield record["reason"]
        return
    yield from record["findings"]
    yield from record["undecided"]
    if record["note"]:
        yield f"blocked, see {record['note']}"
