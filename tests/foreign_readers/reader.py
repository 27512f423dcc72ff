"""One reader of bytes from outside, with a small whole file for it."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ptycho_compare.errors import InputError

Read = Callable[[Path], object]


@dataclass(frozen=True)
class Reader:
    """One reader of a file.

    Attributes
    ----------
    file : str
        What the file is called, below a folder of its own: some readers go by that.
    whole : callable
        Gives a file that it reads.
    own : tuple of exception types
        What it may raise; beside errors of this program, what its callers put into words.
    """

    file: str
    read: Read
    whole: Callable[[], bytes]
    own: tuple[type[Exception], ...] = (InputError,)

    def tried_on(self, path: Path) -> None:
        """Read; anything raised that is not its own goes on."""
        try:
            self.read(path)
        except self.own:
            return


def of_json(content: object) -> Callable[[], bytes]:
    """Give a value as JSON."""
    return lambda: json.dumps(content).encode()


def of_text(content: str) -> Callable[[], bytes]:
    """Give a text."""
    return content.encode


def of_numpy(save: Callable[..., Any], *arrays: Any, **named: Any) -> bytes:
    """Give what NumPy saves."""
    buffer = io.BytesIO()
    save(buffer, *arrays, **named)
    return buffer.getvalue()


def written(write: Callable[[Path], object], name: str = "whole") -> Callable[[], bytes]:
    """Give what a function writes into a file of this name."""

    def whole() -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder) / name)
            return (Path(folder) / name).read_bytes()

    return whole
