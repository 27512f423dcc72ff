"""The log of a training against its table."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from ptycho_compare.finding import Finding
from ptycho_compare.records.training_history import Epoch, logged_epochs
from ptycho_compare.untrusted.regular import read_log

_LOGGED = 1e-5
"""Relative; a log has six digits."""


def judge_log(path: Path, epochs: Sequence[Epoch]) -> Iterator[Finding]:
    """Compare the lines of a training's log with its table."""
    try:
        text = read_log(path)
    except OSError as error:
        yield Finding("missing", f"{path}: {error.strerror}; phase E writes it")
        return
    logged = logged_epochs(text)
    if list(logged) != [each.epoch for each in epochs]:
        yield Finding("changed", f"{path}: tells of {len(logged)} epochs, and the history has {len(epochs)}")
        return
    for each in epochs:
        pairs = zip(("loss", "val_loss"), logged[each.epoch], (each.loss, each.val_loss), strict=True)
        for name, found, expected in pairs:
            if found != f"{expected:.6g}" and not _close(found, expected):
                yield Finding(
                    "changed",
                    f"{path}: epoch {each.epoch}: {name} is {found}, and the history says {expected:.6g}",
                )


def _close(text: str, expected: float) -> bool:
    try:
        return math.isclose(float(text), expected, rel_tol=_LOGGED)
    except ValueError:
        return False
