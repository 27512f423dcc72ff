"""Images of an NPZ file, copied once into an unnamed spool file.

A compressed NPZ member can only be read from front to back, so its images are copied to where any
of them can be reached. Memory stays at a few megabytes whatever the scan's length.
"""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ScanError
from ptycho_compare.scan.formats.contents import BLOCK_BYTES, require_numbers
from ptycho_compare.untrusted.npz import ArrayHeader, NpzFile


class SpooledImages:
    """Random access to n images of N x N numbers in a spool file."""

    def __init__(self, spool: IO[bytes], count: int, side: int, dtype: np.dtype[Any]) -> None:
        self._spool = spool
        self.count = count
        self.side = side
        self.dtype = dtype

    @property
    def _image_bytes(self) -> int:
        return self.side * self.side * self.dtype.itemsize

    def blocks(self) -> Iterator[NDArray[Any]]:
        """All images in their order, (b, N, N) at a time."""
        per_block = max(1, BLOCK_BYTES // self._image_bytes)
        for start in range(0, self.count, per_block):
            yield self.read(np.arange(start, min(start + per_block, self.count)))

    def read(self, indices: NDArray[np.integer[Any]]) -> NDArray[Any]:
        """Read images by number: (b, N, N)."""
        images = np.empty((len(indices), self.side, self.side), self.dtype)
        for image, index in zip(images, indices, strict=True):
            # pread, not a memory map: mapped pages would count as this process's memory
            position = int(index) * self._image_bytes
            if os.preadv(self._spool.fileno(), [image.data], position) != self._image_bytes:
                raise ScanError(f"the spool file ends before image {index}; is the disk full?")
        return images

    def close(self) -> None:
        """Give the spool file back."""
        self._spool.close()


def spool_images(
    archive: NpzFile, key: str, *, label: str, count: int, side: int | None, folder: Path | None
) -> SpooledImages:
    """Decompress all images and normalise their layout.

    Parameters
    ----------
    archive : NpzFile
        The open scan.
    key : str
        (n, N, N), (N, N, n), or a raster (rows, columns, N, N) of n images that come row by row; any
        integer or float type. Axes of length 1 before the first and behind the last are dropped.
    label : str
        What messages call the file.
    count : int
        n, the number of positions.
    side : int or None
        N of the probe, px; None without a probe.
    folder : Path or None
        Where the unnamed spool file lives; None for the system's default.

    Raises
    ------
    ScanError
        Shape, positions and probe do not fit, or the images are no real numbers.
    """
    header = archive.headers[key]
    layout = _layout(header, key, label=label, count=count, side=side)
    # floats as float32, which is all that networks take; counts as they are: their largest can be a mark
    dtype = np.dtype(np.float32) if header.dtype.kind == "f" else header.dtype.newbyteorder("=")
    spool = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - SpooledImages owns and closes it
    images = SpooledImages(spool, count, layout.side, dtype)
    try:
        # what overflows single precision becomes infinite, which the survey reports
        with archive.stream(key) as stream, np.errstate(over="ignore"):
            if layout.images_first:
                _copy_images(stream, spool, header, images)
            else:
                _copy_transposed(stream, spool, header, images, raster=layout.raster)
    except BaseException:
        spool.close()
        raise
    return images


@dataclass(frozen=True)
class _Layout:
    """How images lie in a stored stream.

    Attributes
    ----------
    images_first : bool
        One image after the other; otherwise a row (or column) of each of them comes before the next.
    side : int
        N, px.
    raster : tuple of int
        Lengths of the axes that count images, in the array's order; they multiply to n.
    """

    images_first: bool
    side: int
    raster: tuple[int, ...]


def _layout(header: ArrayHeader, key: str, *, label: str, count: int, side: int | None) -> _Layout:
    require_numbers(header.dtype, label=f"{label}: '{key}'")
    shape = header.shape[:-1] if len(header.shape) > 3 and header.shape[-1] == 1 else header.shape
    while len(shape) > 3 and shape[0] == 1:
        shape = shape[1:]
    square = side if side is not None else (shape[-2] if len(shape) >= 3 else 0)
    first = len(shape) >= 3 and shape[-2:] == (square, square) and math.prod(shape[:-2]) == count
    if not first and shape != (square, square, count):
        probe = "" if side is None else f" and the probe is {side} x {side}"
        image = "N, N" if side is None else f"{side}, {side}"
        raise ScanError(
            f"{label}: '{key}' has shape {header.shape}, but there are {count} positions{probe}; "
            f"needed: ({count}, {image}), or a raster (rows, columns, {image}) of as many"
        )
    # in Fortran order the stream runs through the axes backwards
    return _Layout(first != header.fortran_order, square, shape[:-2] if first else (count,))


def _copy_images(stream: IO[bytes], spool: IO[bytes], header: ArrayHeader, images: SpooledImages) -> None:
    side = images.side
    per_block = max(1, BLOCK_BYTES // (side * side * header.dtype.itemsize))
    for start in range(0, images.count, per_block):
        block = _take(stream, header, (min(per_block, images.count - start), side, side))
        if header.fortran_order:
            block = block.transpose(0, 2, 1)
        spool.write(np.ascontiguousarray(block, images.dtype).data)
    spool.flush()


def _copy_transposed(
    stream: IO[bytes],
    spool: IO[bytes],
    header: ArrayHeader,
    images: SpooledImages,
    *,
    raster: tuple[int, ...],
) -> None:
    """Copy a stream whose slabs each hold one row (or column) of every image."""
    count, side = images.count, images.side
    spool.truncate(count * side * side * images.dtype.itemsize)
    target = np.memmap(spool, images.dtype, "r+", shape=(count, side, side))
    for line in range(side):
        if header.fortran_order:
            # (side, columns, rows) of the raster: turned, the images come row by row
            slab = _take(stream, header, (side, *raster[::-1]))
            target[:, :, line] = slab.transpose().reshape(count, side)
        else:
            target[:, line, :] = _take(stream, header, (side, count)).T
    target.flush()


def _take(stream: IO[bytes], header: ArrayHeader, shape: tuple[int, ...]) -> NDArray[Any]:
    data = stream.read(int(np.prod(shape)) * header.dtype.itemsize)
    if len(data) != int(np.prod(shape)) * header.dtype.itemsize:
        raise ScanError("the images end before their header says so; write or copy the file again")
    values: NDArray[Any] = np.frombuffer(data, header.dtype)
    return values.reshape(shape)
