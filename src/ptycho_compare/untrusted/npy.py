"""Arrays in NumPy's own format: the header is read and checked before any of the data.

NPZ members and NPY files share this reader. Pickled objects are never read here.
"""

from __future__ import annotations

import io
import math
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from ptycho_compare.errors import ArchiveError
from ptycho_compare.untrusted.regular import open_regular

MAX_ARRAY_BYTES = 4 << 30
MAX_HEADER_BYTES = 10_000  # numpy's own limit
MAX_AXES = 32
MAX_TEXT_BYTES = 16 << 20
_BLOCK_BYTES = 16 << 20

_HEADER_LENGTHS = {(1, 0): "<H", (2, 0): "<I"}


@dataclass(frozen=True)
class ArrayHeader:
    """The header of an array whose data were not read yet."""

    shape: tuple[int, ...]
    fortran_order: bool
    dtype: np.dtype[Any]

    @property
    def nbytes(self) -> int:
        """Size of the data, bytes."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_header(stream: IO[bytes]) -> ArrayHeader:
    """Read a header; the stream then stands at the data.

    Raises
    ------
    Exception
        Of many kinds, numpy's parser lets most through: the caller says which file it was.
    """
    version = npy.read_magic(stream)
    if version not in _HEADER_LENGTHS:
        raise ValueError(f"array format {version} is not supported")
    # the length first: numpy reads whatever a header states, up to 4 GiB, before it objects
    field = stream.read(struct.calcsize(_HEADER_LENGTHS[version]))
    (length,) = struct.unpack(_HEADER_LENGTHS[version], field)
    if length > MAX_HEADER_BYTES:
        raise ValueError(f"a header of {length} bytes; at most {MAX_HEADER_BYTES} are accepted")
    header = io.BytesIO(field + stream.read(length))
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    shape, fortran_order, dtype = readers[version](header)
    if any(type(side) is not int or side < 0 for side in shape) or len(shape) > MAX_AXES:
        raise ValueError(f"the shape {shape!r:.80}")
    # an empty array counts too: numpy multiplies the other sides
    if math.prod(max(side, 1) for side in shape) * max(dtype.itemsize, 1) > sys.maxsize:
        raise ValueError(f"the shape {shape!r:.80}")
    if dtype.kind in "SU" and dtype.itemsize > MAX_TEXT_BYTES:
        raise ValueError(f"texts of {dtype.itemsize} bytes; at most {MAX_TEXT_BYTES} are accepted")
    if dtype.kind not in "biufcSUO" or (dtype.itemsize == 0 and math.prod(shape) > 0):
        raise ValueError(f"the dtype {dtype}; plain numbers and text are accepted")
    return ArrayHeader(shape, fortran_order, dtype)


def require_readable(header: ArrayHeader, *, label: str) -> None:
    """Refuse, by an ArchiveError, an array of objects and one that is too large to be read at once."""
    if header.dtype.hasobject:
        raise ArchiveError(f"{label} holds pickled Python objects; store plain numbers instead")
    if header.nbytes > MAX_ARRAY_BYTES:
        raise ArchiveError(f"{label} holds {header.nbytes} bytes; at most {MAX_ARRAY_BYTES} are read at once")


def read_data(stream: IO[bytes], header: ArrayHeader, *, label: str) -> NDArray[Any]:
    """Read the data of a numeric or text array, from a stream that stands behind the header.

    Raises
    ------
    ArchiveError
        It holds less than the header states.
    """
    data = bytearray()  # the caller may write to its array; what is stated and not there takes no memory
    while len(data) < header.nbytes and (block := stream.read(min(_BLOCK_BYTES, header.nbytes - len(data)))):
        data += block
    if len(data) != header.nbytes:
        raise ArchiveError(f"{label} states {header.nbytes} bytes of data and holds {len(data)}")
    if not data:  # numpy makes none of text without width
        return np.empty(header.shape, header.dtype)
    values: NDArray[Any] = np.frombuffer(data, dtype=header.dtype)
    return values.reshape(header.shape, order="F" if header.fortran_order else "C")


class NpyFile:
    """An open NPY file whose header has been checked.

    Attributes
    ----------
    header : ArrayHeader
    """

    def __init__(self, stream: IO[bytes], *, label: str) -> None:
        self._stream, self._label = stream, label
        try:
            self.header = read_header(stream)
        except Exception as error:  # numpy's parser lets TokenError, MemoryError and more through
            raise ArchiveError(f"{label} has no readable array header ({error})") from error
        self._start = stream.tell()

    def array(self) -> NDArray[Any]:
        """Read the array whole."""
        require_readable(self.header, label=self._label)
        self._stream.seek(self._start)
        return read_data(self._stream, self.header, label=self._label)


@contextmanager
def open_npy(path: Path) -> Iterator[NpyFile]:
    """Open an NPY file from outside.

    Raises
    ------
    ArchiveError
        Missing, or its header is damaged.
    """
    if not path.is_file():
        raise ArchiveError(f"{path}: no such file")
    with open_regular(path) as stream:
        yield NpyFile(stream, label=f"{path}: the array")
