"""The losses of a training, epoch by epoch: its table ``history.csv``, and the lines of its log."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ptycho_compare.errors import InputError
from ptycho_compare.records.tables.csv_cells import number, read_table
from ptycho_compare.storage.files import write_text_atomic

_COLUMNS = ("epoch", "loss", "val_loss", "seconds")
_NEEDED = _COLUMNS[:3]
_LINE = re.compile(r"^epoch (\d+)/\d+: loss (\S+), val_loss ([^,\s]+)", re.MULTILINE)


@dataclass(frozen=True)
class Epoch:
    """The results of one epoch.

    Attributes
    ----------
    epoch : int
        From 1.
    loss, val_loss : float
        Mean over the steps of the epoch, and over the held-out groups after it.
    seconds : float
        0 where a table does not tell.
    """

    epoch: int
    loss: float
    val_loss: float
    seconds: float = 0.0


def write_history(path: Path, epochs: Iterable[Epoch]) -> None:
    """Write the table."""
    buffer = io.StringIO()
    table = csv.writer(buffer, lineterminator="\n")
    table.writerow(_COLUMNS)
    for each in epochs:
        table.writerow((each.epoch, f"{each.loss:.9g}", f"{each.val_loss:.9g}", f"{each.seconds:.3f}"))
    write_text_atomic(path, buffer.getvalue())


def read_history(path: Path) -> list[Epoch]:
    """Read the table.

    Raises
    ------
    InputError
        The file is missing, a cell is no finite number, or epochs do not count from 1.
    """
    epochs: list[Epoch] = []
    for cells, place in read_table(path, needed=_NEEDED):
        found = [number(float, cells, column, place) for column in _NEEDED]
        epoch, loss, val_loss = (math.nan if each is None else each for each in found)
        if epoch != len(epochs) + 1:
            raise InputError(f"{place}: epoch is {cells['epoch']!r}; expected {len(epochs) + 1}")
        if not (math.isfinite(loss) and math.isfinite(val_loss)):
            raise InputError(f"{place}: loss {cells['loss']!r}, val_loss {cells['val_loss']!r}: not finite")
        epochs.append(Epoch(int(epoch), loss, val_loss, number(float, cells, "seconds", place) or 0.0))
    if not epochs:
        raise InputError(f"{path}: has no epoch")
    return epochs


def epoch_line(epoch: Epoch, of: int) -> str:
    """State an epoch of a training of at most so many, as its log does."""
    return (
        f"epoch {epoch.epoch}/{of}: loss {epoch.loss:.6g}, val_loss {epoch.val_loss:.6g}, "
        f"{epoch.seconds:.1f} s"
    )


def logged_epochs(log: str) -> dict[int, tuple[str, str]]:
    """Find the epochs in the text of a log: by number, loss and validation loss as they stand there."""
    return {int(epoch): (loss, val_loss) for epoch, loss, val_loss in _LINE.findall(log)}
