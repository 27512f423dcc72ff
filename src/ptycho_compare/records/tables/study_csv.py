"""``study.csv``: every number of every comparison of a study on a line of its own, with its factors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ptycho_compare.records.compared import OVERLAP, Compared
from ptycho_compare.records.tables.csv_cells import table_text
from ptycho_compare.records.tables.tidy_rows import numbers_of

PLACE_FACTORS = ("dose", "view", "split")
"""Factors that every study has; those of its own stand behind the tier."""

_BEFORE = ("comparison", *PLACE_FACTORS, "tier")
_AFTER = (
    "arm", "metric", "component", "value", "low", "high", "unit", "reference", "mask", OVERLAP, "images",
    "status", "note",
)  # fmt: skip


def own_factors(compared: Iterable[Compared]) -> list[str]:
    """Name the factors that the study added to dose, view and split, in the order of its cells."""
    return list(dict.fromkeys(name for each in compared for name, _ in each.comparison.cell))


def study_csv(compared: Sequence[Compared]) -> str:
    """Return the text of ``study.csv``: the numbers of all comparisons, in their order."""
    factors = own_factors(compared)
    return table_text((*_BEFORE, *factors, *_AFTER), _lines(compared, factors))


def _lines(compared: Iterable[Compared], factors: Sequence[str]) -> Iterator[tuple[object, ...]]:
    for each in compared:
        levels, place = each.levels, each.comparison
        before = (place.id, *(levels[name] for name in PLACE_FACTORS), place.tier)
        own = tuple(levels.get(name) for name in factors)
        for row in each.rows:
            told = (row.unit, row.reference, row.mask_pixels, each.overlap, each.images)
            for number in numbers_of(row):
                yield (
                    *(*before, *own, row.model, row.metric),
                    *(number.component, number.value, number.low, number.high),
                    *(*told, row.status, row.note),
                )
