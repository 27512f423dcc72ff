"""Markdown that several reports share: tables, the MS-SSIM sanity check, arms that cannot be told apart."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from ptycho_compare.records.measures import MISSING, MS_SSIM, PARTS, Part, number_text, signed_text
from ptycho_compare.records.tables.pairs_csv import Undecided

if TYPE_CHECKING:  # it reads scans, which takes long to load
    from ptycho_compare.records.metrics_summary import MetricsSummary

UNDECIDED = "Cannot be told apart"

_SHORT: Mapping[Part, str] = {"amplitude": "amp", "phase": "phase"}
_DIFFERENCE_DECIMALS = 6

_CELL = 400
"""Characters of a cell: a finding may hold a whole traceback."""

_SPECIAL = re.compile(r"([\\`*\[\]|~])")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table, with an empty one behind it."""
    lines = [columns, ["---"] * len(columns), *rows]
    return [*(f"| {' | '.join(cells)} |" for cells in lines), ""]


def cell(text: str) -> str:
    """Return a text as one line that no renderer takes for markup or for the end of a cell."""
    line = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    short = line if len(line) <= _CELL else f"{line[:_CELL]}..."
    return _SPECIAL.sub(r"\\\1", short).translate(_ENTITIES) or MISSING


def counts(summary: MetricsSummary, *, called: str = "Comparisons") -> list[str]:
    """Return how many comparisons there are, and how many ended well."""
    return [
        f"- {called}: {summary.n_jobs}",
        f"- Successful: {summary.n_success}",
        f"- Failed: {summary.n_failed}",
    ]


def sanity_section(summary: MetricsSummary, threshold: float) -> Iterator[str]:
    """Yield the MS-SSIM sanity check: a row per arm, ``OK``, ``LOW (amp, phase)`` or ``MISSING``.

    Arms far from the truth cannot be ranked. A scientific verdict: it changes no exit status (DESIGN.md,
    "Open points of the study").
    """
    yield from ("## MS-SSIM Sanity Check", "")
    yield from (f"_Threshold: mean amplitude/phase ≥ {threshold_text(threshold)}_", "")
    rows = []
    for arm in dict.fromkeys([*summary.required_models, *summary.arms]):
        means = {part: summary.average(arm, MS_SSIM, part) for part in PARTS}
        rows.append((arm, *map(number_text, means.values()), _sanity_status(means, threshold)))
    yield from table(("Model", "Mean amplitude", "Mean phase", "Status"), rows)


def threshold_text(threshold: float) -> str:
    """Return a threshold with all its digits, two decimals at least: whoever reads it back judges by it."""
    whole, _, decimals = f"{Decimal(repr(threshold + 0.0)):f}".partition(".")
    return f"{whole}.{decimals:0<2}"


def _sanity_status(means: Mapping[Part, float | None], threshold: float) -> str:
    low = [_SHORT[part] for part, mean in means.items() if mean is not None and mean < threshold]
    if all(mean is None for mean in means.values()):
        return "MISSING"
    return f"LOW ({', '.join(low)})" if low else "OK"


def undecided_section(
    found: Mapping[str, Sequence[Undecided] | None], *, metrics: Collection[str] | None = None
) -> Iterator[str]:
    """Yield the pairs of arms whose difference has an interval that includes zero.

    Parameters
    ----------
    found : mapping of str to sequence of Undecided, or None
        By comparison; None where there are no intervals.
    metrics : collection of str or None
        Scores that the report speaks of; None for all.
    """
    yield from (f"## {UNDECIDED}", "")
    yield from ("_The interval of the difference includes zero: which arm is better is not decided._", "")
    rows = [
        (
            comparison,
            *(each.metric, each.component, each.first, each.second),
            signed_text(each.difference, _DIFFERENCE_DECIMALS),
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
