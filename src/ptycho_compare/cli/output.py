"""Standard output and standard error of our commands: whoever stops reading stops nothing.

``ptycho-hub run | head`` goes on to its end, and its exit status is its own. Names of files that are no text
and characters that would steer the terminal are shown by their codes.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TextIO, cast

from ptycho_compare.printable import printable

if TYPE_CHECKING:
    from ptycho_compare.reporting.scoreboard import Board


def running_with_quiet_pipes(main: Callable[[], int]) -> int:
    """Run a program so that it does not notice that its reader is gone; returns its exit status."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _quiet(sys.stdout, sys.__stdout__), _quiet(sys.stderr, sys.__stderr__)
    try:
        return main()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        sys.stdout, sys.stderr = before


class _UntilClosed(io.FileIO):
    """A descriptor to which everything can be written, also when nobody reads it any more."""

    def write(self, data: object, /) -> int:
        """Write, or drop what nobody reads."""
        try:
            return super().write(data)  # type: ignore[arg-type]
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())
            return len(memoryview(data))  # type: ignore[arg-type]


class _Plain:
    """A stream to which every name of a file can be written: the one place that prints."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @property
    def beneath(self) -> TextIO:
        """The stream itself."""
        return self._stream

    def write(self, text: str) -> int:
        """Write a text that steers no terminal, whatever names and records it quotes."""
        return self._stream.write(printable(text))


def show(board: Board) -> None:
    """Print a scoreboard to standard error: in colour where that is a terminal, and as wide."""
    from ptycho_compare.reporting.scoreboard import rendered, width_of

    stream = beneath(sys.stderr)
    colour = stream.isatty() and "NO_COLOR" not in os.environ
    for line in rendered(board, width=width_of(stream), colour=colour):
        print(line, file=stream)


def beneath(stream: TextIO) -> TextIO:
    """Return the stream for what steers the terminal itself; foreign texts go there by `one_line` alone."""
    return stream.beneath if isinstance(stream, _Plain) else stream


def _quiet(stream: TextIO | None, own: TextIO | None) -> TextIO:
    """Return such a stream in place of the process's own; of another only what is written changes."""
    if stream is None:  # the process has none
        return io.StringIO()
    if stream is own and isinstance(stream, io.TextIOWrapper):
        stream.flush()
        raw = io.BufferedWriter(_UntilClosed(stream.fileno(), "wb", closefd=False))
        lines = stream.line_buffering or stream is sys.__stderr__
        stream = io.TextIOWrapper(
            raw, encoding=stream.encoding, errors="backslashreplace", line_buffering=lines
        )
    return cast("TextIO", _Plain(stream))
