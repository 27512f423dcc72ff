"""Whole objects as a table: arms under each condition, scores beside each other."""

from __future__ import annotations

from collections.abc import Sequence

from ptycho_compare.records.deciding import Deciding
from ptycho_compare.records.stitched import StitchedObject
from ptycho_compare.records.study_conditions import SHOWN
from ptycho_compare.records.trials import spread_of
from ptycho_compare.reporting.study.paper_table import MarkedText, PaperTable, mean_text
from ptycho_compare.study.factors import is_trial

NOTE = (
    "The splits of a dose and view put together into one object, which is then scored as a whole. A complex "
    "factor between them, fitted where they overlap, is taken out: ptychography does not know it. Of several "
    "trials mean ± standard deviation."
)


def stitched_table(found: Sequence[StitchedObject], *, level: float) -> PaperTable | None:
    """Make the table; None where nobody asked for whole objects. `level` is that of intervals over trials."""
    made = [each for each in found if not each.why_not]
    if not made:
        return None
    names = list(dict.fromkeys(name for each in made for name in each.cell if not is_trial(name)))
    held: dict[tuple[str, ...], dict[Deciding, list[float]]] = {}
    for each in made:
        place = (str(each.dose), each.view, *(str(each.cell.get(name, "")) for name in names))
        for number in each.numbers:
            scores = held.setdefault((*place, number.arm), {})
            if number.value is not None:
                scores.setdefault(Deciding(number.metric, number.component), []).append(number.value)
    shown = [score for score in SHOWN if any(score in scores for scores in held.values())]
    rows = tuple(
        (
            labels,
            tuple(
                MarkedText(mean_text(spread_of(scores[score], level=level)) if score in scores else "")
                for score in shown
            ),
        )
        for labels, scores in held.items()
    )
    columns = tuple((score.name, "higher" if score.higher_is_better else "lower") for score in shown)
    return PaperTable(("dose", "view", *names, "arm"), columns, rows, NOTE, "study_stitched.csv")
