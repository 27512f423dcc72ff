"""The losses of a training, epoch by epoch, as its table tells them, and as its log does."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ptycho_compare.errors import InputError
from ptycho_compare.finding import Finding
from ptycho_compare.records.tables.csv_cells import number, read_table

_COLUMNS = ("epoch", "loss", "val_loss")
_LINE = re.compile(r"^epoch (\d+)/\d+: loss (\S+), val_loss ([^,\s]+)", re.MULTILINE)
_LOGGED = 1e-5
"""Relative; a log has six digits."""


@dataclass(frozen=True)
class EpochRow:
    """One epoch."""

    epoch: int
    loss: float
    val_loss: float


def read_history(path: Path) -> list[EpochRow]:
    """Read ``history.csv``.

    Raises
    ------
    InputError
        The file is missing, a cell is no finite number, or epochs do not count from 1.
    """
    rows: list[EpochRow] = []
    for cells, place in read_table(path, needed=_COLUMNS):
        found = [number(float, cells, column, place) for column in _COLUMNS]
        epoch, loss, val_loss = (math.nan if each is None else each for each in found)
        if epoch != len(rows) + 1:
            raise InputError(f"{place}: epoch is {cells['epoch']!r}; expected {len(rows) + 1}")
        if not (math.isfinite(loss) and math.isfinite(val_loss)):
            raise InputError(f"{place}: loss {cells['loss']!r}, val_loss {cells['val_loss']!r}: not finite")
        rows.append(EpochRow(int(epoch), loss, val_loss))
    if not rows:
        raise InputError(f"{path}: has no epoch")
    return rows


def judge_log(path: Path, rows: Sequence[EpochRow]) -> Iterator[Finding]:
    """Compare the lines of a training's log with its table."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        yield Finding("missing", f"{path}: {error.strerror}; phase E writes it")
        return
    told = {int(epoch): (loss, val_loss) for epoch, loss, val_loss in _LINE.findall(text)}
    if list(told) != [row.epoch for row in rows]:
        yield Finding("changed", f"{path}: tells of {len(told)} epochs, and the history has {len(rows)}")
        return
    for row in rows:
        pairs = zip(("loss", "val_loss"), told[row.epoch], (row.loss, row.val_loss), strict=True)
        for name, found, expected in pairs:
            if found != f"{expected:.6g}" and not _close(found, expected):
                yield Finding(
                    "changed",
                    f"{path}: epoch {row.epoch}: {name} is {found}, and the history says {expected:.6g}",
                )


def _close(text: str, expected: float) -> bool:
    try:
        return math.isclose(float(text), expected, rel_tol=_LOGGED)
    except ValueError:
        return False
