"""An HDF5 file as a container of named arrays; its images are read where they lie, chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ArchiveError, InputError, ScanError
from ptycho_compare.scan.formats.contents import Images
from ptycho_compare.scan.formats.stored_images import StoredImages
from ptycho_compare.untrusted.hdf5 import (
    datasets,
    find_dataset,
    is_matlab,
    listing,
    number_dtype,
    read_array,
    read_text_attribute,
    shape_of,
)
from ptycho_compare.untrusted.npy import ArrayHeader

MAX_TEXT_BYTES = 16 << 20


class Hdf5Container:
    """An open HDF5 file; its images are read where they lie, so it must stay open."""

    def __init__(self, file: h5py.File) -> None:
        self._file = file
        self.label = str(file.filename)
        self.roles: dict[str, str] = {}

    def __contains__(self, key: str) -> bool:
        return find_dataset(self._file, key) is not None

    def array(self, key: str) -> NDArray[Any]:
        """Read an array of numbers whole."""
        with self._damage(key):
            return read_array(self._file, key)

    def in_order(self, key: str) -> NDArray[Any]:
        """Read an array of numbers with its axes as the file has them."""
        with self._damage(key):
            values = read_array(self._file, key)
            return np.swapaxes(values, -1, -2) if is_matlab(self._dataset(key)) else values

    def shape(self, key: str) -> tuple[int, ...]:
        """Shape of a dataset."""
        with self._damage(key):
            return shape_of(self._dataset(key))

    def text(self, key: str) -> Any:
        """Read one text."""
        with self._damage(key):
            dataset = self._dataset(key)
            if h5py.check_string_dtype(dataset.dtype) is None or dataset.shape != ():
                raise ScanError(
                    f"{self.label}: '{key}' is {dataset.dtype} of shape {dataset.shape}; needed: text"
                )
            if dataset.id.get_storage_size() > MAX_TEXT_BYTES:
                raise ScanError(f"{self.label}: '{key}' is a text of more than {MAX_TEXT_BYTES >> 20} MiB")
            return dataset.asstr()[()]

    def unit(self, key: str) -> str:
        """Return the attribute ``units`` of a dataset, as NeXus and CXI files have it, or ``unit``."""
        with self._damage(key):
            return read_text_attribute(self._dataset(key), "units", "unit")

    def images(self, key: str, *, count: int, side: int | None) -> Images:
        """Open the images; none is read yet."""
        with self._damage(key):
            return StoredImages(self._dataset(key), label=f"{self.label}: '{key}'", count=count, side=side)

    @property
    def headers(self) -> Mapping[str, ArrayHeader]:
        """Shape and type of every dataset, none of which is read; what holds no numbers is an object."""
        with self._damage("/"):
            return {
                name: ArrayHeader(shape_of(each), False, number_dtype(each) or np.dtype(object))
                for name, each in datasets(self._file).items()
            }

    def checksum(self, key: str) -> tuple[int, int] | None:  # noqa: ARG002
        """Return None: an HDF5 file states none."""
        return None

    def listing(self) -> str:
        """Name the first datasets."""
        with self._damage("/"):
            return " ".join(listing(self._file).split())  # a name may hold line ends

    @contextmanager
    def _damage(self, key: str) -> Iterator[None]:
        """Turn what the HDF5 library raises over a damaged file, nearly anything, into one line."""
        try:
            yield
        except InputError:
            raise
        except Exception as error:
            reason = " ".join(str(error).split())
            raise ArchiveError(
                f"{self.label}: '{key}' cannot be read ({reason}); copy or write the file again"
            ) from error

    def _dataset(self, key: str) -> h5py.Dataset:
        dataset = find_dataset(self._file, key)
        if dataset is None:
            raise ScanError(f"{self.label}: '{key}' is missing; found: {self.listing()}")
        return dataset
