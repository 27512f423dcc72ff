"""A scan's file opened by its first bytes, whatever it is called: the one way of readers and judges."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import h5py

from ptycho_compare.errors import ArchiveError
from ptycho_compare.scan.formats.hdf5_container import Hdf5Container
from ptycho_compare.scan.formats.npz_container import NpzContainer
from ptycho_compare.untrusted.bzip2 import BZIP2_MAGIC, unpack_bzip2
from ptycho_compare.untrusted.hdf5 import open_hdf5
from ptycho_compare.untrusted.npz import open_npz
from ptycho_compare.untrusted.regular import open_regular

_ZIP_MAGIC = b"PK"


@contextmanager
def open_container(path: Path, *, spool_folder: Path | None = None) -> Iterator[NpzContainer | Hdf5Container]:
    """Open an NPZ file, as it is or packed by bzip2, or an HDF5 file; images go through `spool_folder`.

    Raises
    ------
    ArchiveError
        Missing, neither of them, or damaged.
    """
    magic = _first_bytes(path)
    with ExitStack() as stack:
        if magic.startswith((_ZIP_MAGIC, BZIP2_MAGIC)):
            stream = None
            if magic.startswith(BZIP2_MAGIC):
                stream = stack.enter_context(unpack_bzip2(path, folder=spool_folder))
            archive = stack.enter_context(open_npz(path, stream=stream))
            yield NpzContainer(archive, label=str(path), spool_folder=spool_folder)
        elif h5py.is_hdf5(path):
            yield Hdf5Container(stack.enter_context(open_hdf5(path)))
        else:
            raise ArchiveError(
                f"{path}: neither NPZ nor HDF5, it begins with {magic!r}; copy or write the file again"
            )


def _first_bytes(path: Path) -> bytes:
    try:
        with open_regular(path) as stream:
            return stream.read(8)
    except FileNotFoundError:
        raise ArchiveError(f"{path}: no such file") from None
    except OSError as error:
        raise ArchiveError(f"{path}: cannot be read ({error.strerror})") from error
