"""Two arms that cannot be told apart: the interval of their difference includes zero."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from ptycho_compare.records.measures import signed_text
from ptycho_compare.records.tables.pairs_csv import Undecided
from ptycho_compare.reporting.study.markdown import table

HEADING = "Cannot be told apart"
_DECIMALS = 6


def undecided_section(
    found: Mapping[str, Sequence[Undecided] | None], *, metrics: Collection[str] | None = None
) -> Iterator[str]:
    """Yield the section of a report.

    Parameters
    ----------
    found : mapping of str to sequence of Undecided, or None
        By comparison; None where there are no intervals.
    metrics : collection of str or None
        Scores that the report speaks of; None for all.
    """
    yield from (f"## {HEADING}", "")
    yield from ("_The interval of the difference includes zero: which arm is better is not decided._", "")
    rows = [
        (
            comparison,
            *(each.metric, each.component, each.first, each.second, signed_text(each.difference, _DECIMALS)),
        )
        for comparison, undecided in found.items()
        for each in undecided or ()
        if metrics is None or each.metric in metrics
    ]
    if rows:
        yield from table(("Comparison", "Metric", "Part", "First", "Second", "Difference"), rows)
    elif any(undecided is not None for undecided in found.values()):
        yield from ("None.", "")
    unknown = [comparison for comparison, undecided in found.items() if undecided is None]
    if len(unknown) == len(found):
        yield from ("Not known: there are no intervals.", "")
    elif unknown:
        yield from (f"Not known of {', '.join(unknown)}: there are no intervals.", "")
