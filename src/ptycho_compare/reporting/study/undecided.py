"""Two arms that cannot be told apart: the interval of their difference includes zero."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, FiniteFloat

from ptycho_compare.reporting.study.arms import canonical_arms
from ptycho_compare.reporting.study.markdown import table
from ptycho_compare.reporting.study.measures import signed_text
from ptycho_compare.reporting.tables.pairs_csv import read_differences_csv

HEADING = "Cannot be told apart"
_DECIMALS = 6


class Undecided(BaseModel):
    """A score by which two arms cannot be told apart.

    Attributes
    ----------
    first, second : str
        Arms.
    metric, component : str
    difference : float or None
        First arm minus second.
    """

    model_config = ConfigDict(frozen=True)
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
    arms = canonical_arms((arm for row in rows for arm in (row.first, row.second)), label=str(path))
    return tuple(
        Undecided(
            first=arms[row.first],
            second=arms[row.second],
            metric=row.metric,
            component=row.component,
            difference=_finite(row.difference),
        )
        for row in rows
        if row.told_apart is False
    )


def _finite(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) else None


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
