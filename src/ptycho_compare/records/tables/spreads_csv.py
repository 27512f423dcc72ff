"""``study_patches.csv``: how scores of single patches spread in every condition of a study."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ptycho_compare.records.study_patches import PatchSpread
from ptycho_compare.records.tables.csv_cells import table_text

_COLUMNS = (
    "arm", "metric", "component", "gauge", "trials", "patches",
    "mean", "sd", "lower_quartile", "median", "upper_quartile", "stitched_image",
)  # fmt: skip


def spreads_csv(found: Sequence[PatchSpread]) -> str:
    """Return the text of ``study_patches.csv``; empty where no patches were asked for."""
    if not found:
        return ""
    factors = list(dict.fromkeys(name for each in found for name in each.levels))
    return table_text((*factors, *_COLUMNS), _lines(found, factors))


def _lines(found: Iterable[PatchSpread], factors: Sequence[str]) -> Iterator[tuple[object, ...]]:
    for each in found:
        measure = each.measure
        yield (
            *(each.levels.get(name) for name in factors),
            *(each.arm, measure.score.metric, measure.score.component, measure.gauge),
            *(each.trials, each.patches, each.mean, each.sd, *each.quartiles, each.stitched),
        )
