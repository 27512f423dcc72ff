"""Patches before stitching as a table: networks in every condition, scores beside each other."""

from __future__ import annotations

from collections.abc import Sequence

from ptycho_compare.records.study_patches import MEASURED, PatchSpread
from ptycho_compare.records.tables.patches_csv import GAUGES
from ptycho_compare.records.trials import Spread
from ptycho_compare.reporting.study.paper_table import MarkedText, PaperTable, mean_text

NOTE = (
    "Single patches before they are stitched, each scored by itself: mean ± standard deviation over patches, "
    "those of all trials together. With its own gauge a patch is judged by what it shows; with that of the "
    "image its own gain and phase are errors too. Medians and quartiles stand in study_patches.csv. Nothing "
    "is marked."
)


_GAUGE_NAMES = {"own": "own", "stitched": "of the image"}


def patches_table(found: Sequence[PatchSpread], *, factors: Sequence[str]) -> PaperTable | None:
    """Make the table, a row for each gauge; None where no patches were asked for."""
    if not found:
        return None
    held = {
        (_labels(each, factors), gauge, each.measure.score): each
        for each in found
        for gauge in GAUGES
        if each.measure.gauge in (gauge, "")  # what no gain changes stands in both rows
    }
    there = {each.measure.score for each in found}
    shown = [score for score in dict.fromkeys(each.score for each in MEASURED) if score in there]
    rows = tuple(
        ((*labels, _GAUGE_NAMES[gauge]), tuple(_text(held.get((labels, gauge, score))) for score in shown))
        for labels in dict.fromkeys(labels for labels, _, _ in held)
        for gauge in GAUGES
    )
    columns = tuple((score.name, "higher" if score.higher_is_better else "lower") for score in shown)
    return PaperTable((*factors, "arm", "gauge"), columns, rows, NOTE, "study_patches.csv")


def _labels(each: PatchSpread, factors: Sequence[str]) -> tuple[str, ...]:
    return (*(str(each.levels.get(name, "")) for name in factors), each.arm)


def _text(each: PatchSpread | None) -> MarkedText:
    return MarkedText("" if each is None else mean_text(Spread(each.patches, each.mean, each.sd)))
