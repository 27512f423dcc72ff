"""Accepted runs: how the score that decides a comparison moved from one to the next, to be drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ptycho_compare.errors import InputError, ReportError
from ptycho_compare.records.acceptance import Verdict, read_verdict
from ptycho_compare.records.accepted_runs import Run, runs_in
from ptycho_compare.records.accepted_scores import untouched_scores
from ptycho_compare.records.deciding import Deciding
from ptycho_compare.records.tables.csv_cells import finite
from ptycho_compare.records.tables.metrics_csv import MetricRow, read_metrics_csv
from ptycho_compare.reporting.page.comparison import ComparisonPart
from ptycho_compare.reporting.page.words import aligned_text, decimals_of

_NOW = "now"
_MOST_RUNS = 24
_WIDTH, _HEIGHT, _MARGIN = 180, 44, 6  # px
_LEAST_SHARE = 0.1
"""Least part of a number that the height of a drawing stands for: noise must not look like a change."""


@dataclass(frozen=True)
class Trend:
    """One arm's numbers, run after run.

    Attributes
    ----------
    number : int
        Of the arm, from 0: its colour.
    texts : tuple of str
        Its number in each run and now, ``N/A`` where there is none that compares.
    points : tuple of (float, float)
        Of those that are there, px, on the arm's own scale.
    segments : tuple of str
        Points of polylines; a run without a number is a gap.
    """

    arm: str
    number: int
    texts: tuple[str, ...]
    points: tuple[tuple[float, float], ...]
    segments: tuple[str, ...]


@dataclass(frozen=True)
class Trends:
    """The arms of one comparison, by the score that decides it."""

    comparison: str
    title: str
    score: str
    better: str
    moments: tuple[str, ...]
    trends: tuple[Trend, ...]
    width: int = _WIDTH
    height: int = _HEIGHT


@dataclass(frozen=True)
class History:
    """All accepted runs of a store.

    Attributes
    ----------
    runs : tuple of Run
        The oldest first; of many, the newest.
    troubles : tuple of str
        Runs that are not what was accepted.
    """

    runs: tuple[Run, ...]
    comparisons: tuple[Trends, ...]
    troubles: tuple[str, ...]


def read_history(store: Path, parts: Sequence[ComparisonPart], *, tables: Sequence[Path]) -> History:
    """Read the accepted runs of a store beside the scores of now.

    Parameters
    ----------
    tables : sequence of Path
        The table of scores of each comparison.
    """
    runs: list[tuple[Run, Verdict]] = []
    troubles: list[str] = []
    for run in runs_in(store):
        try:
            if isinstance(run, ReportError):
                raise run
            runs.append((run, read_verdict(run.hub.verdict().record)))
        except InputError as error:
            troubles.append(str(error))
    kept = runs[-_MOST_RUNS:]
    found = []
    for part, table in zip(parts, tables, strict=True):
        answer = part.answer
        if kept and answer is not None and answer.score is not None:
            trends = _trends(part, answer.score, [*answer.numbers], table, kept, troubles)
            if any(each.segments for each in trends.trends):
                found.append(trends)
    return History(tuple(run for run, _ in kept), tuple(found), tuple(dict.fromkeys(troubles)))


def _trends(
    part: ComparisonPart,
    score: Deciding,
    arms: Sequence[str],
    table: Path,
    runs: Sequence[tuple[Run, Verdict]],
    troubles: list[str],
) -> Trends:
    now = _rows_of(read_metrics_csv(table), score)
    held = [_then(part, score, run, verdict, troubles) for run, verdict in runs]
    columns = [*held, now]
    names = list(dict.fromkeys([*(arm.name for arm in part.arms), *arms]))
    rows = {arm: [_number(column.get(arm), now.get(arm), score) for column in columns] for arm in names}
    decimals = decimals_of([number for arm in arms for number in rows[arm]])
    return Trends(
        comparison=part.verdict.id,
        title=part.title,
        score=score.name,
        better="higher" if score.higher_is_better else "lower",
        moments=(*(run.record.name for run, _ in runs), _NOW),
        trends=tuple(_trend(arm, names.index(arm), rows[arm], decimals) for arm in names if arm in arms),
    )


def _then(
    part: ComparisonPart, score: Deciding, run: Run, verdict: Verdict, troubles: list[str]
) -> dict[str, MetricRow]:
    """Rows of one run by arm; none where it did not accept this comparison, or is not what it accepted."""
    there = next((each for each in verdict.comparisons if each.id == part.verdict.id), None)
    if there is None or there.state != "accepted":
        return {}
    try:
        scores = untouched_scores(run.hub, part.verdict, manifest_sha256=there.manifest_sha256)
    except InputError as error:
        troubles.append(str(error))
        return {}
    return _rows_of(scores.rows, score)


def _rows_of(rows: Sequence[MetricRow], score: Deciding) -> dict[str, MetricRow]:
    return {row.model: row for row in rows if row.metric == score.metric}


def _number(row: MetricRow | None, now: MetricRow | None, score: Deciding) -> float | None:
    """Return a number that was computed as the one of now is; None for others, which tell of no trend."""
    if row is None or now is None or _kind(row) != _kind(now):
        return None
    number: float | None = getattr(row, score.component)
    return None if number is None else finite(number)


def _kind(row: MetricRow) -> tuple[str, str, str]:
    return row.metric_version, row.reference, row.unit


def _trend(arm: str, number: int, values: Sequence[float | None], decimals: int | None) -> Trend:
    step = (_WIDTH - 2 * _MARGIN) / max(1, len(values) - 1)
    heights = _heights(values)
    places = [
        None if height is None else (round(_MARGIN + index * step, 1), height)
        for index, height in enumerate(heights)
    ]
    segments: list[list[str]] = [[]]
    for place in places:
        if place is None:
            segments.append([])
        else:
            segments[-1].append(f"{place[0]},{place[1]}")
    return Trend(
        arm,
        number,
        tuple(aligned_text(value, decimals) for value in values),
        tuple(place for place in places if place is not None),
        tuple(" ".join(each) for each in segments if len(each) > 1),
    )


def _heights(values: Sequence[float | None]) -> list[float | None]:
    known = [value for value in values if value is not None]
    if not known:
        return [None] * len(values)
    low, high = min(known), max(known)
    whole = max(high - low, _LEAST_SHARE * max(abs(low), abs(high))) or 1.0
    top = (low + high + whole) / 2
    room = _HEIGHT - 2 * _MARGIN
    return [None if value is None else round(_MARGIN + room * (top - value) / whole, 1) for value in values]
