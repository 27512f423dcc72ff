"""An HDF5 file looked through in a child: whatever its structure does to libhdf5, it does it there.

libhdf5 is written for files that it wrote itself; damaged or hostile ones make it crash, loop or take
memory. What is looked at here is what readers look at: links, object headers, attributes, texts, indexes of
chunks.
"""

from __future__ import annotations

import hashlib
import io
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import h5py

from ptycho_compare.errors import ArchiveError
from ptycho_compare.untrusted.in_child import why_not_survived

MAX_LOOKED_AT = 10_000
_MAX_ATTRIBUTES = 64
_MAX_ATTRIBUTE_BYTES = 64 << 10
_SURVIVED: set[str] = set()
"""Digests: a bundle is opened to be checked, to be run, and to be judged."""


def require_sound(source: Path | bytes, *, label: str) -> None:
    """Refuse, by an ArchiveError, an HDF5 file that harms the process which looks through it."""
    if isinstance(source, bytes):
        why = _why_bytes_unsound(source)
    else:
        now = source.stat()
        why = _why_unsound(source, now.st_size, now.st_mtime_ns, now.st_ino)
    if why:
        raise ArchiveError(f"{label}: the HDF5 file is damaged or hostile: it {why}; copy or write it again")


@lru_cache(maxsize=4096)  # a file is opened by several readers
def _why_unsound(path: Path, _size: int, _mtime_ns: int, _inode: int) -> str:
    return why_not_survived(lambda: _look_through(path))


def _why_bytes_unsound(data: bytes) -> str:
    key = hashlib.sha256(data).hexdigest()
    if key not in _SURVIVED and (why := why_not_survived(lambda: _look_through(io.BytesIO(data)))):
        return why
    _SURVIVED.add(key)
    return ""


def _look_through(source: Path | io.BytesIO) -> None:
    with h5py.File(source, "r") as file:
        looked_at = 0

        def note(_name: str | bytes, item: h5py.Group | h5py.Dataset) -> bool | None:
            nonlocal looked_at
            looked_at += 1
            with suppress(ValueError, TypeError, KeyError, OSError, RuntimeError):  # the readers say so
                _look_at(item)
            return True if looked_at >= MAX_LOOKED_AT else None

        with suppress(ValueError, TypeError, KeyError, OSError, RuntimeError):
            _look_at(file["/"])
        file.visititems(note)


def _look_at(item: h5py.Group | h5py.Dataset) -> None:
    for index in range(min(len(item.attrs), _MAX_ATTRIBUTES)):
        held = h5py.h5a.open(item.id, index=index)
        if held.get_storage_size() <= _MAX_ATTRIBUTE_BYTES:
            _ = item.attrs[held.name]
    if isinstance(item, h5py.Dataset):
        _ = item.shape, item.dtype, item.chunks, item.nbytes, item.external, item.is_virtual
        settings = item.id.get_create_plist()
        for index in range(settings.get_nfilters()):
            settings.get_filter(index)
        item.id.get_storage_size()  # goes through the index of chunks
        if item.shape == () and h5py.check_string_dtype(item.dtype) is not None:
            _ = item[()]  # a text of any length lies in a heap, which may be a ring
