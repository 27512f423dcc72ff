"""``aggregate_report.md`` and ``aggregate_highlights.txt``: averages of the arms and their distances."""

from __future__ import annotations

from collections.abc import Iterator

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
from ptycho_compare.reporting.study.markdown import table
from ptycho_compare.reporting.study.sanity import THRESHOLD, sanity_section, threshold_line
from ptycho_compare.reporting.study.undecided import undecided_section
from ptycho_compare.study import PTYCHOPINN

HIGHLIGHTS_TITLE = "Phase G Dense Metrics Highlights"


def missing_arms(summary: MetricsSummary) -> list[str]:
    """Name the required arms that the summary knows nothing of."""
    return [arm for arm in summary.required_models if arm not in summary.aggregate_metrics]


def report_markdown(summary: MetricsSummary, *, threshold: float = THRESHOLD) -> str:
    """Return the text of ``aggregate_report.md``.

    Parameters
    ----------
    summary : MetricsSummary
    threshold : float
        Average MS-SSIM below which an arm is called low.
    """
    lines = [
        "# Phase G Dense Metrics Report",
        "",
        f"- Comparisons: {summary.n_jobs}",
        f"- Successful: {summary.n_success}",
        f"- Failed: {summary.n_failed}",
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


def highlights_text(summary: MetricsSummary, *, threshold: float = THRESHOLD) -> str:
    """Return the text of ``aggregate_highlights.txt``; parameters are those of `report_markdown`."""
    lines = [HIGHLIGHTS_TITLE, "=" * len(HIGHLIGHTS_TITLE), "", threshold_line(threshold)]
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
