"""Records, texts and tables from outside: regular files only, of bounded size, never waited for.

Opening a pipe waits for whoever writes to it, a device gives bytes without end, and a sparse file of some
gigabytes takes no room on a disk. What comes out of here is a file's whole content, or an OSError that says
what was found in its place.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import tomllib
from io import BufferedReader
from pathlib import Path
from typing import Any

from ptycho_compare.untrusted.bounds import shown, why_unbounded

MAX_RECORD_BYTES = 64 << 20
MAX_TEXT_BYTES = 256 << 20
MAX_HOLE_BYTES = 1 << 30
_MOST_HOLES = 100
_MAX_JSON_VALUES = 10_000_000
_MOST_DOTS = 1000
"""In a line of TOML: the time that tomllib takes grows with the square of a key's parts."""
_BYTE_ORDER_MARK = "\ufeff"
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)


def open_regular(path: Path, *, max_bytes: int | None = None) -> BufferedReader:
    """Open a regular file for reading.

    Raises
    ------
    OSError
        It is not there, is something else, or holds more than `max_bytes`.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            kind = next((name for is_kind, name in _KINDS if is_kind(found.st_mode)), "something else")
            raise OSError(errno.EINVAL, f"is {kind}; a regular file is needed", str(path))
        if max_bytes is not None and found.st_size > max_bytes:
            text = f"holds {found.st_size} bytes; at most {max_bytes} are read"
            raise OSError(errno.EFBIG, text, str(path))
        if found.st_size > MAX_HOLE_BYTES and _has_large_hole(descriptor, found.st_size):
            text = f"holds {found.st_size} bytes, of which more than {MAX_HOLE_BYTES} were never written"
            raise OSError(errno.EFBIG, text, str(path))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def _has_large_hole(descriptor: int, size: int) -> bool:
    """Look for a hole that nobody left who wrote results; file systems that tell of none have none."""
    data = 0
    for _ in range(_MOST_HOLES):
        hole = _seek(descriptor, data, os.SEEK_HOLE, size)
        if hole >= size:
            break
        data = _seek(descriptor, hole, os.SEEK_DATA, size)
        if data - hole > MAX_HOLE_BYTES:
            return True
    os.lseek(descriptor, 0, os.SEEK_SET)
    return False


def _seek(descriptor: int, start: int, kind: int, size: int) -> int:
    try:
        return os.lseek(descriptor, start, kind)
    except OSError:  # nothing but a hole is left, or the file system tells of none
        return size


def read_bytes(path: Path, *, max_bytes: int = MAX_RECORD_BYTES) -> bytes:
    """Read a regular file whole; OSError as `open_regular`."""
    with open_regular(path, max_bytes=max_bytes) as stream:
        return stream.read(max_bytes)


def read_text(path: Path, *, max_bytes: int = MAX_RECORD_BYTES) -> str:
    """Read UTF-8 text as it stands, line ends too.

    Raises
    ------
    OSError
        As `open_regular`.
    ValueError
        It is not UTF-8, or begins with a byte order mark.
    """
    try:
        text = read_bytes(path, max_bytes=max_bytes).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8 text (byte {error.start})") from None
    if text.startswith(_BYTE_ORDER_MARK):
        raise ValueError("begins with a byte order mark; save it as plain UTF-8")
    return text


def read_log(path: Path) -> str:
    """Read a text that anything may have written to, with marks in place of what is no UTF-8."""
    return read_bytes(path, max_bytes=MAX_TEXT_BYTES).decode("utf-8", errors="replace")


def load_json(text: str | bytes) -> Any:
    """Read JSON that is not nested too deep and holds no number that could not be shown.

    Raises
    ------
    ValueError
        It is none; one line says why.
    """
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    if why := why_unbounded(value, max_values=_MAX_JSON_VALUES):
        raise ValueError(why)
    return value


def load_toml(text: str) -> dict[str, Any]:
    """Read TOML under the bounds of `load_json`, and on which no key of thousands of parts is waited for.

    Raises
    ------
    ValueError
        It is none; one line says why.
    """
    for number, line in enumerate(text.split("\n"), start=1):
        if line.count(".") > _MOST_DOTS:
            raise ValueError(f"line {number} holds more than {_MOST_DOTS} dots")
    try:
        values = tomllib.loads(text)
    except RecursionError:
        raise ValueError("is nested too deep; there are sections of sections, and no more") from None
    except ValueError as error:  # TOMLDecodeError, and what Python says of a number of thousands of digits
        raise ValueError(f"is not TOML: {shown(error, at_most=200)}") from None
    if why := why_unbounded(values):
        raise ValueError(why)
    return values


def read_json(path: Path, *, max_bytes: int = MAX_RECORD_BYTES) -> Any:
    """Read a JSON file; OSError and ValueError as `read_text` and `load_json`."""
    return load_json(read_text(path, max_bytes=max_bytes))


def why_unreadable(error: OSError | ValueError) -> str:
    """Say in one line why one of these readers refused, without the file's name."""
    text = error.strerror or str(error) if isinstance(error, OSError) else str(error)
    return " ".join(text.split())[:300]
