"""Artifacts of a comparison beside the same ones made again from its canvases: where they differ, by name."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.checks.figure import judge_figure
from ptycho_compare.errors import ArchiveError
from ptycho_compare.reporting.figures.pixels import pixels_of
from ptycho_compare.untrusted.bounds import shown
from ptycho_compare.untrusted.npz import NpzFile, open_npz
from ptycho_compare.untrusted.regular import read_text

_CELL_TOLERANCE = 1e-5
_LAST_DIGIT = 2e-6
_ARRAY_TOLERANCE = 1e-4
"""Of the root mean square: other processors round transforms to about 1e-6."""
_SHADES, _PIXELS = 8, 1e-4
"""Of 255 shades, how many a pixel may differ by, and which part of them by more."""


def artifact_differences(theirs: Path, ours: Path, *, leave_out: Sequence[str] = ()) -> Iterator[str]:
    """Yield where an artifact differs from the same one made again, which has the same name.

    Rows of a table of which a cell begins with one of `leave_out` are not compared.
    """
    kinds: dict[str, Callable[[Path, Path], Iterator[str]]] = {
        ".csv": lambda one, other: table_differences(one, other, leave_out=leave_out),
        ".npz": _array_differences,
        ".png": _figure_differences,
        ".txt": _text_differences,
    }
    yield from kinds[ours.suffix](theirs, ours)


def table_differences(theirs: Path, ours: Path, *, leave_out: Sequence[str]) -> Iterator[str]:
    """Yield the cells in which two tables differ; of tables of other shape only that.

    Rows of which a cell begins with one of `leave_out` are not compared.
    """
    try:
        tables = [list(csv.reader(read_text(path).splitlines())) for path in (theirs, ours)]
    except (OSError, ValueError, csv.Error) as error:
        yield str(error)
        return
    for row in tables[0]:
        for column, cell in zip(tables[0][0], row, strict=False):
            if math.isnan(_number(cell) or 0.0):  # also where nothing is compared
                yield f"{theirs.name}: {_name(row)} {column} is {cell}"
                return
    kept = [
        [row for row in table if not any(cell.startswith(tuple(leave_out)) for cell in row)]
        for table in tables
    ]
    if len(kept[0]) != len(kept[1]):
        yield f"{theirs.name} has {len(kept[0])} rows to compare, and from its canvases {len(kept[1])} follow"
        return
    header = tables[1][0]
    for row, other in zip(*kept, strict=True):
        if len(row) != len(other):
            what = f"{_name(row)} has {len(row)} cells"
            yield f"{theirs.name}: {what}; from the canvases {len(other)} follow"
            return
        for column, cell, expected in zip(header, row, other, strict=True):
            if not _same_cell(cell, expected):
                what = f"{_name(row)} {column} is {shown(cell) or 'empty'}"
                yield f"{theirs.name}: {what}; the canvases give {expected or 'nothing'}"


def _name(row: Sequence[str]) -> str:
    """Name a row by the cells before its scores: names, and what is counted."""
    return " ".join(takewhile(lambda cell: cell and (_number(cell) is None or cell.isdigit()), row[:4]))


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _same_cell(cell: str, expected: str) -> bool:
    found, here = _number(cell), _number(expected)
    if found is None or here is None:
        return cell == expected
    return math.isclose(found, here, rel_tol=_CELL_TOLERANCE, abs_tol=_LAST_DIGIT)


def _array_differences(theirs: Path, ours: Path) -> Iterator[str]:
    try:
        with open_npz(theirs) as found, open_npz(ours) as expected:
            for key in found.headers.keys() - expected.headers.keys():
                yield f"{theirs.name}: '{key}' does not follow from the canvases"
            for key in expected.headers:
                if key not in found:
                    yield f"{theirs.name}: has no '{key}'"
                elif differs := _array_differs(found, expected, key):
                    yield f"{theirs.name}: '{key}' {differs}"
    except ArchiveError as error:
        yield str(error)


def _array_differs(found: NpzFile, expected: NpzFile, key: str) -> str:
    """Say how an array differs; a phase counts as far as its pixel has an amplitude."""
    values, wanted = found.array(key), expected.array(key)
    if (values.dtype.kind, values.shape) != (wanted.dtype.kind, wanted.shape):
        return f"is {values.dtype} {values.shape}; expected {wanted.dtype} {wanted.shape}"
    if wanted.dtype.kind not in "fc":
        other = int(np.count_nonzero(values != wanted))
        return f"is another in {other} of {wanted.size} values" if other else ""
    amplitude = f"{key.removesuffix('_phase')}_amplitude"
    if key.endswith("_phase") and amplitude in expected:
        size = expected.array(amplitude)
        values, wanted = size * np.exp(1j * values), size * np.exp(1j * wanted)
    blank = ~np.isfinite(wanted)
    if not np.array_equal(values[blank], wanted[blank], equal_nan=True):
        return f"is finite where it has no value ({np.count_nonzero(blank)} values)"
    largest = _ARRAY_TOLERANCE * _rms(wanted[~blank])
    off = ~(np.abs(values[~blank] - wanted[~blank]) <= largest)  # a NaN is off too
    if not off.any():
        return ""
    worst = float(np.abs(values[~blank] - wanted[~blank]).max())
    return f"is another in {int(off.sum())} of {wanted.size} values, by up to {worst:.3g}"


def _rms(values: NDArray[np.inexact]) -> float:
    return float(np.sqrt(np.mean(np.abs(values.astype(np.complex128)) ** 2))) if values.size else 0.0


def _figure_differences(theirs: Path, ours: Path) -> Iterator[str]:
    """Compare pixels, as far as the figure is whole: texts and lines are drawn alike by equal libraries."""
    faults = [finding.text for finding in judge_figure(theirs, "a comparison")]
    if faults:
        yield from (fault.replace(f"{theirs.parent}/", "") for fault in faults)
        return
    if theirs.read_bytes() == ours.read_bytes():
        return
    found, wanted = pixels_of(theirs, like=ours), pixels_of(ours, like=ours)
    if found is None or wanted is None:
        yield f"{theirs.name}: is of another size than the figure of these canvases"
        return
    off = float(np.mean((np.abs(found.astype(np.int16) - wanted) > _SHADES).any(axis=-1)))
    if off > _PIXELS:
        yield f"{theirs.name}: {off:.2%} of its pixels are not those of the figure of these canvases"


def _text_differences(theirs: Path, ours: Path) -> Iterator[str]:
    try:
        lines = [read_text(path).splitlines() for path in (theirs, ours)]
    except (OSError, ValueError) as error:
        yield str(error)
        return
    if lines[0] != lines[1]:
        other = next((line for line in lines[0] if line not in lines[1]), "fewer lines")
        yield f"{theirs.name}: says {shown(other)!r}, and what is stored is another"
