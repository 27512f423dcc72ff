"""Two arms side by side: their differences, and how well they agree where there is no truth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import FiniteFloat

from ptycho_compare.records.reading import Record
from ptycho_compare.records.tables.csv_cells import finite, number, read_table, write_table
from ptycho_compare.records.tables.metrics_csv import interval_ends

if TYPE_CHECKING:  # scoring loads scipy and scikit-image
    from ptycho_compare.scoring.agreement import Agreement
    from ptycho_compare.scoring.metrics.metric import Difference

DIFFERENCE_COLUMNS = ("first", "second", "metric", "component", "difference", "low", "high", "told_apart")
AGREEMENT_COLUMNS = (
    "first", "second", "metric", "amplitude", "phase", "value", "unit", "note", "reference",
    "amplitude_low", "amplitude_high", "phase_low", "phase_high", "value_low", "value_high",
)  # fmt: skip


@dataclass(frozen=True)
class DifferenceRow:
    """One row of ``comparison_differences.csv``.

    Attributes
    ----------
    difference : float or None
        First arm minus second.
    low, high : float or None
        Ends of its interval.
    told_apart : bool or None
        True where the interval of the difference leaves out zero; None where there is no interval.
    """

    first: str
    second: str
    metric: str
    component: str
    difference: float | None
    low: float | None
    high: float | None
    told_apart: bool | None


def difference_rows(differences: Iterable[Difference]) -> list[DifferenceRow]:
    """Return the rows of the table that a scorecard's differences make."""
    return [
        DifferenceRow(
            each.first,
            each.second,
            each.metric,
            each.component,
            each.value,
            None if each.interval is None else each.interval.low,
            None if each.interval is None else each.interval.high,
            each.told_apart,
        )
        for each in differences
    ]


def write_differences_csv(path: Path, differences: tuple[Difference, ...]) -> None:
    """Write every difference between two arms with its interval."""
    write_table(path, DIFFERENCE_COLUMNS, map(attrgetter(*DIFFERENCE_COLUMNS), difference_rows(differences)))


def read_differences_csv(path: Path) -> list[DifferenceRow]:
    """Read the differences back; InputError names the line that is no such row."""
    verdicts = {"yes": True, "no": False}
    return [
        DifferenceRow(
            cells["first"],
            cells["second"],
            cells["metric"],
            cells["component"],
            number(float, cells, "difference", place),
            number(float, cells, "low", place),
            number(float, cells, "high", place),
            verdicts.get(cells["told_apart"]),
        )
        for cells, place in read_table(path, needed=DIFFERENCE_COLUMNS)
    ]


def write_agreements_csv(path: Path, agreements: tuple[Agreement, ...]) -> None:
    """Write how well every two arms agree: the second scored as if the first were the truth."""
    write_table(
        path,
        AGREEMENT_COLUMNS,
        [
            (
                *(pair.first, pair.second, row.name, row.amplitude, row.phase, row.value),
                *(row.unit, row.note, "same_data", *interval_ends(row)),
            )
            for pair in agreements
            for row in pair.metrics
        ],
    )


class Undecided(Record):
    """A score by which two arms cannot be told apart.

    Attributes
    ----------
    difference : float or None
        First arm minus second.
    """

    first: str
    second: str
    metric: str
    component: str
    difference: FiniteFloat | None


def read_undecided(path: Path) -> tuple[Undecided, ...] | None:
    """Read them from ``comparison_differences.csv``; None where no difference has an interval.

    Raises
    ------
    InputError
        The file is damaged.
    """
    rows = read_differences_csv(path) if path.is_file() else []
    if all(row.told_apart is None for row in rows):
        return None
    return tuple(
        Undecided(
            first=row.first,
            second=row.second,
            metric=row.metric,
            component=row.component,
            difference=finite(row.difference),
        )
        for row in rows
        if row.told_apart is False
    )
