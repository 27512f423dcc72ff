"""``metrics_digest.md``: one page that says whether all went well and what came out."""

from __future__ import annotations

from ptycho_compare.errors import ReportError
from ptycho_compare.records.arm_names import COMPARED_WITH
from ptycho_compare.records.measures import MEASURES, PARTS, TABLE_DECIMALS, signed_text
from ptycho_compare.records.metrics_deltas import delta
from ptycho_compare.records.metrics_summary import MetricsSummary
from ptycho_compare.reporting.study.markdown import table
from ptycho_compare.reporting.study.sanity import sanity_section, threshold_in
from ptycho_compare.study import PTYCHOPINN

TITLE = "# Phase G Dense Metrics Digest"
PIPELINE, HIGHLIGHTS = "## Pipeline Summary", "## Highlights"
ALL_SUCCESSFUL = "✓ ALL COMPARISONS SUCCESSFUL ✓"
FAILURES = "⚠️ FAILURES PRESENT ⚠️"


def digest_markdown(summary: MetricsSummary, highlights: str, *, references: list[str]) -> str:
    """Return the text of ``metrics_digest.md``.

    Parameters
    ----------
    summary : MetricsSummary
        May tell of failures: a digest of them is written too.
    highlights : str
        Content of ``aggregate_highlights.txt``; it states the threshold of the sanity check.
    references : list of str
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
        TITLE,
        "",
        f"**{FAILURES if summary.n_failed else ALL_SUCCESSFUL}**",
        "",
        *failed,
        PIPELINE,
        "",
        f"- Total: {summary.n_jobs}",
        f"- Successful: {summary.n_success}",
        f"- Failed: {summary.n_failed}",
        "",
        *sanity_section(summary, threshold_in(highlights)),
        HIGHLIGHTS,
        "",
        "```",
        highlights.rstrip("\n"),
        "```",
        "",
        "## Key Deltas",
        "",
        *_deltas(summary),
        "## References",
        "",
        *(f"- `{name}`" for name in references),
        "",
    ]
    return "\n".join(lines)


def failure_line(summary: MetricsSummary) -> str:
    """Say how many comparisons failed."""
    return f"{summary.n_failed} of {summary.n_jobs} comparison job(s) failed"


def missing_sections(text: str) -> list[str]:
    """Name the headings that a digest must have and this text has not."""
    lines = {line.strip() for line in text.splitlines()}
    return [heading for heading in (TITLE, PIPELINE, HIGHLIGHTS) if heading not in lines]


def _deltas(summary: MetricsSummary) -> list[str]:
    rows = [
        (
            f"{measure.title} ({PTYCHOPINN} - {arm})",
            *(signed_text(delta(summary, arm, measure, part), TABLE_DECIMALS) for part in PARTS),
            "higher" if measure.higher_is_better else "lower",
        )
        for measure in MEASURES
        for arm in COMPARED_WITH
    ]
    return table(("Mean", *(part.capitalize() for part in PARTS), "Better"), rows)
