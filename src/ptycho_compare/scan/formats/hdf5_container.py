"""An HDF5 file as a container of named arrays; its images are read where they lie, chunk by chunk."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ArchiveError, InputError, ScanError
from ptycho_compare.scan.formats.contents import BLOCK_BYTES, Images
from ptycho_compare.untrusted.hdf5 import find_dataset, listing, read_array

MAX_TEXT_BYTES = 16 << 20
MAX_CHUNK_BYTES = 256 << 20
MAX_SIDE_PX = 8192  # one image is read whole, and a file of a few bytes can state any size


class Hdf5Container:
    """An open HDF5 file; its images are read where they lie, so it must stay open."""

    def __init__(self, file: h5py.File) -> None:
        self._file = file
        self.label = str(file.filename)

    def __contains__(self, key: str) -> bool:
        return find_dataset(self._file, key) is not None

    def array(self, key: str) -> NDArray[Any]:
        """Read an array of numbers whole."""
        with self._damage(key):
            return read_array(self._file, key)

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

    def images(self, key: str, *, count: int, side: int | None) -> Images:
        """Open the images; none is read yet."""
        with self._damage(key):
            return StoredImages(self._dataset(key), label=f"{self.label}: '{key}'", count=count, side=side)

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


class StoredImages:
    """Random access to n images of N x N numbers in an HDF5 dataset.

    Parameters
    ----------
    dataset : h5py.Dataset
        (n, N, N), with axes of length 1 before the first or one behind the last allowed. Its
        file stays open as long as this is used.
    label : str
        File and key.
    count : int
        n, the number of positions.
    side : int or None
        N of the probe, px; None without a probe.

    Raises
    ------
    ScanError
        Shape, positions and probe do not fit, images are not square, the dataset holds no real
        numbers or is stored in chunks too large to be unpacked one at a time.
    """

    def __init__(self, dataset: h5py.Dataset, *, label: str, count: int, side: int | None) -> None:
        self._dataset = dataset
        self._label = label
        self.dtype: np.dtype[Any] = dataset.dtype
        if self.dtype.kind not in "iuf":
            raise ScanError(f"{label} is {self.dtype}; amplitudes are real floats, counts integers")
        self.count, self.side, self._lead = _layout(dataset, label=label, count=count, side=side)
        chunk = dataset.chunks or (1,) * len(dataset.shape)
        nbytes = math.prod(chunk) * self.dtype.itemsize
        if nbytes > MAX_CHUNK_BYTES:
            raise ScanError(
                f"{label} is stored in chunks of {chunk}, {nbytes >> 20} MiB each; "
                f"write it with chunks below {MAX_CHUNK_BYTES >> 20} MiB (h5repack)"
            )
        self._chunk_images = chunk[self._lead]
        self._per_block = max(1, BLOCK_BYTES // (self.side * self.side * self.dtype.itemsize))

    def blocks(self) -> Iterator[NDArray[Any]]:
        """All images in their order, (b, N, N) at a time; no chunk is cut where one fits into a block."""
        step = self._per_block - self._per_block % self._chunk_images or self._whole_chunk()
        for start in range(0, self.count, step):
            yield self._slab(start, min(start + step, self.count))

    def read(self, indices: NDArray[np.integer[Any]]) -> NDArray[Any]:
        """Read images by number: (b, N, N); of each chunk that holds any of them one piece is read."""
        wanted, place = np.unique(indices, return_inverse=True)
        images = np.empty((len(wanted), self.side, self.side), self.dtype)
        for first, stop in self._runs(wanted):
            start = int(wanted[first])
            slab = self._slab(start, int(wanted[stop - 1]) + 1)
            images[first:stop] = slab[wanted[first:stop] - start]
        return images[place]

    def close(self) -> None:
        """Nothing to give back: whoever opened the file closes it."""

    def _whole_chunk(self) -> int:
        """Images of one chunk, or of a block where a chunk of narrow images would fill the memory."""
        chunk_bytes = self._chunk_images * self.side * self.side * self.dtype.itemsize
        return self._chunk_images if chunk_bytes <= MAX_CHUNK_BYTES else self._per_block

    def _runs(self, wanted: NDArray[np.integer[Any]]) -> Iterator[tuple[int, int]]:
        """Cut sorted image numbers where a gap crosses a chunk's edge or a slab would grow too large."""
        chunk, longest = wanted // self._chunk_images, max(self._per_block, self._whole_chunk())
        first = 0
        for at in range(1, len(wanted) + 1):
            if (
                at == len(wanted)
                or (chunk[at] != chunk[at - 1] and wanted[at] != wanted[at - 1] + 1)
                or wanted[at] - wanted[first] >= longest
            ):
                yield first, at
                first = at

    def _slab(self, start: int, stop: int) -> NDArray[Any]:
        try:
            values = self._dataset[(0,) * self._lead + (slice(start, stop),)]
        except Exception as error:  # damaged chunks surface here
            reason = " ".join(str(error).split())
            raise ArchiveError(
                f"{self._label} cannot be read at images {start} to {stop - 1} "
                f"({reason}); copy or write the file again"
            ) from error
        return np.asarray(values).reshape(stop - start, self.side, self.side)


def _layout(dataset: h5py.Dataset, *, label: str, count: int, side: int | None) -> tuple[int, int, int]:
    """Return n, N and how many axes of length 1 come first."""
    shape: tuple[int, ...] = dataset.shape or ()
    lead = 0
    if len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    while len(shape) > 3 and shape[0] == 1:
        shape, lead = shape[1:], lead + 1
    where = f"{label} has shape {dataset.shape}"
    if len(shape) != 3 or shape[0] != count:
        image = "N, N" if side is None else f"{side}, {side}"
        raise ScanError(f"{where}, but there are {count} positions; needed: ({count}, {image})")
    if shape[1] != shape[2] or shape[1] == 0:
        raise ScanError(f"{where}: its images are not square; cut them to N x N around the beam")
    if shape[1] > MAX_SIDE_PX:
        raise ScanError(f"{where}; at most {MAX_SIDE_PX} x {MAX_SIDE_PX} px are read")
    if side is not None and shape[1] != side:
        raise ScanError(f"{where}, but the probe is {side} x {side}; needed: ({count}, {side}, {side})")
    return count, shape[1], lead
