"""Zip archives: members read in memory, by exact name, under a size cap.

Nothing is extracted to disk, so a member's name can never become a path; a member is
read through a cap even when the directory states a small size, because that can lie.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from ptycho_compare.errors import ArchiveError

MAX_MEMBERS = 4096


@contextmanager
def open_zip(source: Path | IO[bytes], *, label: str, max_total_bytes: int) -> Iterator[zipfile.ZipFile]:
    """Open a zip whose directory passes inspection.

    Parameters
    ----------
    source : Path or binary file
        The archive.
    label : str
        What messages call it.
    max_total_bytes : int
        Largest sum of unpacked member sizes that is accepted.

    Raises
    ------
    ArchiveError
        No zip, truncated, too many members, a name that leaves the archive, or larger
        than the cap when unpacked.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            _inspect_directory(archive, label=label, max_total_bytes=max_total_bytes)
            yield archive
    except FileNotFoundError:
        raise ArchiveError(f"{label}: no such file") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        # RuntimeError and NotImplementedError: encryption and unknown compression
        raise ArchiveError(
            f"{label}: not a readable zip archive ({error}); write or copy the file again"
        ) from error


def read_member(archive: zipfile.ZipFile, name: str, *, label: str, max_bytes: int) -> bytes:
    """Read one member whole, never more than `max_bytes`."""
    try:
        info = archive.getinfo(name)
    except KeyError:
        raise ArchiveError(f"{label}: member '{name}' is missing") from None
    if info.file_size > max_bytes:
        raise ArchiveError(
            f"{label}: member '{name}' unpacks to {info.file_size} bytes; at most {max_bytes} are accepted"
        )
    with archive.open(info) as member:
        data = member.read(max_bytes + 1)
    if len(data) != info.file_size:
        raise ArchiveError(
            f"{label}: member '{name}' unpacks to another size than the {info.file_size} bytes it states"
        )
    return data


def _inspect_directory(archive: zipfile.ZipFile, *, label: str, max_total_bytes: int) -> None:
    members = archive.infolist()
    if len(members) > MAX_MEMBERS:
        raise ArchiveError(f"{label}: holds {len(members)} members; at most {MAX_MEMBERS} are accepted")
    for name in archive.namelist():
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name:
            raise ArchiveError(f"{label}: member '{name}' points outside the archive; refused")
    if len({info.filename for info in members}) != len(members):
        raise ArchiveError(f"{label}: two members share one name; refused")
    total = sum(info.file_size for info in members)
    if total > max_total_bytes:
        raise ArchiveError(f"{label}: unpacks to {total} bytes; at most {max_total_bytes} are accepted")
