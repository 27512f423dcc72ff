"""Regression: how the scores of a hub differ from those of one that was accepted earlier.

Numbers are compared, never looks: every score of every arm, part by part, within the study's tolerances.
Which way is better stands in `measures.HIGHER_IS_BETTER`; rows that are not there (offsets, times, gauges)
are no scores and are left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from ptycho_compare.errors import ReportError, StudyError
from ptycho_compare.hub import Artifacts, Hub
from ptycho_compare.records.acceptance import Change, ComparisonVerdict, read_verdict
from ptycho_compare.records.comparison_list import ListedJob
from ptycho_compare.records.job_scores import JobScores, read_scores
from ptycho_compare.records.manifest import FileRecord
from ptycho_compare.records.measures import HIGHER_IS_BETTER
from ptycho_compare.records.reading import read_json
from ptycho_compare.records.tables.csv_cells import finite
from ptycho_compare.records.tables.metrics_csv import MetricRow
from ptycho_compare.storage.files import digest_of
from ptycho_compare.study.comparing import Acceptance, Tolerance

PARTS = ("amplitude", "phase", "value")
GONE = "the score is gone"

_ROUNDING = 1e-9
"""Tables have six decimals: a difference of exactly the tolerance must not fail by a float's last bit."""

Judged = Literal["worse", "same", "better"]


class _AnyManifest(BaseModel):
    """The part that is read of an earlier manifest, whatever version wrote it."""

    artifacts: dict[str, FileRecord]


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
            old = _untouched(before, each, manifest_sha256=then.manifest_sha256)
            found += _of_comparison(old, _scores(now, each), each.id, tolerances)
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


def _untouched(hub: Hub, comparison: ComparisonVerdict, *, manifest_sha256: str) -> JobScores:
    """Read an accepted table, provided that it is still the one that was accepted."""
    artifacts = Artifacts(_folder(hub, comparison))
    _require_digest(artifacts.manifest, manifest_sha256)
    table = read_json(artifacts.manifest, _AnyManifest, made_by="ptycho-hub compare").artifacts.get(
        artifacts.metrics.name
    )
    _require_digest(artifacts.metrics, "" if table is None else table.sha256)
    return _scores(hub, comparison)


def _require_digest(path: Path, sha256: str) -> None:
    if not path.is_file() or digest_of(path) != sha256:
        raise ReportError(
            f"{path}: is not the file that was accepted (SHA-256 {sha256[:12] or 'not recorded'}); "
            "judge that hub again by ptycho-hub gate"
        )


def _scores(hub: Hub, comparison: ComparisonVerdict) -> JobScores:
    place = {"dose": comparison.dose, "view": comparison.view, "split": comparison.split}
    return read_scores(hub, ListedJob(**place, output_dir=hub.relative(_folder(hub, comparison))))


def _folder(hub: Hub, comparison: ComparisonVerdict) -> Path:
    return hub.comparison_dir(comparison.dose, comparison.view, comparison.split, comparison.tier)


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
