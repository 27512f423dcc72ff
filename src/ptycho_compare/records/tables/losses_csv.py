"""``study_losses.csv``: losses of networks and of the iterative code, a line per epoch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ptycho_compare.records.study_losses import LossCurve
from ptycho_compare.records.tables.csv_cells import table_text

_COLUMNS = ("epoch", "seconds", "loss", "held_out_loss", "remaining")


def losses_csv(curves: Sequence[LossCurve]) -> str:
    """Return the text of ``study_losses.csv``; empty where nothing left its losses."""
    if not curves:
        return ""
    levels = list(
        dict.fromkeys(("dose", "view", "split", *(name for each in curves for name in each.levels)))
    )
    return table_text(("arm", "step", *levels, *_COLUMNS), _lines(curves, levels))


def _lines(curves: Iterable[LossCurve], levels: Sequence[str]) -> Iterator[tuple[object, ...]]:
    for each in curves:
        before = (each.arm, each.step, *(each.levels.get(name) for name in levels))
        for point, left in zip(each.points, each.remaining, strict=True):
            # losses may be of any size: nine digits, as the history has them
            held_out = None if point.held_out is None else f"{point.held_out:.9g}"
            yield (*before, point.epoch, point.seconds, f"{point.loss:.9g}", held_out, left)
