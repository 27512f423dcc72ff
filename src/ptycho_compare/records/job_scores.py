"""The scores of one comparison as reports take them: arms by their one name, no required cell blank."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ptycho_compare.errors import InputError, ResultsError, first_of
from ptycho_compare.hub import Artifacts, Hub
from ptycho_compare.records.arm_names import canonical_arms
from ptycho_compare.records.comparison_list import ListedJob
from ptycho_compare.records.tables.metrics_csv import MetricRow, read_metrics_csv
from ptycho_compare.storage.files import digest_of

_LARGEST = sys.float_info.max
RANGES: Mapping[str, tuple[float, float]] = {
    "mae": (0.0, _LARGEST),
    "mse": (0.0, _LARGEST),
    "psnr": (-_LARGEST, math.inf),  # of equal images
    "ssim": (-1.0, 1.0),
    "ms_ssim": (-1.0, 1.0),
}
"""Scores whose amplitude and phase a required arm must have. An FRC cut-off may lie beyond Nyquist."""

RANGES_WITHOUT_TRUTH: Mapping[str, tuple[float, float]] = {"r_factor": (0.0, _LARGEST)}
"""The same in the column ``value`` when nothing is known of the true object. Above 1 an arm explains the
data worse than an empty object would: poor, but no blank."""


@dataclass(frozen=True)
class JobScores:
    """Scores of one comparison.

    Attributes
    ----------
    sha256 : str
        Of the table.
    rows : tuple of MetricRow
        Arms by the names that all reports use.
    """

    job: ListedJob
    table: Path
    sha256: str
    rows: tuple[MetricRow, ...]

    @property
    def without_truth(self) -> bool:
        """True where the arms were compared with nothing, and so have residuals instead of scores."""
        return any(row.reference == "none" for row in self.rows)


@dataclass(frozen=True)
class BlankScore:
    """A cell that a required arm must have filled.

    Attributes
    ----------
    arm, metric, part : str
        Which cell; `part` is empty when the whole row is missing.
    """

    job: ListedJob
    arm: str
    metric: str
    part: str
    found: str

    def __str__(self) -> str:
        words = (self.metric, self.part, self.found)
        return f"{self.job.name}: {self.arm}: {' '.join(word for word in words if word)}"


class BlankScoresError(ResultsError):
    """A required arm has no usable score; `blanks` says where."""

    def __init__(self, blanks: Sequence[BlankScore]) -> None:
        super().__init__(f"{first_of(blanks)}; compare again, and read the log of that comparison first")
        self.blanks = tuple(blanks)


def read_scores(hub: Hub, job: ListedJob) -> JobScores:
    """Read a comparison's table.

    Raises
    ------
    ResultsError
        It is not there, or has no rows.
    InputError
        It cannot be read.
    """
    path = Artifacts(job.folder(hub)).metrics
    if not path.is_file():
        raise ResultsError(f"{path}: not found, and {job.name} counts as done")
    rows = read_metrics_csv(path)
    if not rows:
        raise ResultsError(f"{path}: has no rows, and {job.name} counts as done")
    return JobScores(job, path, digest_of(path), _named(rows, path))


def _named(rows: Sequence[MetricRow], path: Path) -> tuple[MetricRow, ...]:
    """Rename the arms of a table of PtychoPINN's own; one of ours has them as the study calls them."""
    if any(row.status for row in rows):
        return tuple(rows)
    names = canonical_arms((row.model for row in rows), label=str(path))
    return tuple(replace(row, model=names[row.model]) for row in rows)


def blank_scores(scores: JobScores, arms: Sequence[str]) -> Iterator[BlankScore]:
    """Yield what required arms lack: a cell that is missing, not finite or out of its range, or all zero.

    A study without a truth has the residual in place of scores, where the scan has a probe to compute it.
    """
    ranges: Mapping[str, tuple[float, float]] = RANGES
    parts: tuple[str, ...] = ("amplitude", "phase")
    if scores.without_truth:
        measured = {row.metric for row in scores.rows}
        ranges = {name: ends for name, ends in RANGES_WITHOUT_TRUTH.items() if name in measured}
        parts = ("value",)
    for arm in arms:
        rows = {row.metric: row for row in scores.rows if row.model == arm}
        if not rows:
            yield BlankScore(scores.job, arm, "", "", "is not in the table")
            continue
        for metric in (name for name in ranges if name not in rows):
            yield BlankScore(scores.job, arm, metric, "", "has no row")
        cells = [
            (rows[metric], part, ends) for metric, ends in ranges.items() if metric in rows for part in parts
        ]
        for row, part, ends in cells:
            if found := _wrong(row, part, ends):
                yield BlankScore(scores.job, arm, row.metric, part, found)
        if cells and all(getattr(row, part) == 0 for row, part, _ in cells):
            yield BlankScore(scores.job, arm, "", "", "has zero for every score, which no image can have")


def _wrong(row: MetricRow, part: str, ends: tuple[float, float]) -> str:
    number: float | None = getattr(row, part)
    if number is None:
        return "" if _is_declared(row, part) else f"is blank{f' ({row.note})' if row.note else ''}"
    if ends[0] <= number <= ends[1]:
        return ""
    return f"is {number:g}" + (f", outside [{ends[0]:g}, {ends[1]:g}]" if math.isfinite(number) else "")


def _is_declared(row: MetricRow, part: str) -> bool:
    """True where the table itself says that this score cannot exist."""
    from ptycho_compare.scoring.metrics.metric import declared  # loads scipy

    return bool(declared(row.note, part))


def require_scores(scores: Sequence[JobScores], arms: Sequence[str]) -> None:
    """Refuse scores in which a required arm has a blank.

    Raises
    ------
    BlankScoresError
        The message names split, arm and score of the first.
    """
    blanks = [blank for each in scores for blank in blank_scores(each, arms)]
    if blanks:
        raise BlankScoresError(blanks)


def read_all_scores(hub: Hub, jobs: Sequence[ListedJob]) -> list[JobScores]:
    """Read the tables of several comparisons; all that cannot be used are named at once."""
    found, problems = [], []
    for job in jobs:
        try:
            found.append(read_scores(hub, job))
        except InputError as error:
            problems.append(str(error))
    if problems:
        raise ResultsError("; ".join(problems))
    return found
