"""How soon trainings and the iterative code come down: epochs and seconds, over trials."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ptycho_compare.records.study_losses import LossCurve
from ptycho_compare.records.trials import spread_of
from ptycho_compare.reporting.study.paper_table import MarkedText, PaperTable, mean_text
from ptycho_compare.study.factors import is_trial

NOTE = (
    "Each loss is of a quantity of its own, so that their courses compare and their sizes do not: after how "
    "many epochs and seconds nine tenths of the decrease are done. Seconds of an epoch of pty-chi are those "
    "of all by their number. Of several trials mean ± standard deviation."
)
_Number = Callable[[LossCurve], float | None]
_COLUMNS: dict[tuple[str, str], _Number] = {
    ("epochs", ""): lambda each: len(each.points),
    ("seconds", ""): lambda each: each.points[-1].seconds,
    ("first loss", ""): lambda each: each.points[0].loss,
    ("lowest loss", ""): lambda each: min(point.loss for point in each.points),
    ("epochs to nine tenths", "lower"): lambda each: None if each.nearly is None else each.nearly.epoch,
    ("seconds to nine tenths", "lower"): lambda each: None if each.nearly is None else each.nearly.seconds,
}


def losses_table(curves: Sequence[LossCurve], *, level: float) -> PaperTable | None:
    """Make the table; None where nothing left its losses. `level` is that of intervals over trials."""
    if not curves:
        return None
    names = list(dict.fromkeys(name for each in curves for name in each.levels if not is_trial(name)))
    held: dict[tuple[str, ...], list[LossCurve]] = {}
    for each in curves:
        labels = (each.arm, *(str(each.levels.get(name, "")) for name in names))
        held.setdefault(labels, []).append(each)
    rows = tuple(
        (labels, tuple(_text([of(each) for each in trials], level) for of in _COLUMNS.values()))
        for labels, trials in held.items()
    )
    return PaperTable(("arm", *names), tuple(_COLUMNS), rows, NOTE, "study_losses.csv")


def _text(numbers: Sequence[float | None], level: float) -> MarkedText:
    known = [number for number in numbers if number is not None]
    whole = known and len(known) == len(numbers)
    if whole and len(set(known)) == 1:
        return MarkedText(f"{known[0]:.4g}")
    return MarkedText(mean_text(spread_of(known, level=level)) if whole else "")
