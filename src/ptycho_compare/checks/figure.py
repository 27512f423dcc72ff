"""A figure against the PNG format: it is whole."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from ptycho_compare.finding import Finding
from ptycho_compare.untrusted.regular import read_bytes

MAX_FIGURE_BYTES = 256 << 20
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def judge_figure(path: Path, made_by: str) -> Iterator[Finding]:
    """Follow the chunks of a PNG file to its end, and see that each has its checksum [1]_.

    References
    ----------
    .. [1] W3C, Portable Network Graphics (PNG) Specification, third edition, 5.3
    """
    try:
        content = read_bytes(path, max_bytes=MAX_FIGURE_BYTES)
    except OSError as error:
        yield Finding("missing", f"{path}: {error.strerror}; {made_by} draws it")
        return
    fault = _fault(content)
    if fault:
        yield Finding("changed", f"{path}: {fault}; {made_by} draws it again")


def _fault(content: bytes) -> str:
    if not content.startswith(_SIGNATURE):
        return "is no PNG file"
    start = len(_SIGNATURE)
    while start + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, start)
        kind, end = content[start + 4 : start + 8], start + 12 + length
        if end > len(content):
            break
        (stated,) = struct.unpack_from(">I", content, end - 4)
        if zlib.crc32(content[start + 4 : end - 4]) != stated:
            return f"its {kind.decode('ascii', 'replace')} chunk at byte {start} has another checksum"
        if kind == b"IEND":
            return "" if end == len(content) else f"{len(content) - end} bytes follow its end"
        start = end
    return f"breaks off after {len(content)} bytes"
