"""Files packed by bzip2, unpacked into an unnamed file under a size cap."""

from __future__ import annotations

import bz2
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ptycho_compare.errors import ArchiveError

BZIP2_MAGIC = b"BZh"
MAX_UNPACKED_BYTES = 64 << 30
MAX_RATIO = 2000
"""How many times its packed size a file may unpack to. Counts that are nearly all 0 reach hundreds."""
_SMALL_BYTES = 64 << 20
_BLOCK_BYTES = 1 << 20


@contextmanager
def unpack_bzip2(path: Path, *, folder: Path | None) -> Iterator[IO[bytes]]:
    """Unpack a file from outside; the unpacked file is gone when the block ends.

    It lies in `folder`, None for the system's default, and comes positioned at its beginning.

    Raises
    ------
    ArchiveError
        Damaged, cut short, or larger than the cap when unpacked: 64 GiB, and 2000 times the packed size
        (but at least 64 MiB).
    """
    cap = min(MAX_UNPACKED_BYTES, max(MAX_RATIO * path.stat().st_size, _SMALL_BYTES))
    with tempfile.TemporaryFile(dir=folder) as unpacked:
        with bz2.open(path, "rb") as packed:
            while data := _next(packed, path):
                if unpacked.tell() + len(data) > cap:
                    raise ArchiveError(f"{path}: unpacks to more than {cap} bytes, which is no scan; refused")
                unpacked.write(data)
        unpacked.seek(0)
        yield unpacked


def _next(packed: IO[bytes], path: Path) -> bytes:
    try:
        return packed.read(_BLOCK_BYTES)
    except (OSError, EOFError) as error:
        raise ArchiveError(f"{path}: not readable as bzip2 ({error}); copy or write it again") from error
