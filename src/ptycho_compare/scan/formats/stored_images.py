"""Images in an HDF5 dataset, read where they lie, chunk by chunk."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ArchiveError, ScanError
from ptycho_compare.scan.formats.contents import BLOCK_BYTES, require_numbers
from ptycho_compare.untrusted.hdf5 import is_matlab

MAX_CHUNK_BYTES = 256 << 20
MAX_SIDE_PX = 8192  # one image is read whole, and a file of a few bytes can state any size


class StoredImages:
    """Random access to n images of N x N numbers in an HDF5 dataset.

    Parameters
    ----------
    dataset : h5py.Dataset
        (n, N, N), or a raster (rows, columns, N, N) of n images that come row by row; axes of
        length 1 before the first or one behind the last are allowed. Its file stays open as long
        as this is used.
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
        require_numbers(self.dtype, label=label)
        self.count, self.side, first, axes = _layout(dataset, label=label, count=count, side=side)
        self._axes = first, axes
        self._columns = dataset.shape[first + axes - 1]
        self._transposed = is_matlab(dataset)
        chunk = dataset.chunks or (1,) * len(dataset.shape)
        nbytes = math.prod(chunk) * self.dtype.itemsize
        if nbytes > MAX_CHUNK_BYTES:
            raise ScanError(
                f"{label} is stored in chunks of {chunk}, {nbytes >> 20} MiB each; "
                f"write it with chunks below {MAX_CHUNK_BYTES >> 20} MiB (h5repack)"
            )
        self._chunk_rows = chunk[first] if axes == 2 else 1
        self._chunk_images = chunk[first + axes - 1]
        self._per_block = max(1, BLOCK_BYTES // (self.side * self.side * self.dtype.itemsize))

    def blocks(self) -> Iterator[NDArray[Any]]:
        """All images in their order, (b, N, N) at a time; no chunk is cut where one fits into a block."""
        whole = self._chunk_images if self._chunk_rows == 1 else self._chunk_rows * self._columns
        step = self._per_block - self._per_block % whole or self._largest(whole)
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

    def _largest(self, images: int) -> int:
        """As many images, or those of a block where chunks of narrow images would fill the memory."""
        nbytes = images * self.side * self.side * self.dtype.itemsize
        return images if nbytes <= MAX_CHUNK_BYTES else self._per_block

    def _runs(self, wanted: NDArray[np.integer[Any]]) -> Iterator[tuple[int, int]]:
        """Cut sorted image numbers where a gap crosses a chunk's edge or a slab would grow too large."""
        row, column = np.divmod(wanted, self._columns)
        chunks_in_row = -(-self._columns // self._chunk_images)
        chunk = row * chunks_in_row + column // self._chunk_images
        longest = max(self._per_block, self._largest(self._chunk_images))
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
            pieces = [
                np.asarray(self._dataset[key]).reshape(-1, self.side, self.side)
                for key in self._keys(start, stop)
            ]
        except Exception as error:  # damaged chunks surface here
            reason = " ".join(str(error).split())
            raise ArchiveError(
                f"{self._label} cannot be read at images {start} to {stop - 1} "
                f"({reason}); copy or write the file again"
            ) from error
        images = pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
        return np.swapaxes(images, 1, 2) if self._transposed else images

    def _keys(self, start: int, stop: int) -> Iterator[tuple[int | slice, ...]]:
        """Cut images [start, stop) into pieces of rows and whole rows."""
        first, axes = self._axes
        lead = (0,) * first
        while start < stop:
            row, column = divmod(start, self._columns)
            rows = (stop - start) // self._columns if column == 0 else 0
            if rows:
                piece = (slice(row, row + rows), slice(None))
                start += rows * self._columns
            else:
                end = min(self._columns, column + stop - start)
                piece = (slice(row, row + 1), slice(column, end))
                start += end - column
            yield lead + (piece if axes == 2 else piece[1:])


def _layout(dataset: h5py.Dataset, *, label: str, count: int, side: int | None) -> tuple[int, int, int, int]:
    """Return n, N, how many axes of length 1 come first, and how many axes then count images: 1 or 2."""
    shape: tuple[int, ...] = dataset.shape or ()
    first = 0
    if len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    while len(shape) > 3 and shape[0] == 1:
        shape, first = shape[1:], first + 1
    where = f"{label} has shape {dataset.shape}"
    if len(shape) not in (3, 4) or math.prod(shape[:-2]) != count:
        image = "N, N" if side is None else f"{side}, {side}"
        raise ScanError(
            f"{where}, but there are {count} positions; needed: ({count}, {image}), "
            f"or a raster (rows, columns, {image}) of as many"
        )
    if shape[-2] != shape[-1] or shape[-1] == 0:
        raise ScanError(f"{where}: its images are not square; cut them to N x N around the beam")
    if shape[-1] > MAX_SIDE_PX:
        raise ScanError(f"{where}; at most {MAX_SIDE_PX} x {MAX_SIDE_PX} px are read")
    if side is not None and shape[-1] != side:
        raise ScanError(f"{where}, but the probe is {side} x {side}; needed: ({count}, {side}, {side})")
    return count, shape[-1], first, len(shape) - 2
