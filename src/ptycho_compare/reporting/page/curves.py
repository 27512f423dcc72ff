"""The ring correlation and transfer of all arms of one comparison, as points of a drawing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ptycho_compare.errors import InputError
from ptycho_compare.hub import Artifacts
from ptycho_compare.records.tables.csv_cells import number, read_table
from ptycho_compare.records.tables.frc_csv import CURVE_COLUMNS, TRANSFER_COLUMNS

_COMPONENTS = ("amplitude", "phase", "complex")
_NYQUIST = 0.5  # cycles/px
_HIGHEST_TRANSFER = 1.25  # noise lifts one a little above 1


@dataclass(frozen=True)
class Axes:
    """Where numbers lie in a drawing of fixed size, px; y goes down."""

    width: int = 360
    height: int = 230
    left: int = 34
    right: int = 352
    top: int = 10
    bottom: int = 190
    lowest: float = 0.0
    highest: float = 1.0
    highest_frequency: float = _NYQUIST

    def x(self, frequency: float) -> float:
        """Of a frequency in cycles/px."""
        return round(self.left + (self.right - self.left) * frequency / self.highest_frequency, 1)

    def y(self, value: float) -> float:
        """Of a correlation or transfer."""
        share = (self.highest - value) / (self.highest - self.lowest)
        return round(self.top + (self.bottom - self.top) * min(max(share, 0.0), 1.0), 1)

    @property
    def ticks_x(self) -> list[tuple[float, str]]:
        """Place and text, every tenth of a cycle."""
        return [(self.x(each / 10), f"{each / 10:g}") for each in range(int(self.highest_frequency * 10) + 1)]

    @property
    def ticks_y(self) -> list[tuple[float, str]]:
        """Place and text, every half."""
        return [(self.y(each), f"{each:g}") for each in (-1.0, -0.5, 0.0, 0.5, 1.0) if each >= self.lowest]


@dataclass(frozen=True)
class Curve:
    """One arm's curve.

    Attributes
    ----------
    number : int
        Of the arm, from 0: its colour and its dashes.
    half : bool
        Between reconstructions of two halves of the data.
    segments : tuple of str
        Points of polylines; a ring without signal is a gap between two of them.
    """

    arm: str
    number: int
    half: bool
    segments: tuple[str, ...]


@dataclass(frozen=True)
class CurvePanel:
    """The curves of one component: correlations or transfers; `half_bit` are the points of that threshold."""

    component: str
    transfer: bool
    axes: Axes
    curves: tuple[Curve, ...]
    half_bit: tuple[str, ...]


@dataclass(frozen=True)
class CurveSet:
    """All panels, and in words which arms have no curve; `left_out` where the page has no room for any."""

    panels: tuple[CurvePanel, ...] = ()
    missing: tuple[str, ...] = ()
    left_out: bool = False


@dataclass(frozen=True)
class _Table:
    arm: str
    number: int
    half: bool
    columns: dict[str, list[float | None]]


def read_curves(names: Artifacts, arms: Sequence[str]) -> CurveSet:
    """Read the curves of every arm, and lay them out."""
    tables: list[_Table] = []
    missing: list[str] = []
    for index, arm in enumerate(arms):
        files = {False: names.frc_curves(arm), True: names.half_frc_curves(arm)}
        found = {half: path for half, path in files.items() if path.is_file()}
        if not found:
            missing.append(f"{arm}: no curve")
        for half, path in found.items():
            try:
                tables.append(_Table(arm, index, half, _columns(path)))
            except InputError as error:
                missing.append(str(error))
    panels = [_panel(component, tables) for component in _COMPONENTS]
    panels += [_panel(component, tables, transfer=True) for component in _COMPONENTS]
    return CurveSet(tuple(panel for panel in panels if panel.curves), tuple(missing))


def _columns(path: Path) -> dict[str, list[float | None]]:
    columns: dict[str, list[float | None]] = {name: [] for name in (*CURVE_COLUMNS[2:], *TRANSFER_COLUMNS)}
    for cells, place in read_table(path, needed=CURVE_COLUMNS[:5]):
        for name, values in columns.items():
            found = number(float, cells, name, place)
            values.append(found if found is not None and math.isfinite(found) else None)
    return columns


def _panel(component: str, tables: Sequence[_Table], *, transfer: bool = False) -> CurvePanel:
    column = f"{component}_{'transfer' if transfer else 'frc'}"
    known = [value for table in tables for value in table.columns[column] if value is not None]
    lowest = 0.0 if min(known, default=0.0) > -0.1 else -0.5 if min(known) > -0.5 else -1.0
    frequencies = [each for table in tables for each in table.columns["cycles_per_px"] if each is not None]
    highest = _HIGHEST_TRANSFER if transfer else 1.0
    axes = Axes(lowest=lowest, highest=highest, highest_frequency=max([_NYQUIST, *frequencies]))
    curves = []
    for table in tables:
        segments = tuple(_segments(table, column, axes))
        if segments:
            curves.append(Curve(table.arm, table.number, table.half, segments))
    half_bit = tuple(_segments(tables[0], "half_bit", axes)) if tables and not transfer else ()
    return CurvePanel(component, transfer, axes, tuple(curves), half_bit)


def _segments(table: _Table, column: str, axes: Axes) -> Iterator[str]:
    points: list[str] = []
    for frequency, value in zip(table.columns["cycles_per_px"], table.columns[column], strict=True):
        if frequency is None or value is None:
            if len(points) > 1:
                yield " ".join(points)
            points = []
        else:
            points.append(f"{axes.x(frequency)},{axes.y(value)}")
    if len(points) > 1:
        yield " ".join(points)
