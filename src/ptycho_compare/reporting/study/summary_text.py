"""``metrics_summary.md``: the summary as tables, numbers with their intervals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ptycho_compare.records.arm_names import in_order
from ptycho_compare.records.measures import JOB_DECIMALS, MEASURES, PARTS, number_text
from ptycho_compare.records.metrics_summary import Averages, JobSummary, MetricsSummary, Score
from ptycho_compare.records.phase_c_compliance import Compliance
from ptycho_compare.reporting.study.markdown import counts, table, undecided_section


def summary_markdown(summary: MetricsSummary) -> str:
    """Return the text of ``metrics_summary.md``; where there is no number, the cell is empty."""
    lines = [
        "# Metrics Summary",
        "",
        *counts(summary),
        f"- Required models: {', '.join(summary.required_models)}",
        "",
        "## Aggregate Metrics",
        "",
        "Summary statistics across all jobs per model; each job counts once, whatever its size.",
        "",
        *_averages(summary.aggregate_metrics, summary.jobs),
    ]
    for split, averages in summary.split_metrics.items():
        of_split = [job for job in summary.jobs if job.split == split]
        lines += [f"## Split: {split}", "", *_averages(averages, of_split)]
    for job in summary.jobs:
        lines += _job(job)
    lines += undecided_section(summary.undecided)
    lines += ["## Phase C Metadata Compliance", "", *_compliance(summary.phase_c_metadata_compliance)]
    return "\n".join(lines)


def _averages(averages: Averages, jobs: Sequence[JobSummary]) -> Iterator[str]:
    for arm in in_order(averages):
        yield from (f"### {arm}", "")
        blank = any(None in numbers.values() for numbers in averages[arm].values())
        without = sum(all(score.model != arm for score in job.metrics) for job in jobs)
        if blank and without:
            yield from (
                f"Not in {without} of {len(jobs)} comparisons, and so without an average over all.",
                "",
            )
        for measure in MEASURES:
            numbers = averages[arm].get(measure.name, {})
            statistics = ("mean", "best") if measure.has_best else ("mean",)
            yield from (f"**{measure.title}:**", "")
            yield from table(
                ("Statistic", *(part.capitalize() for part in PARTS)),
                [
                    (
                        statistic.capitalize(),
                        *(number_text(numbers.get(f"{statistic}_{part}"), missing="") for part in PARTS),
                    )
                    for statistic in statistics
                ],
            )


def _job(job: JobSummary) -> Iterator[str]:
    yield from (f"## Job: {job.name}", "")
    facts = (
        (job.metrics_csv, "table `{}`"),
        (job.groups, "{} groups"),
        (job.mask_pixels, "{} scored pixels"),
        (job.reference, "compared with: {}"),
        (job.metric_version, "definitions: {}"),
    )
    known = [text.format(fact) for fact, text in facts if fact not in (None, "")]
    if known:
        yield from ("; ".join(known), "")
    if job.verdicts:
        yield from (*(f"- {verdict}" for verdict in job.verdicts), "")
    yield from table(
        ("Model", "Metric", "Amplitude", "Phase", "Value"),
        [
            (score.model, score.metric, *(_with_interval(score, part) for part in (*PARTS, "value")))
            for score in job.metrics
        ],
    )


def _with_interval(score: Score, part: str) -> str:
    text = number_text(getattr(score, part), JOB_DECIMALS, missing="")
    ends = [number_text(end, JOB_DECIMALS) for end in score.intervals.get(part, ())]
    return f"{text} [{', '.join(ends)}]" if text and ends else text


def _compliance(found: Compliance) -> list[str]:
    mark = {True: "✓", False: "✗"}
    return table(
        ("Dose", "Split", "Metadata", "Canonical transform", "Compliant", "Error"),
        [
            (
                dose,
                split,
                mark[each.has_metadata],
                mark[each.has_canonical_transform],
                mark[each.compliant],
                each.error,
            )
            for dose, splits in found.items()
            for split, each in splits.items()
        ],
    )
