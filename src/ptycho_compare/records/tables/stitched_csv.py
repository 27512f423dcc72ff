"""``study_stitched.csv``: scores of whole objects, put together from the splits of a place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ptycho_compare.records.stitched import StitchedObject
from ptycho_compare.records.tables.csv_cells import table_text

_COLUMNS = (
    "arm", "metric", "component", "value", "low", "high",
    "reference", "mask", "shared_pixels", "status", "note",
)  # fmt: skip


def stitched_csv(found: Sequence[StitchedObject]) -> str:
    """Return the text of ``study_stitched.csv``; empty where nobody asked for whole objects."""
    if not found:
        return ""
    factors = list(dict.fromkeys(name for each in found for name, _ in each.in_cell))
    return table_text(("dose", "view", "tier", *factors, *_COLUMNS), _lines(found, factors))


def _lines(found: Iterable[StitchedObject], factors: Sequence[str]) -> Iterator[tuple[object, ...]]:
    for each in found:
        before = (each.dose, each.view, each.tier, *(each.cell.get(name) for name in factors))
        told = (each.reference, each.mask_pixels, each.shared_pixels)
        for number in each.numbers:
            score = (number.arm, number.metric, number.component, number.value, number.low, number.high)
            yield (*before, *score, *told, number.status, number.note)
        if each.why_not:
            yield (*before, *("",) * 3, None, None, None, *told, "not stitched", each.why_not)
