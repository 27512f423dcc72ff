"""A comparison's table of scores: it is whole, possible, and of what its manifest says."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ptycho_compare.errors import InputError
from ptycho_compare.finding import Finding
from ptycho_compare.records.job_scores import RANGES, RANGES_WITHOUT_TRUTH
from ptycho_compare.records.manifest import Manifest
from ptycho_compare.records.tables.metrics_csv import MetricRow, read_metrics_csv
from ptycho_compare.scoring.metrics.metric import declared

_OWN_REFERENCES = {"r_factor": "same_data", "half_": "independent_half"}
"""Rows that compare an arm with the data or with itself, by how their name begins."""


def judge_table(metrics: Path, manifest: Manifest) -> Iterator[Finding]:
    """Judge ``comparison_metrics.csv``: no score is blank, and its rows are of what the manifest says."""
    try:
        rows = read_metrics_csv(metrics)
    except InputError as error:
        yield Finding("changed", str(error))
        return
    for (arm, metric), times in Counter((row.model, row.metric) for row in rows).items():
        if times > 1:  # readers differ in which of them they take
            yield Finding("changed", f"{metrics}: {arm}, {metric} stands there {times} times")
    alive = [arm for arm, record in manifest.arms.items() if record.status == "ok"]
    yield from _blank(metrics, {(row.model, row.metric): row for row in rows}, alive, manifest)
    # what is wrong is wrong in many rows, and said once
    wrong: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for row in rows:
        for text in _of_row(row, manifest):
            wrong[row.model, text].append(row.metric)
    for (arm, text), names in wrong.items():
        more = f" and {len(names) - 1} more rows" if len(names) > 1 else ""
        yield Finding("changed", f"{metrics}: {arm}, {names[0]}{more}: {text}")


def _of_row(row: MetricRow, manifest: Manifest) -> Iterator[str]:
    record = manifest.arms.get(row.model)
    if record is None:
        yield f"the manifest has no such arm, but {', '.join(manifest.arms)}"
        return
    own = (kind for begin, kind in _OWN_REFERENCES.items() if row.metric.startswith(begin))
    expected = {
        "status": record.status,
        "metric_version": manifest.metric_version,
        "mask_pixels": manifest.mask_pixels,
        "groups": manifest.plan.get("groups"),
        "reference": next(own, manifest.reference),
    }
    for column, wanted in expected.items():
        found = getattr(row, column)
        if found != wanted:
            yield f"{column} is {found}, and the manifest says {wanted}"


def _blank(
    metrics: Path, rows: Mapping[tuple[str, str], MetricRow], arms: Sequence[str], manifest: Manifest
) -> Iterator[Finding]:
    without_truth = manifest.reference == "none"
    parts = ("value",) if without_truth else ("amplitude", "phase")
    for arm in arms:
        for metric, ends in (RANGES_WITHOUT_TRUTH if without_truth else RANGES).items():
            row = rows.get((arm, metric))
            if row is not None:
                yield from _blank_cells(metrics, row, parts, ends)
            elif not (without_truth and manifest.scan.get("probe") is False):
                yield Finding("blank", f"{metrics} has no {metric} row", arm)


def _blank_cells(
    metrics: Path, row: MetricRow, parts: Sequence[str], ends: tuple[float, float]
) -> Iterator[Finding]:
    low, high = ends
    for part in parts:
        number = getattr(row, part)
        name = "" if part == "value" else f" {part}"
        if number is None:
            # only a score that cannot exist may be left out, and its own note says so
            if not declared(row.note, part):
                yield Finding("blank", f"{metrics}: {row.metric}{name} is empty", row.model)
        elif not low <= number <= high:
            yield Finding(
                "blank",
                f"{metrics}: {row.metric}{name} = {number:g} is outside [{low:g}, {high:g}]",
                row.model,
            )
