"""Files that hold images: NPZ, NPY and HDF5 behind one small face.

A file's kind shows in its first bytes, not in its name: MATLAB 7.3 files and CXI are HDF5.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import h5py
import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ReadyMadeError
from ptycho_compare.untrusted.hdf5 import (
    datasets,
    find_dataset,
    number_dtype,
    open_hdf5,
    read_array,
    read_attribute,
    shape_of,
)
from ptycho_compare.untrusted.npy import NpyFile, open_npy
from ptycho_compare.untrusted.npz import NpzFile, open_npz

THE_ARRAY = ""
"""The key of an NPY file's only array."""


@dataclass(frozen=True)
class ArrayKind:
    """Shape and number type of an array that was not read yet."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class ImageFile(Protocol):
    """An open file of named arrays.

    Keys are an NPZ file's keys, or the paths of HDF5 datasets with or without the leading
    slash; ``dataset@name`` is an attribute that lies on a dataset.
    """

    def arrays(self) -> Mapping[str, ArrayKind]:
        """Every array of numbers, by key."""

    def __contains__(self, key: str) -> bool: ...

    def array(self, key: str) -> NDArray[Any]:
        """Read an array; an InputError that names what there is where it cannot be read."""

    def plain(self, key: str) -> Any:
        """Read plain Python data (numbers, texts, containers); None where there are none."""


@contextmanager
def open_image_file(path: Path) -> Iterator[ImageFile]:
    """Open a file of arrays from outside.

    Raises
    ------
    ReadyMadeError
        Missing, or none of the three kinds.
    ArchiveError
        Damaged or hostile.
    """
    if not path.is_file():
        raise ReadyMadeError(f"{path}: no such file")
    with path.open("rb") as stream:
        start = stream.read(8)
    if start.startswith(b"PK"):
        with open_npz(path) as archive:
            yield _Npz(archive)
    elif start.startswith(b"\x93NUMPY"):
        with open_npy(path) as array:
            yield _Npy(array, path)
    elif h5py.is_hdf5(path):
        with open_hdf5(path) as file:
            yield _Hdf5(file)
    else:
        old = " (a MATLAB file before 7.3: save it with -v7.3)" if start == b"MATLAB 5" else ""
        raise ReadyMadeError(f"{path}: neither NPZ, NPY nor HDF5{old}; write the image in one of these")


class _Npz:
    def __init__(self, archive: NpzFile) -> None:
        self._archive = archive

    def arrays(self) -> Mapping[str, ArrayKind]:
        headers = self._archive.headers.items()
        return {key: ArrayKind(h.shape, h.dtype) for key, h in headers if h.dtype.kind in "biufc"}

    def __contains__(self, key: str) -> bool:
        # PtychoPINN stores what is absent as an array of the object None
        return key in self._archive and not self._archive.headers[key].dtype.hasobject

    def array(self, key: str) -> NDArray[Any]:
        return self._archive.array(key)

    def plain(self, key: str) -> Any:
        return self._archive.plain(key) if key in self._archive else None


class _Npy:
    def __init__(self, file: NpyFile, path: Path) -> None:
        self._file, self._path = file, path

    def arrays(self) -> Mapping[str, ArrayKind]:
        return {THE_ARRAY: ArrayKind(self._file.header.shape, self._file.header.dtype)}

    def __contains__(self, key: str) -> bool:
        return key == THE_ARRAY

    def array(self, key: str) -> NDArray[Any]:
        if key != THE_ARRAY:
            raise ReadyMadeError(
                f"{self._path}: an NPY file holds one array without a key; leave out '{key}'"
            )
        return self._file.array()

    def plain(self, key: str) -> Any:  # noqa: ARG002
        return None  # an array and nothing beside it


class _Hdf5:
    def __init__(self, file: h5py.File) -> None:
        self._file = file

    def arrays(self) -> Mapping[str, ArrayKind]:
        found = {}
        for name, dataset in datasets(self._file).items():
            dtype = number_dtype(dataset)
            if dtype is not None and dataset.shape is not None:
                found[name] = ArrayKind(shape_of(dataset), dtype)
        return found

    def __contains__(self, key: str) -> bool:
        path, _, attribute = key.partition("@")
        dataset = find_dataset(self._file, path)
        return dataset is not None and (not attribute or read_attribute(dataset, attribute) is not None)

    def array(self, key: str) -> NDArray[Any]:
        path, _, attribute = key.partition("@")
        dataset = find_dataset(self._file, path)
        if attribute and dataset is not None:
            value = read_attribute(dataset, attribute)
            if value is None:
                raise ReadyMadeError(f"{self._file.filename}: '{path}' has no attribute '{attribute}'")
            return value
        return read_array(self._file, path)

    def plain(self, key: str) -> Any:
        dataset = find_dataset(self._file, key)
        if dataset is None or number_dtype(dataset) is None:
            return None  # texts and objects of HDF5 say nothing that is used here
        return self.array(key).tolist()
