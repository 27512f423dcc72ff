"""Zip archives: members read in memory, by exact name, under a size cap.

Nothing is extracted to disk, so a member's name can never become a path; a member is
read through a cap even when the directory states a small size, because that can lie.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from ptycho_compare.errors import ArchiveError
from ptycho_compare.untrusted.regular import open_regular

MAX_MEMBERS = 4096

# Raised by zipfile for damaged directories and data. RuntimeError and NotImplementedError:
# encryption and unknown compression; ValueError: names that are no text, negative offsets
DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
    struct.error,
)


@contextmanager
def open_zip(source: Path | IO[bytes], *, label: str, max_total_bytes: int) -> Iterator[zipfile.ZipFile]:
    """Open a zip whose directory passes inspection.

    Parameters
    ----------
    source : Path or binary file
    label : str
        The archive's name in messages.
    max_total_bytes : int
        Largest sum of unpacked member sizes that is accepted.

    Raises
    ------
    ArchiveError
        No zip, truncated, too many members, a name that leaves the archive, or larger
        than the cap when unpacked.
    """
    with ExitStack() as stack:
        try:
            stream = stack.enter_context(open_regular(source)) if isinstance(source, Path) else source
            archive = stack.enter_context(zipfile.ZipFile(stream))
        except FileNotFoundError:
            raise ArchiveError(f"{label}: no such file") from None
        except (*DAMAGE, OSError) as error:
            raise _damaged(label, error) from error
        _inspect_directory(archive, label=label, max_total_bytes=max_total_bytes)
        yield archive


@contextmanager
def open_member(archive: zipfile.ZipFile, name: str, *, label: str) -> Iterator[IO[bytes]]:
    """Open one member; damage found while reading it is an ArchiveError as well."""
    try:
        member = archive.open(name)
    except KeyError:
        raise ArchiveError(f"{label}: member '{name}' is missing") from None
    except DAMAGE as error:
        raise _damaged(label, error) from error
    with member:
        try:
            yield member
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            # these only: what else the block raises is not the archive's fault
            raise _damaged(label, error) from error


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
    with open_member(archive, name, label=label) as member:
        data = member.read(max_bytes + 1)
    if len(data) != info.file_size:
        raise ArchiveError(
            f"{label}: member '{name}' unpacks to another size than the {info.file_size} bytes it states"
        )
    return data


def _damaged(label: str, error: Exception) -> ArchiveError:
    return ArchiveError(f"{label}: not a readable zip archive ({error}); write or copy the file again")


def _inspect_directory(archive: zipfile.ZipFile, *, label: str, max_total_bytes: int) -> None:
    members = archive.infolist()
    if len(members) > MAX_MEMBERS:
        raise ArchiveError(f"{label}: holds {len(members)} members; at most {MAX_MEMBERS} are accepted")
    for name in archive.namelist():
        path = PurePosixPath(name)
        if not name:
            raise ArchiveError(f"{label}: a member has no name; refused")
        if path.is_absolute() or ".." in path.parts or "\\" in name:
            raise ArchiveError(f"{label}: member {name!r} points outside the archive; refused")
        if path.name == "data.pkl":  # as torch.save and torch.jit.save write it
            raise ArchiveError(
                f"{label}: is a PyTorch file, which can run code where it is loaded, so none of it is read; "
                "export a network to ONNX (docs/own_networks.md), save an image as NPZ or NPY"
            )
    if len({info.filename for info in members}) != len(members):
        raise ArchiveError(f"{label}: two members share one name; refused")
    for info in members:
        # the decompressors of bzip2 and LZMA obey no output limit: kilobytes become gigabytes
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ArchiveError(f"{label}: member {info.filename!r} is neither stored nor deflated; refused")
    total = sum(info.file_size for info in members)
    if total > max_total_bytes:
        raise ArchiveError(f"{label}: unpacks to {total} bytes; at most {max_total_bytes} are accepted")
