"""Rows of a table of scores as tidy ones: one number a line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ptycho_compare.records.tables.metrics_csv import MetricRow

COMPONENTS = ("amplitude", "phase", "value")


@dataclass(frozen=True)
class TidyNumber:
    """One number of a row; `low` and `high` are the ends of its interval, where it has one."""

    component: str
    value: float | None
    low: float | None = None
    high: float | None = None


def numbers_of(row: MetricRow) -> Iterator[TidyNumber]:
    """Yield the numbers of a row.

    A row without any (of a dead arm, of a cut-off that is never crossed) yields one without component and
    number: nothing is missing silently.
    """
    found = [part for part in COMPONENTS if getattr(row, part) is not None]
    for part in found:
        low, high = getattr(row, f"{part}_low"), getattr(row, f"{part}_high")
        yield TidyNumber(part, getattr(row, part), low, high)
    if not found:
        yield TidyNumber("", None)
