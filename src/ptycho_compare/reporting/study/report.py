"""Averages of the arms and their distances: report, highlights, and the digest of both."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ptycho_compare.errors import ReportError
from ptycho_compare.printable import one_line
from ptycho_compare.records.arm_names import COMPARED_WITH
from ptycho_compare.records.measures import (
    MEASURES,
    PARTS,
    TABLE_DECIMALS,
    Measure,
    Part,
    number_text,
    signed_text,
)
from ptycho_compare.records.metrics_deltas import delta
from ptycho_compare.records.metrics_summary import MetricsSummary
from ptycho_compare.reporting.study.markdown import (
    counts,
    sanity_section,
    table,
    threshold_text,
    undecided_section,
)
from ptycho_compare.study import LOW_MS_SSIM, PTYCHOPINN

DIGEST_SECTIONS = TITLE, PIPELINE, HIGHLIGHTS = (
    "# Phase G Dense Metrics Digest",
    "## Pipeline Summary",
    "## Highlights",
)
"""Headings that a digest must have."""

ALL_SUCCESSFUL = "✓ ALL COMPARISONS SUCCESSFUL ✓"
FAILURES = "⚠️ FAILURES PRESENT ⚠️"
_HIGHLIGHTS_TITLE = "Phase G Dense Metrics Highlights"
_THRESHOLD_LINE = "MS-SSIM (mean) threshold: "
_ANEW = "ptycho-hub report writes them anew"
_MOST_LINES, _LONGEST_LINE = 200, 400
"""Of highlights that a digest quotes; ours have about thirty short ones."""


def missing_arms(summary: MetricsSummary) -> list[str]:
    """Name the required arms that the summary knows nothing of."""
    return [arm for arm in summary.required_models if arm not in summary.aggregate_metrics]


def report_markdown(summary: MetricsSummary, *, threshold: float = LOW_MS_SSIM) -> str:
    """Return the text of ``aggregate_report.md``; an average MS-SSIM below `threshold` is low."""
    lines = [
        "# Phase G Dense Metrics Report",
        "",
        *counts(summary),
        "",
        *sanity_section(summary, threshold),
        "## Aggregate Metrics",
        "",
        *(line for measure in MEASURES for line in _averages(summary, measure)),
        "## Deltas",
        "",
        *(line for measure in MEASURES for arm in COMPARED_WITH for line in _deltas(summary, measure, arm)),
        *undecided_section(summary.undecided, metrics=[measure.name for measure in MEASURES]),
    ]
    return "\n".join(lines)


def highlights_text(summary: MetricsSummary, *, threshold: float = LOW_MS_SSIM) -> str:
    """Return the text of ``aggregate_highlights.txt``; parameters are those of `report_markdown`."""
    lines = [
        _HIGHLIGHTS_TITLE,
        "=" * len(_HIGHLIGHTS_TITLE),
        "",
        f"{_THRESHOLD_LINE}{threshold_text(threshold)}",
    ]
    for measure in MEASURES:
        if measure is not MEASURES[0]:
            lines += ["", f"{measure.title} (mean)"]
        for arm in summary.arms:
            means = [number_text(summary.average(arm, measure, part)) for part in PARTS]
            lines.append(f"{arm} {'/'.join(PARTS)}: {' / '.join(means)}")
    for measure in MEASURES:
        for arm in COMPARED_WITH:
            lines += ["", f"{_title(measure, arm)}:"]
            lines += [
                f"{part.capitalize()} ({statistic}): {_delta_text(summary, measure, arm, part, statistic)}"
                for statistic in _statistics(measure)
                for part in PARTS
            ]
    return "\n".join([*lines, ""])


def threshold_in(highlights: str) -> float:
    """Read the threshold that highlights were made with; ReportError where they state none."""
    found = re.search(rf"^{re.escape(_THRESHOLD_LINE)}(.{{1,400}})$", highlights, flags=re.MULTILINE)
    if found is None:
        raise ReportError(f"the highlights have no line '{_THRESHOLD_LINE}0.80'; {_ANEW}")
    if not re.fullmatch(r"[0-9]{1,9}\.[0-9]{1,390}", found[1]):
        line = one_line(found[0])
        raise ReportError(f"the highlights have '{line}', not a number such as 0.80; {_ANEW}")
    return float(found[1])


def digest_markdown(summary: MetricsSummary, highlights: str, *, references: Sequence[str]) -> str:
    """Return the text of ``metrics_digest.md``: whether all went well, and what came out.

    Parameters
    ----------
    summary : MetricsSummary
        May hold failures: a digest of them is written too.
    highlights : str
        Content of ``aggregate_highlights.txt``; it states the threshold of the sanity check.
    references : sequence of str
        Files to read on in, below the hub.

    Raises
    ------
    ReportError
        The highlights are empty or state no threshold, or the summary has no averages.
    """
    if not highlights.strip():
        raise ReportError("the highlights are empty; 'ptycho-hub report' writes them")
    if not summary.aggregate_metrics:
        raise ReportError("the summary has no averages ('aggregate_metrics' is empty)")
    failed = [failure_line(summary), ""] if summary.n_failed else []
    lines = [
        *(TITLE, "", f"**{FAILURES if summary.n_failed else ALL_SUCCESSFUL}**", "", *failed),
        *(PIPELINE, "", *counts(summary, called="Total"), ""),
        *sanity_section(summary, threshold_in(highlights)),
        *(HIGHLIGHTS, "", *_quoted(highlights), ""),
        *("## Key Deltas", "", *_key_deltas(summary)),
        *("## References", "", *(f"- `{name}`" for name in references), ""),
    ]
    return "\n".join(lines)


def _quoted(highlights: str) -> Iterator[str]:
    """Quote a text of anybody's: nothing in it ends the quotation, steers a terminal or floods it."""
    lines = highlights.rstrip("\n").split("\n")
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`+", highlights))])
    yield fence
    for line in lines[:_MOST_LINES]:
        yield one_line(line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}...")
    if len(lines) > _MOST_LINES:
        yield f"... and {len(lines) - _MOST_LINES} more lines"
    yield fence


def failure_line(summary: MetricsSummary) -> str:
    """Return how many comparisons failed, as a sentence."""
    return f"{summary.n_failed} of {summary.n_jobs} comparison job(s) failed"


def _key_deltas(summary: MetricsSummary) -> list[str]:
    rows = [
        (
            f"{measure.title} ({PTYCHOPINN} - {arm})",
            *(_delta_text(summary, measure, arm, part, "mean") for part in PARTS),
            "higher" if measure.higher_is_better else "lower",
        )
        for measure in MEASURES
        for arm in COMPARED_WITH
    ]
    return table(("Mean", *(part.capitalize() for part in PARTS), "Better"), rows)


def _statistics(measure: Measure) -> tuple[str, ...]:
    return ("mean", "best") if measure.has_best else ("mean",)


def _title(measure: Measure, arm: str) -> str:
    return f"{measure.title} Deltas ({PTYCHOPINN} - {arm})"


def _averages(summary: MetricsSummary, measure: Measure) -> Iterator[str]:
    columns = [(statistic, part) for statistic in _statistics(measure) for part in PARTS]
    yield from (f"### {measure.title}", "")
    yield from table(
        ("Model", *(f"{statistic.capitalize()} {part}" for statistic, part in columns)),
        [
            (arm, *(number_text(summary.average(arm, measure, part, which)) for which, part in columns))
            for arm in summary.arms
        ],
    )


def _deltas(summary: MetricsSummary, measure: Measure, arm: str) -> Iterator[str]:
    yield from (f"### {_title(measure, arm)}", "", f"_{measure.reading}_", "")
    yield from table(
        ("Statistic", *(part.capitalize() for part in PARTS)),
        [
            (statistic.capitalize(), *(_delta_text(summary, measure, arm, part, statistic) for part in PARTS))
            for statistic in _statistics(measure)
        ],
    )


def _delta_text(summary: MetricsSummary, measure: Measure, arm: str, part: Part, statistic: str) -> str:
    return signed_text(delta(summary, arm, measure, part, statistic), TABLE_DECIMALS)
