"""Files that are exchanged while a result is made of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

Result = TypeVar("Result")


def replaced(path: Path) -> None:
    """Let another file of the same size take the name, as one that is written whole does."""
    other = path.with_suffix(".new")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    other.write_bytes(data)
    other.replace(path)


def restored(path: Path) -> None:
    """Write the same bytes anew."""
    other = path.with_suffix(".new")
    shutil.copyfile(path, other)
    other.replace(path)


EXCHANGES = {"other": replaced, "restored": restored, "gone": Path.unlink}


def exchanging(
    path: Path, exchange: Callable[[Path], None], function: Callable[..., Result], *, call: int = 1
) -> Callable[..., Result]:
    """Return a function before whose given call a file is exchanged."""
    calls = []

    def called(*values: object, **more: object) -> Result:
        calls.append(1)
        if len(calls) == call:
            exchange(path)
        return function(*values, **more)

    return called
