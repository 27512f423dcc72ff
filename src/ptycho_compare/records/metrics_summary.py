"""The summary: scores of all comparisons of a hub and their averages. Every other report is made from it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field, FiniteFloat, model_serializer

from ptycho_compare.hub import Artifacts, Hub
from ptycho_compare.records.arm_names import STUDY_ARMS, canonical_arms, in_order
from ptycho_compare.records.comparison_list import AtPlace, JobList
from ptycho_compare.records.job_scores import RANGES, JobScores, read_all_scores, require_scores
from ptycho_compare.records.measures import MEASURES, PARTS, Measure, Part
from ptycho_compare.records.phase_c_compliance import Compliance, phase_c_compliance
from ptycho_compare.records.reading import Record, read_json
from ptycho_compare.records.tables.csv_cells import finite
from ptycho_compare.records.tables.metrics_csv import MetricRow, verdicts_in
from ptycho_compare.records.tables.pairs_csv import Undecided, read_undecided

Number = FiniteFloat | None
Averages = dict[str, dict[str, dict[str, Number]]]
"""By arm, measure and statistic, e.g. ``["Baseline"]["ms_ssim"]["mean_phase"]``."""


class Score(Record):
    """One row of a comparison's table; a row of amplitude and phase has `value` for the complex field.

    Attributes
    ----------
    intervals : dict
        Low and high end by part, of the numbers that have them.
    """

    model: str
    metric: str
    amplitude: Number = None
    phase: Number = None
    value: Number = None
    intervals: dict[str, tuple[FiniteFloat, FiniteFloat]] = Field(default={})

    @model_serializer
    def _as_read(self) -> dict[str, Any]:
        row: dict[str, Any] = {"model": self.model, "metric": self.metric}
        alone = self.amplitude is None and self.phase is None and self.metric not in RANGES
        if not alone:
            row |= {"amplitude": self.amplitude, "phase": self.phase}
        if alone or self.value is not None:
            row["value"] = self.value
        return row | ({"intervals": self.intervals} if self.intervals else {})


class JobSummary(AtPlace):
    """Scores of one comparison, and what they are of.

    Attributes
    ----------
    metrics_csv, sha256 : str
        The table they were read from, below the hub, and its digest.
    metric_version, reference : str
        Definitions behind the scores, and what the arms were compared with.
    mask_pixels, groups : int or None
        Scored pixels and groups of the plan, the same for all arms.
    verdicts : tuple of str
        What is said of living arms that show too little.
    undecided : tuple of Undecided, or None
        Scores by which two arms cannot be told apart; None where there are no intervals.
    """

    metrics: tuple[Score, ...]
    metrics_csv: str = ""
    sha256: str = ""
    metric_version: str = ""
    reference: str = ""
    mask_pixels: int | None = None
    groups: int | None = None
    verdicts: tuple[str, ...] = ()
    undecided: tuple[Undecided, ...] | None = None


class MetricsSummary(Record):
    """Contents of ``metrics_summary.json``.

    Attributes
    ----------
    required_models : tuple of str
        Arms of which no score may be blank.
    aggregate_metrics : dict
        Averages over all comparisons, each counted once. Null where a comparison has no such score: an
        average over other comparisons than the other arms' would not compare with theirs.
    split_metrics : dict
        The same by split.
    """

    n_jobs: int
    n_success: int
    n_failed: int
    jobs: tuple[JobSummary, ...]
    aggregate_metrics: Averages
    phase_c_metadata_compliance: Compliance = Field(default={})
    required_models: tuple[str, ...] = STUDY_ARMS
    split_metrics: dict[str, Averages] = Field(default={})

    @property
    def arms(self) -> list[str]:
        """All arms, in the order of all tables."""
        return in_order(self.aggregate_metrics)

    @property
    def undecided(self) -> dict[str, tuple[Undecided, ...] | None]:
        """By comparison, what its arms cannot be told apart by."""
        return {job.name: job.undecided for job in self.jobs}

    def average(self, arm: str, measure: Measure, part: Part, statistic: str = "mean") -> float | None:
        """Return an average (``mean``) or the ``best`` of all comparisons, None where there is none."""
        return self.aggregate_metrics.get(arm, {}).get(measure.name, {}).get(f"{statistic}_{part}")


def summarize(hub: Hub, listed: JobList, *, required: Sequence[str] = STUDY_ARMS) -> MetricsSummary:
    """Gather the scores of comparisons.

    Raises
    ------
    ResultsError
        A comparison failed, was not run, or left no table.
    BlankScoresError
        A required score is missing, NaN or out of its range; the message names split, arm and score.
    """
    listed.require_success(hub.relative(hub.comparison_manifest()))
    scores = read_all_scores(hub, listed.jobs)
    require_scores(scores, required)
    splits = dict.fromkeys(each.job.split for each in scores)
    return MetricsSummary(
        n_jobs=listed.n_jobs,
        n_success=listed.n_success,
        n_failed=listed.n_failed,
        jobs=tuple(_of_job(hub, each) for each in scores),
        aggregate_metrics=_averages(scores),
        phase_c_metadata_compliance=phase_c_compliance(
            hub, ((each.job.dose, each.job.split) for each in scores)
        ),
        required_models=tuple(required),
        split_metrics={
            split: _averages([each for each in scores if each.job.split == split]) for split in splits
        },
    )


def _of_job(hub: Hub, scores: JobScores) -> JobSummary:
    first = scores.rows[0]
    return JobSummary(
        dose=scores.job.dose,
        view=scores.job.view,
        split=scores.job.split,
        cell=scores.job.cell,
        metrics=tuple(_of_row(row) for row in scores.rows),
        metrics_csv=hub.relative(scores.table),
        sha256=scores.sha256,
        metric_version=first.metric_version,
        reference=first.reference,
        mask_pixels=first.mask_pixels,
        groups=first.groups,
        verdicts=tuple(f"{arm}: {verdict}" for arm, verdict in verdicts_in(scores.rows)),
        undecided=read_undecided(Artifacts(scores.table.parent).differences),
    )


def _of_row(row: MetricRow) -> Score:
    parts = (*PARTS, "value")
    ends = {part: (getattr(row, f"{part}_low"), getattr(row, f"{part}_high")) for part in parts}
    return Score(
        model=row.model,
        metric=row.metric,
        **{part: finite(getattr(row, part)) for part in parts},
        intervals={part: pair for part, pair in ends.items() if None not in map(finite, pair)},
    )


def _averages(scores: Sequence[JobScores]) -> Averages:
    rows = [{(row.model, row.metric): row for row in each.rows} for each in scores]
    arms = in_order(row.model for each in scores for row in each.rows)
    return {arm: {measure.name: _statistics(arm, measure, rows) for measure in MEASURES} for arm in arms}


def _statistics(
    arm: str, measure: Measure, tables: Iterable[Mapping[tuple[str, str], MetricRow]]
) -> dict[str, Number]:
    rows = [table.get((arm, measure.name)) for table in tables]
    found: dict[str, Number] = {}
    for part in PARTS:
        numbers = [None if row is None else finite(getattr(row, part)) for row in rows]
        there = [number for number in numbers if number is not None]
        whole = len(there) == len(numbers) > 0
        found[f"mean_{part}"] = math.fsum(there) / len(there) if whole else None
        if measure.has_best:
            best = max if measure.higher_is_better else min
            found[f"best_{part}"] = best(there) if whole else None
    return found


def read_summary(path: Path) -> MetricsSummary:
    """Read a summary, ours or PtychoPINN's own, arms by the names that all reports use.

    PtychoPINN's own, which does not say what is required, calls them as its tables do.

    Raises
    ------
    ReportError
        Missing, no JSON, a number that is NaN, or a key that is needed is not there.
    """
    summary = read_json(path, MetricsSummary, made_by="ptycho-hub summarize")
    if "required_models" in summary.model_fields_set:
        return summary
    names = canonical_arms(summary.aggregate_metrics, label=str(path))
    renamed = {names[arm]: averages for arm, averages in summary.aggregate_metrics.items()}
    return summary.model_copy(update={"aggregate_metrics": renamed})
