"""NPZ files, member by member, with pickled objects kept out.

An array's header is read and checked before its data. Object arrays are never
unpickled as numpy would do it: only plain text, numbers and containers come out.
"""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ArchiveError
from ptycho_compare.untrusted.archive import open_member, open_zip, read_member
from ptycho_compare.untrusted.npy import ArrayHeader, read_data, read_header, require_readable
from ptycho_compare.untrusted.pickles import load_plain

MAX_UNPACKED_BYTES = 1 << 40
MAX_OBJECT_BYTES = 16 << 20
"""Of all arrays of objects of a file together."""
MAX_OBJECT_ARRAYS = 16
MAX_PLAIN_VALUES = 100_000
# deflate turns zeros into a thousandth; numbers that were measured or computed shrink far less
BOMB_BYTES, BOMB_RATIO = 256 << 20, 500

__all__ = ["ArrayHeader", "NpzFile", "open_npz"]


class NpzFile:
    """An open NPZ archive; every array's header has been checked.

    Attributes
    ----------
    headers : dict of str to ArrayHeader
        By key, without the ``.npy`` ending.
    """

    def __init__(self, archive: zipfile.ZipFile, *, label: str) -> None:
        self._archive = archive
        self._label = label
        self.headers: dict[str, ArrayHeader] = {}
        self._object_arrays, self._object_bytes = 0, 0
        for info in archive.infolist():
            if not info.filename.endswith(".npy"):
                raise ArchiveError(f"{label}: member '{info.filename}' is not an array; this is no NPZ file")
            self.headers[info.filename[:-4]] = self._check(info)

    def __contains__(self, key: str) -> bool:
        return key in self.headers

    def array(self, key: str) -> NDArray[Any]:
        """Read a numeric or text array whole."""
        header = self._header(key)
        label = f"{self._label}: '{key}'"
        require_readable(header, label=label)
        with self.stream(key) as stream:
            return read_data(stream, header, label=label)

    def plain(self, key: str) -> Any:
        """Read an object or text array as plain Python data (text, numbers, containers)."""
        header = self._header(key)
        label = f"{self._label}: '{key}'"
        if header.dtype.hasobject:
            value = load_plain(self._object_data(key), label=label)
            return value.tolist() if isinstance(value, np.ndarray) else value
        if math.prod(max(side, 1) for side in header.shape) > MAX_PLAIN_VALUES:
            raise ArchiveError(
                f"{label} is an array of shape {header.shape}; needed: a text or a few numbers"
            )
        return self.array(key).tolist()

    def checksum(self, key: str) -> tuple[int, int]:
        """CRC-32 and bytes of an array with its header, as the archive states them: nothing is unpacked."""
        self._header(key)
        info = self._archive.getinfo(f"{key}.npy")
        return info.CRC, info.file_size

    @contextmanager
    def stream(self, key: str) -> Iterator[IO[bytes]]:
        """Open a numeric array's raw data, positioned behind the header."""
        if self._header(key).dtype.hasobject:
            raise ArchiveError(f"{self._label}: '{key}' holds pickled Python objects; it has no raw data")
        with open_member(self._archive, f"{key}.npy", label=self._label) as member:
            read_header(member)
            yield member

    def _header(self, key: str) -> ArrayHeader:
        try:
            return self.headers[key]
        except KeyError:
            found = ", ".join(sorted(self.headers)) or "nothing"
            raise ArchiveError(f"{self._label}: key '{key}' is missing; found: {found}") from None

    def _check(self, info: zipfile.ZipInfo) -> ArrayHeader:
        key = info.filename[:-4]
        try:
            with self._archive.open(info) as member:
                header = read_header(member)
                offset = member.tell()
        except Exception as error:  # numpy's parser lets TokenError, MemoryError and more through
            raise ArchiveError(f"{self._label}: '{key}' has no readable array header ({error})") from error
        if header.dtype.hasobject:
            self._count_objects(info)
            # even a key nobody reads is looked at: a file that carries code is not data
            load_plain(self._object_data(key), label=f"{self._label}: '{key}' holds pickled objects")
        elif header.nbytes != info.file_size - offset:
            raise ArchiveError(
                f"{self._label}: '{key}' states {header.nbytes} bytes of data "
                f"and holds {info.file_size - offset}"
            )
        elif info.file_size > BOMB_BYTES and info.file_size > BOMB_RATIO * info.compress_size:
            raise ArchiveError(
                f"{self._label}: '{key}' unpacks from {info.compress_size} to {info.file_size} bytes; "
                "images do not compress like that; refused"
            )
        return header

    def _count_objects(self, info: zipfile.ZipInfo) -> None:
        self._object_arrays += 1
        self._object_bytes += info.file_size
        if self._object_arrays > MAX_OBJECT_ARRAYS or self._object_bytes > MAX_OBJECT_BYTES:
            raise ArchiveError(
                f"{self._label}: holds more than {MAX_OBJECT_ARRAYS} arrays of objects, or more than "
                f"{MAX_OBJECT_BYTES} bytes of them; store plain numbers instead"
            )

    def _object_data(self, key: str) -> bytes:
        data = read_member(self._archive, f"{key}.npy", label=self._label, max_bytes=MAX_OBJECT_BYTES)
        stream = io.BytesIO(data)
        read_header(stream)
        return stream.read()


@contextmanager
def open_npz(path: Path, *, stream: IO[bytes] | None = None) -> Iterator[NpzFile]:
    """Open an NPZ file from outside.

    Parameters
    ----------
    path : Path
        The file, also in messages.
    stream : binary file or None
        Its unpacked content, when the file itself was packed.

    Raises
    ------
    ArchiveError
        Missing, damaged, or an array in it carries more than plain data.
    """
    with open_zip(
        path if stream is None else stream, label=str(path), max_total_bytes=MAX_UNPACKED_BYTES
    ) as archive:
        yield NpzFile(archive, label=str(path))
