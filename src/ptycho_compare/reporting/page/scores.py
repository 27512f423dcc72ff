"""The scores of one comparison as tables: a row per metric and component, a column per arm."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from ptycho_compare.errors import InputError
from ptycho_compare.hub import Artifacts
from ptycho_compare.records.answer import Answer
from ptycho_compare.records.answering import answer_of
from ptycho_compare.records.compared import Compared
from ptycho_compare.records.measures import HIGHER_IS_BETTER, score_name
from ptycho_compare.records.tables.metrics_csv import METRIC_NAMES, MetricRow, read_metrics_csv
from ptycho_compare.records.tables.pairs_csv import DifferenceRow, read_differences_csv
from ptycho_compare.reporting.page.words import (
    NOT_AVAILABLE,
    aligned_text,
    decimals_of,
    interval_text,
    number_text,
)

_PARTS = ("amplitude", "phase", "value")
_KEY = ("fienup", "phase_rmse", "ssim", "ms_ssim", "frc50", "r_factor")
"""Scores that stand first: those that decide, and two that people know."""
_BETTER = {True: "higher", False: "lower", None: ""}
_NOTED = {"amplitude": "amplitude", "phase": "phase", "value": "complex"}
_MEASURED = (
    "registration_offset_dy", "registration_offset_dx", "computation_time_s", "gauge_gain", "gauge_ramp_y",
    "gauge_ramp_x", "gauge_gain_amplitude", "overlap_before", "overlap_after", "twin_overlap",
    "magnification", "rotation",
)  # fmt: skip

_Row = TypeVar("_Row", MetricRow, DifferenceRow)


@dataclass(frozen=True)
class ScoreCell:
    """A number as text, its interval and its note, both may be empty."""

    number: str
    interval: str = ""
    note: str = ""


@dataclass(frozen=True)
class ScoreRow:
    """One metric of one component.

    Attributes
    ----------
    name : str
        As a person says it.
    better : {"higher", "lower", ""}
        Which way is better; empty for what is no score.
    note : str
        What all arms that have the number have to be said of it.
    """

    metric: str
    part: str
    name: str
    better: str
    unit: str
    note: str
    cells: tuple[ScoreCell, ...]


@dataclass(frozen=True)
class Scores:
    """The tables of a comparison.

    Attributes
    ----------
    arms : tuple of str
        The columns.
    leading, others, measured : tuple of ScoreRow
        Scores that decide or that people know; the other ones; what was removed from an arm or measured.
    alike : tuple of str
        Pairs of arms, and in which scores they cannot be told apart.
    undecided : tuple of str
        Pairs of which that is not known.
    missing : tuple of str
        What could not be read.
    answer : Answer or None
        Who is best; None where a table cannot be read.
    """

    arms: tuple[str, ...] = ()
    leading: tuple[ScoreRow, ...] = ()
    others: tuple[ScoreRow, ...] = ()
    measured: tuple[ScoreRow, ...] = ()
    alike: tuple[str, ...] = ()
    undecided: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    answer: Answer | None = None

    @property
    def scores(self) -> tuple[ScoreRow, ...]:
        """All metrics."""
        return (*self.leading, *self.others)

    def row(self, metric: str, part: str) -> ScoreRow | None:
        """One row of the metrics; None where there is none."""
        return next((row for row in self.scores if (row.metric, row.part) == (metric, part)), None)

    def cell(self, metric: str, part: str, arm: str) -> ScoreCell:
        """One cell of the metrics; without a number where there is no such score."""
        row = self.row(metric, part)
        return row.cells[self.arms.index(arm)] if row and arm in self.arms else ScoreCell(number_text(None))


def read_scores(names: Artifacts, arms: Sequence[str], tables: Compared | None = None) -> Scores:
    """Read ``comparison_metrics.csv`` and ``comparison_differences.csv``, unless they were read already.

    The columns are `arms`, and behind them those that only the table has.
    """
    missing: list[str] = []
    scored: Sequence[MetricRow] | None = tables.rows if tables is not None else None
    compared: Sequence[DifferenceRow] | None = tables.differences if tables is not None else ()
    if tables is None:
        scored = _read(read_metrics_csv, names.metrics, missing)
    if not names.differences.is_file():
        missing.append(f"{names.differences.name}: missing")
    elif tables is None:
        compared = _read(read_differences_csv, names.differences, missing)
    rows = scored or []
    columns = tuple(dict.fromkeys([*arms, *(row.model for row in rows)]))
    order = dict.fromkeys([*METRIC_NAMES, *(row.metric for row in rows)])
    table = {
        name: _rows(name, [row for row in rows if row.metric == name], columns)
        for name in order
        if any(row.metric == name for row in rows)
    }
    alike, undecided = _pairs(compared or [])
    return Scores(
        columns,
        tuple(row for name in _KEY for row in table.get(name, [])),
        tuple(row for name, found in table.items() if name not in (*_KEY, *_MEASURED) for row in found),
        tuple(row for name in _MEASURED for row in table.get(name, [])),
        alike,
        undecided,
        tuple(missing),
        None if scored is None or compared is None else answer_of(scored, compared),
    )


def _read(reader: Callable[[Path], list[_Row]], path: Path, missing: list[str]) -> list[_Row] | None:
    try:
        return reader(path)
    except InputError as error:
        missing.append(str(error))
        return None


def _rows(metric: str, rows: Sequence[MetricRow], arms: Sequence[str]) -> list[ScoreRow]:
    by_arm = {row.model: row for row in rows}
    units = [row.unit for row in rows if row.unit]
    parts = [part for part in _PARTS if any(getattr(row, part) is not None for row in rows)] or ["value"]
    single = len(parts) == 1 and parts[0] == "value"
    found = []
    for part in parts:
        decimals = decimals_of([getattr(row, part) for row in rows])
        shown = "" if single else _shown(part)
        whole = " of the complex field" if part == "value" and not single else ""
        cells = [_cell(by_arm.get(arm), part, decimals) for arm in arms]
        notes = {cell.note for cell in cells if cell.number != NOT_AVAILABLE}
        common = notes.pop() if len(notes) == 1 else ""
        found.append(
            ScoreRow(
                metric=metric,
                part=shown,
                name=f"{score_name(metric, part)}{whole}",
                better=_BETTER[HIGHER_IS_BETTER.get(metric)],
                unit=units[0] if units else "",
                note=common,
                cells=tuple(replace(cell, note="") if cell.note == common else cell for cell in cells),
            )
        )
    return found


def _cell(row: MetricRow | None, part: str, decimals: int | None) -> ScoreCell:
    if row is None:
        return ScoreCell(number_text(None))
    interval = interval_text(getattr(row, f"{part}_low"), getattr(row, f"{part}_high"), decimals)
    # why an arm failed stands beside its name, once
    note = "" if row.status == "failed" else _note_on(part, row.note)
    return ScoreCell(aligned_text(getattr(row, part), decimals), interval, note)


def _note_on(part: str, note: str) -> str:
    """Leave out of a row's note what is said of its other numbers, e.g. ``amplitude beyond Nyquist``."""
    others = tuple(f"{name} " for each, name in _NOTED.items() if each != part)
    return "; ".join(piece for piece in note.split("; ") if not piece.startswith(others))


def _shown(part: str) -> str:
    return "complex field" if part == "value" else part


def _pairs(rows: Sequence[DifferenceRow]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Say which pairs cannot be told apart, and of which it is not known."""
    found: dict[bool | None, dict[str, list[str]]] = {False: {}, None: {}}
    several = {row.metric for row in rows if row.component != "value"}
    for row in rows:
        if row.told_apart is not True:
            whole = " of the complex field" if row.component == "value" and row.metric in several else ""
            pair = f"{row.first} and {row.second}"
            name = f"{score_name(row.metric, row.component)}{whole}"
            found[row.told_apart].setdefault(pair, []).append(name)
    alike, undecided = (
        tuple(f"{pair}: {', '.join(scores)}" for pair, scores in found[kind].items())
        for kind in (False, None)
    )
    return alike, undecided
