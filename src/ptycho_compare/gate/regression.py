"""Regression: how the scores of a hub differ from those of one that was accepted earlier.

Numbers are compared, never looks: every score of every arm, part by part, within the study's tolerances.
Which way is better stands in `measures.HIGHER_IS_BETTER`; rows that are not there (offsets, times, gauges)
are no scores and are left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Literal

from ptycho_compare.errors import ReportError, StudyError
from ptycho_compare.hub import Hub
from ptycho_compare.records.acceptance import Change, ComparisonVerdict, read_verdict
from ptycho_compare.records.accepted_scores import scores_of, untouched_scores
from ptycho_compare.records.job_scores import JobScores
from ptycho_compare.records.measures import HIGHER_IS_BETTER
from ptycho_compare.records.tables.csv_cells import LAST_PLACE, finite
from ptycho_compare.records.tables.metrics_csv import MetricRow
from ptycho_compare.study.comparing import Acceptance, Tolerance

PARTS = ("amplitude", "phase", "value")
GONE = "the score is gone"

_ROUNDING = LAST_PLACE + 1e-9
"""What a tolerance does not count: both numbers are rounded, and a float's last bit is nobody's change."""

Judged = Literal["worse", "same", "better"]


def changes(
    before: Hub, now: Hub, comparisons: Sequence[ComparisonVerdict], tolerances: Acceptance
) -> list[Change]:
    """Compare every score of the comparisons that hold now with the one that was accepted.

    A score that is gone, or whose arm is, is worse. A score that is new has nothing to be judged by and
    is left out, as is a comparison that is not accepted now or that the earlier hub's
    ``report/acceptance.json`` does not know. The order is that of the comparisons and of the earlier tables.

    Raises
    ------
    StudyError
        A tolerance is given for something that is no score.
    ReportError
        The earlier hub was not judged, did not accept a comparison that is required now, or changed
        since; or the two tables are of other definitions, references or units.
    """
    _require_scores(tolerances)
    record = before.verdict().record
    earlier = {each.id: each for each in read_verdict(record).comparisons}
    found: list[Change] = []
    known = 0
    for each in comparisons:
        then = earlier.get(each.id)
        if each.state != "accepted" or then is None:
            continue
        known += 1
        if then.state == "accepted":
            old = untouched_scores(before, each, manifest_sha256=then.manifest_sha256)
            found += _of_comparison(old, scores_of(now, each), each.id, tolerances)
        elif each.required:
            raise ReportError(
                f"{record}: '{each.id}' is {then.state} there, and only what was accepted can be "
                "compared with; name a hub that holds it"
            )
    if not known and any(each.state == "accepted" for each in comparisons):
        raise ReportError(f"{record}: knows none of the comparisons that hold now; name a hub of this study")
    return found


def _require_scores(tolerances: Acceptance) -> None:
    for name in tolerances.tolerances:
        if name not in HIGHER_IS_BETTER:
            raise StudyError(
                f"acceptance.tolerances: '{name}' is no score; scores are {', '.join(HIGHER_IS_BETTER)}"
            )


def _of_comparison(
    old: JobScores, new: JobScores, comparison_id: str, tolerances: Acceptance
) -> Iterator[Change]:
    there = {(row.model, row.metric): row for row in new.rows}
    _require_equal(old, new, "definitions", old.rows[0].metric_version, new.rows[0].metric_version)
    population = _of_population(old.rows[0], new.rows[0])
    for row in old.rows:
        other = there.get((row.model, row.metric))
        tolerance = tolerances.tolerances.get(row.metric, tolerances.default)
        for part in PARTS if row.metric in HIGHER_IS_BETTER else ():
            was, is_ = _number(row, part), _number(other, part)
            if was is None:
                continue
            judged: Judged = "worse"
            rule = GONE
            if other is not None and is_ is not None:
                what = f"{row.model} {row.metric}"
                _require_equal(old, new, f"reference of {what}", row.reference, other.reference)
                _require_equal(old, new, f"unit of {what}", row.unit, other.unit)
                judged, rule = _judge(row, other, part, tolerance)
            yield Change(
                id=comparison_id,
                arm=row.model,
                metric=row.metric,
                part=part,
                before=finite(was),
                now=finite(is_),
                tolerance=rule + population,
                judged=judged,
            )


def _require_equal(old: JobScores, new: JobScores, what: str, was: str, is_: str) -> None:
    if was != is_:
        raise ReportError(
            f"{new.table}: {what}: '{is_}', and '{was}' in {old.table}; such scores do not compare, "
            "accept a hub made like this one first"
        )


def _of_population(old: MetricRow, new: MetricRow) -> str:
    """Say where other pixels or groups were scored: a reason for other numbers, and no excuse for them."""
    counts = {
        "scored pixels": (old.mask_pixels, new.mask_pixels),
        "groups": (old.groups, new.groups),
    }
    return "".join(f"; {was} {what} before, {is_} now" for what, (was, is_) in counts.items() if was != is_)


def _judge(old: MetricRow, new: MetricRow, part: str, tolerance: Tolerance) -> tuple[Judged, str]:
    """Judge two numbers that are there; also tell the rule that held, or all that did not."""
    was, is_ = getattr(old, part), getattr(new, part)
    if was == is_:
        return "same", "equal"
    rules = dict(_rules(old, new, part, tolerance))
    holding = [text for text, holds in rules.items() if holds]
    if holding:
        return "same", holding[0]
    text = "; ".join(f"not {rule}" for rule in rules) or "no tolerance"
    return "better" if (is_ > was) == HIGHER_IS_BETTER[old.metric] else "worse", text


def _rules(old: MetricRow, new: MetricRow, part: str, tolerance: Tolerance) -> Iterator[tuple[str, bool]]:
    was, is_ = getattr(old, part), getattr(new, part)
    if math.isinf(was) or math.isinf(is_):
        yield "both finite", False  # PSNR of equal images: no distance can be told
        return
    apart = abs(is_ - was) - _ROUNDING
    if tolerance.absolute is not None:
        yield f"within {tolerance.absolute:g}", apart <= tolerance.absolute
    if tolerance.relative is not None:
        yield f"within {tolerance.relative:g} of the accepted value", apart <= tolerance.relative * abs(was)
    if tolerance.interval:
        ends = [(getattr(row, f"{part}_low"), getattr(row, f"{part}_high")) for row in (old, new)]
        if all(end is not None for pair in ends for end in pair):
            inside = ends[0][0] <= is_ <= ends[0][1] or ends[1][0] <= was <= ends[1][1]
            yield "within the other's interval", inside


def _number(row: MetricRow | None, part: str) -> float | None:
    number: float | None = None if row is None else getattr(row, part)
    return None if number is None or math.isnan(number) else number
