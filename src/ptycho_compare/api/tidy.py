"""Tables of a hub as tidy data frames: one number a line. pandas is loaded by whoever asks for one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ptycho_compare.records.tables.metrics_csv import MetricRow
from ptycho_compare.records.tables.pairs_csv import DifferenceRow
from ptycho_compare.records.tables.tidy_rows import numbers_of

if TYPE_CHECKING:
    from pandas import DataFrame

SCORE_COLUMNS = (
    "comparison", "arm", "metric", "component", "value", "low", "high", "unit", "reference", "mask",
)  # fmt: skip
DIFFERENCE_COLUMNS = (
    "comparison", "first", "second", "metric", "component", "difference", "low", "high", "told_apart",
)  # fmt: skip


def score_frame(tables: Iterable[tuple[str, Iterable[MetricRow]]]) -> DataFrame:
    """Turn tables of scores, by comparison, into one frame.

    A row without any number (of a dead arm, of a cut-off that is never crossed) keeps one line, with an
    empty component and NaN: nothing is missing silently.
    """
    lines = [line for comparison, rows in tables for row in rows for line in _lines(comparison, row)]
    return _frame(SCORE_COLUMNS, lines, mask="Int64", value="float64", low="float64", high="float64")


def difference_frame(tables: Iterable[tuple[str, Iterable[DifferenceRow]]]) -> DataFrame:
    """Turn tables of differences, by comparison, into one frame."""
    lines = [
        (
            *(comparison, row.first, row.second, row.metric, row.component),
            *(row.difference, row.low, row.high, row.told_apart),
        )
        for comparison, rows in tables
        for row in rows
    ]
    numbers = dict.fromkeys(("difference", "low", "high"), "float64")
    return _frame(DIFFERENCE_COLUMNS, lines, told_apart="boolean", **numbers)


def _lines(comparison: str, row: MetricRow) -> Iterator[tuple[Any, ...]]:
    told = row.unit, row.reference, row.mask_pixels
    for each in numbers_of(row):
        yield (comparison, row.model, row.metric, each.component, each.value, each.low, each.high, *told)


def _frame(columns: tuple[str, ...], lines: list[tuple[Any, ...]], **kinds: str) -> DataFrame:
    import pandas

    return pandas.DataFrame(lines, columns=list(columns)).astype(kinds)
