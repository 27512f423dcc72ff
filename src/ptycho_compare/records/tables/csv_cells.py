"""Cells of our tables: numbers, texts and empty ones, written and read back."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ptycho_compare.errors import InputError
from ptycho_compare.storage.files import write_text_atomic
from ptycho_compare.untrusted.bounds import shown
from ptycho_compare.untrusted.regular import read_text, why_unreadable

_WHOLE = re.compile(r"-?[0-9]{1,18}")
_NUMBER = re.compile(r"-?([0-9]{1,40}(\.[0-9]{0,40})?([eE][+-]?[0-9]{1,3})?|inf|nan)")
Number = TypeVar("Number", int, float)

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Row = TypeVar("Row", bound=DataclassInstance)

LAST_PLACE = 1e-6
"""Of a written number. Two of them may be as far apart although their numbers are equal."""


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table as `table_text` has it, whole or not at all; a ValueError as there."""
    write_text_atomic(path, table_text(columns, rows))


def table_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table with Unix line ends; equal rows give equal texts.

    None is an empty cell, a float has six decimals, a text is one line whatever it holds.

    Raises
    ------
    ValueError
        A number is NaN; the message names the row's first two cells and the column.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(value, row, column) for value, column in zip(row, columns, strict=True)])
    return buffer.getvalue()


def read_table(path: Path, *, needed: Sequence[str]) -> Iterator[tuple[Mapping[str, str], str]]:
    """Yield the rows of a table by column, and where each stands.

    Raises
    ------
    InputError
        The file is missing, or has not the needed columns.
    """
    try:
        text = read_text(path)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a readable table ({why_unreadable(error)})") from error
    table = csv.reader(io.StringIO(text, newline=""))  # a DictReader takes twice as long
    try:
        found = tuple(next(table, ()))
        if not set(needed) <= set(found):
            raise InputError(
                f"{path}: columns {shown(', '.join(found)) or 'none'}; needed: {', '.join(needed)}"
            )
        empty = dict.fromkeys(found, "")
        for cells in table:
            place = f"{path}:{table.line_num}"
            if len(cells) > len(found):
                raise InputError(f"{place}: has more than {len(found)} cells")
            if cells:
                held = dict(zip(found, cells, strict=False))
                yield held if len(cells) == len(found) else empty | held, place
    except csv.Error as error:  # a cell of more than 128 KiB, among others
        raise InputError(f"{path}:{table.line_num}: not a readable table ({error})") from None


def number(kind: Callable[[str], Number], cells: Mapping[str, str], column: str, place: str) -> Number | None:
    """Read a number; None for an empty cell or a column that is not there.

    Raises
    ------
    InputError
        The cell holds something else.
    """
    text = cells.get(column, "")
    if not text:
        return None
    # Python also takes 0_5, figures of other scripts and blanks for numbers; no writer of ours has them
    if not (_WHOLE if kind is int else _NUMBER).fullmatch(text):
        raise InputError(f"{place}: {column} is '{shown(text)}', which is no number")
    return kind(text)


def finite(value: float | None) -> float | None:
    """Return a number, or None for one that JSON cannot hold: NaN, or a PSNR of equal images."""
    return value if value is not None and math.isfinite(value) else None


def or_empty(value: float) -> float | None:
    """Return a number, or None, an empty cell, for NaN."""
    return None if math.isnan(value) else float(value)


def _cell(value: Any, row: Sequence[object], column: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        if math.isnan(value):
            raise ValueError(f"{row[0]}, {row[1]}: {column} is NaN, which is never written as a result")
        return _written(value)
    return " ".join(str(value).split())


def _written(value: float) -> str:
    return f"{value:z.6f}"


def as_read_back(row: Row) -> Row:
    """Return a row with its numbers as whoever reads its table finds them."""
    numbers = ((each.name, getattr(row, each.name)) for each in fields(row))
    return replace(row, **{name: float(_written(one)) for name, one in numbers if isinstance(one, float)})
