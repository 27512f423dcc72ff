"""HDF5 files: one dataset at a time, and nothing that leaves the file.

HDF5 can refer to other files (external links, external storage, virtual datasets) and can
ask for filter plug-ins from this machine. A dataset is reached by its full path, each link
on the way is looked at, and its storage is checked before a byte of it is read.

MATLAB 7.3 counts columns first, so an H x W array of its lies in the file as W x H. What is
read here has its last two axes as MATLAB shows them.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ArchiveError
from ptycho_compare.untrusted.bounds import shown
from ptycho_compare.untrusted.hdf5_inside import require_inside, walk
from ptycho_compare.untrusted.hdf5_survey import MAX_LOOKED_AT, require_sound

MAX_LISTED = 12
_LOCKED = frozenset((errno.EAGAIN, errno.EWOULDBLOCK, errno.ENOLCK, errno.ENOSYS))
MAX_ARRAY_BYTES = 4 << 30
MAX_ATTRIBUTE_BYTES = 1 << 20


@contextmanager
def open_hdf5(path: Path) -> Iterator[h5py.File]:
    """Open an HDF5 file from outside, for reading.

    Raises
    ------
    ArchiveError
        Missing, no HDF5, damaged, or harmful to the process that looks through it.
    """
    if not path.is_file():
        raise ArchiveError(f"{path}: no such file")
    require_sound(path, label=str(path))
    try:
        file = h5py.File(path, "r")
    except Exception as error:  # a damaged file makes the HDF5 library raise nearly anything
        raise ArchiveError(f"{path}: {_why_not_opened(error)}") from error
    with file:
        yield file


def _why_not_opened(error: Exception) -> str:
    """Say what to do; HDF5 locks a file that it opens, and refuses one that a writer has locked."""
    if isinstance(error, OSError) and error.errno in _LOCKED:
        return (
            "another program has it open for writing, or its file system has no locks; wait until it is "
            "closed, or set HDF5_USE_FILE_LOCKING=FALSE if nobody writes to it"
        )
    return f"not a readable HDF5 file ({type(error).__name__}: {error}); copy or write it again"


def find_dataset(file: h5py.File, path: str) -> h5py.Dataset | None:
    """Reach a dataset by its full path; None when nothing is there.

    Raises
    ------
    ArchiveError
        A link on the way leaves the file, links lead in a ring, the data are kept in another
        file or behind a filter that nothing here unpacks, or the file is damaged there.
    """
    try:
        dataset = walk(file, path)
        if dataset is not None:
            require_inside(dataset, label=str(file.filename))
            _ = dataset.shape  # a damaged one is met here, and not by whoever asks next
    except ArchiveError:
        raise
    except Exception as error:  # damage makes the HDF5 library raise nearly anything
        reason = " ".join(str(error).split())
        raise ArchiveError(
            f"{file.filename}: '{path}' cannot be read ({reason}); copy or write the file again"
        ) from error
    return dataset


def read_array(file: h5py.File, path: str, *, max_bytes: int = MAX_ARRAY_BYTES) -> NDArray[np.generic]:
    """Read a dataset of numbers whole.

    Returns
    -------
    ndarray
        MATLAB's pairs (real, imag) come out as complex numbers, its matrices as it shows them.

    Raises
    ------
    ArchiveError
        It is not there (the message lists what is), holds no numbers, or is too large.
    """
    dataset = find_dataset(file, path)
    if dataset is None:
        raise ArchiveError(f"{file.filename}: there is no dataset '{path}'; found: {listing(file)}")
    dtype = number_dtype(dataset)
    if dataset.shape is None or dtype is None:
        raise ArchiveError(f"{file.filename}: '{path}' holds no numbers; only numbers are read")
    if dataset.nbytes > max_bytes:
        raise ArchiveError(
            f"{file.filename}: '{path}' holds {dataset.nbytes} bytes; at most {max_bytes} are read at once"
        )
    try:
        values = np.asarray(dataset[()])
    except Exception as error:  # damaged chunks surface here
        raise ArchiveError(f"{file.filename}: '{path}' cannot be read ({error})") from error
    if values.dtype.names is not None:
        joined = np.empty(values.shape, dtype)
        joined.real, joined.imag = values["real"], values["imag"]  # a sum would spread infinities as NaN
        values = joined
    return np.swapaxes(values, -1, -2) if is_matlab(dataset) else values


def is_matlab(dataset: h5py.Dataset) -> bool:
    """True for an array of two axes or more that MATLAB wrote."""
    return dataset.ndim >= 2 and has_attribute(dataset, "MATLAB_class")


def shape_of(dataset: h5py.Dataset) -> tuple[int, ...]:
    """Shape that a dataset is read with; () where it has none."""
    shape: tuple[int, ...] = dataset.shape or ()
    return (*shape[:-2], shape[-1], shape[-2]) if is_matlab(dataset) else shape


def number_dtype(dataset: h5py.Dataset) -> np.dtype[np.generic] | None:
    """Type that a dataset's values are read as; None where it holds no numbers.

    A compound of two floats called real and imag is how MATLAB 7.3 stores complex numbers.
    """
    try:
        dtype = dataset.dtype
    except (TypeError, ValueError, RuntimeError):  # a type that numpy lacks, or a damaged one
        return None
    if dtype.names == ("real", "imag") and {dtype[0].kind, dtype[1].kind} == {"f"}:
        return np.result_type(dtype[0], dtype[1], np.complex64)
    return dtype if dtype.kind in "biufc" else None


def has_attribute(item: h5py.Group | h5py.Dataset, name: str) -> bool:
    """Say if there is an attribute of this name; raises ArchiveError where attributes are damaged.

    They say how an array is turned and what its unit is: none may be taken for absent.
    """
    try:
        return name in item.attrs
    except Exception as error:  # damage makes the HDF5 library raise nearly anything
        raise ArchiveError(
            f"{item.file.filename}: attributes of '{item.name}' cannot be read ({shown(error)}); copy or "
            "write the file again"
        ) from error


def read_attribute(dataset: h5py.Dataset, name: str) -> NDArray[np.generic] | None:
    """Read an attribute that holds numbers; None where there is none of this name."""
    try:
        held = dataset.attrs.get_id(name)
        if held.get_storage_size() > MAX_ATTRIBUTE_BYTES:
            return None
        return np.asarray(dataset.attrs[name]) if held.dtype.kind in "biuf" else None
    except Exception:  # KeyError when it is absent; a damaged one is as good as absent
        return None


def read_text_attribute(dataset: h5py.Dataset, *names: str) -> str:
    """Read the first of these attributes that is there, as one line; empty where none is.

    An attribute that is no text comes out as it would be printed; of several texts, all that differ.
    """
    name = next((each for each in names if has_attribute(dataset, each)), None)
    if name is None or dataset.attrs.get_id(name).get_storage_size() > MAX_ATTRIBUTE_BYTES:
        return ""
    values = np.atleast_1d(dataset.attrs[name]).ravel()[:MAX_LISTED]
    texts = [each.decode(errors="replace") if isinstance(each, bytes) else str(each) for each in values]
    return shown(" ".join(dict.fromkeys(texts)))


def datasets(file: h5py.File, *, at_most: int = MAX_LOOKED_AT) -> dict[str, h5py.Dataset]:
    """Return the first datasets of a file by their paths; nothing outside the file is touched.

    Raises
    ------
    ArchiveError
        The file is damaged.
    """
    found: dict[str, h5py.Dataset] = {}
    looked_at = 0

    def note(name: str | bytes, item: h5py.Group | h5py.Dataset) -> bool | None:
        nonlocal looked_at
        looked_at += 1
        if isinstance(item, h5py.Dataset):
            # bytes: a name that is no text
            found[name if isinstance(name, str) else name.decode(errors="replace")] = item
            _ = item.shape  # a damaged one is met here, and not by whoever asks next
        return True if len(found) >= at_most or looked_at >= MAX_LOOKED_AT else None

    try:
        file.visititems(note)  # hard links only
    except Exception as error:  # damaged object headers surface here
        raise ArchiveError(f"{file.filename}: its contents cannot be listed ({shown(error)})") from error
    return found


def listing(file: h5py.File) -> str:
    """Name the first datasets of a file with their shapes, for messages."""
    found = datasets(file, at_most=MAX_LISTED + 1)
    named = [f"{shown(name)} {dataset.shape}" for name, dataset in list(found.items())[:MAX_LISTED]]
    return (", ".join(named) or "no datasets") + (" ..." if len(found) > MAX_LISTED else "")
