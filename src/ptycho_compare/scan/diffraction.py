"""Diffraction amplitudes on disk, one image at a time.

A compressed NPZ member can only be read from front to back, so it is decompressed once
into an unnamed spool file; the same pass checks every value and sums the energy that the
global normalisation needs. Memory stays at a few megabytes whatever the scan's length.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ScanError
from ptycho_compare.untrusted.npz import ArrayHeader, NpzFile

_BLOCK_BYTES = 8 << 20


@dataclass(frozen=True)
class Summary:
    """What the one pass over all images found.

    Attributes
    ----------
    mean_energy : float
        Mean over the images of the sum over pixels of amplitude squared.
    integral : bool
        Whether every value is a whole number.
    maximum : float
        Largest amplitude.
    """

    mean_energy: float
    integral: bool
    maximum: float


class Diffraction:
    """Random access to n images of N x N float32 amplitudes in a spool file."""

    def __init__(self, spool: IO[bytes], count: int, patch_px: int, summary: Summary) -> None:
        self._spool = spool
        self.count = count
        self.patch_px = patch_px
        self.summary = summary

    def read(self, indices: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        """Read images by index.

        Parameters
        ----------
        indices : ndarray, (b,), int
            Image numbers, each in [0, n).

        Returns
        -------
        ndarray, (b, N, N), float32
            Amplitudes, as stored.
        """
        side = self.patch_px
        images = np.empty((len(indices), side, side), np.float32)
        nbytes = side * side * 4
        for image, index in zip(images, indices, strict=True):
            # pread, not a memory map: mapped pages would count as this process's memory
            if os.preadv(self._spool.fileno(), [image.data], int(index) * nbytes) != nbytes:
                raise ScanError(f"the spool file ends before image {index}; is the disk full?")
        return images

    def close(self) -> None:
        """Give the spool file back."""
        self._spool.close()


def spool_diffraction(
    archive: NpzFile, key: str, *, label: str, count: int, patch_px: int, folder: Path | None
) -> Diffraction:
    """Decompress, check and normalise the layout of all images.

    Parameters
    ----------
    archive : NpzFile
        The open scan.
    key : str
        ``diff3d`` or ``diffraction``: (n, N, N), (n, N, N, 1) or (N, N, n), any real dtype.
    label : str
        What messages call the file.
    count, patch_px : int
        n, the number of positions, and N, the side of the probe, px.
    folder : Path or None
        Where the unnamed spool file lives; None for the system's default.

    Raises
    ------
    ScanError
        Shape and positions do not fit, or a value is not finite or negative.
    """
    header = archive.headers[key]
    axis = _image_axis(header, key, label=label, count=count, patch_px=patch_px)
    spool = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - Diffraction owns and closes it
    try:
        with archive.stream(key) as stream:
            if axis == "first":
                _copy_images(stream, spool, header, count, patch_px)
            else:
                _copy_transposed(stream, spool, header, count, patch_px)
        summary = _inspect(spool, key, label=label, count=count, patch_px=patch_px)
    except BaseException:
        spool.close()
        raise
    return Diffraction(spool, count, patch_px, summary)


def _image_axis(header: ArrayHeader, key: str, *, label: str, count: int, patch_px: int) -> str:
    """Say along which axis of the stored stream the images lie: ``first`` or ``last``."""
    if header.dtype.kind in "iu":
        raise ScanError(
            f"{label}: '{key}' is {header.dtype}, which is how counts are stored; "
            "give amplitudes: sqrt(counts) as float32"
        )
    if header.dtype.kind != "f":
        raise ScanError(f"{label}: '{key}' is {header.dtype}; amplitudes are real floats")
    shape = header.shape[:-1] if len(header.shape) == 4 and header.shape[-1] == 1 else header.shape
    image = (patch_px, patch_px)
    if shape == (count, *image):
        axis = "first"
    elif shape == (*image, count):
        axis = "last"
    else:
        raise ScanError(
            f"{label}: '{key}' has shape {header.shape}, but there are {count} positions "
            f"and the probe is {patch_px} x {patch_px}; needed: ({count}, {patch_px}, {patch_px})"
        )
    if header.fortran_order:  # the stream runs through the axes backwards
        return "last" if axis == "first" else "first"
    return axis


def _copy_images(stream: IO[bytes], spool: IO[bytes], header: ArrayHeader, count: int, side: int) -> None:
    per_block = max(1, _BLOCK_BYTES // (side * side * header.dtype.itemsize))
    for start in range(0, count, per_block):
        images = min(per_block, count - start)
        block = _take(stream, header, (images, side, side))
        if header.fortran_order:
            block = block.transpose(0, 2, 1)
        spool.write(np.ascontiguousarray(block, np.float32).data)
    spool.flush()


def _copy_transposed(stream: IO[bytes], spool: IO[bytes], header: ArrayHeader, count: int, side: int) -> None:
    """Copy a stream whose slabs each hold one row (or column) of every image."""
    spool.truncate(count * side * side * 4)
    target = np.memmap(spool, np.float32, "r+", shape=(count, side, side))
    for line in range(side):
        slab = _take(stream, header, (side, count)).T
        if header.fortran_order:
            target[:, :, line] = slab
        else:
            target[:, line, :] = slab
    target.flush()


def _take(stream: IO[bytes], header: ArrayHeader, shape: tuple[int, ...]) -> NDArray[Any]:
    data = stream.read(int(np.prod(shape)) * header.dtype.itemsize)
    if len(data) != int(np.prod(shape)) * header.dtype.itemsize:
        raise ScanError("the images end before their header says so; write or copy the file again")
    values: NDArray[Any] = np.frombuffer(data, header.dtype)
    return values.reshape(shape)


def _inspect(spool: IO[bytes], key: str, *, label: str, count: int, patch_px: int) -> Summary:
    energy, integral, maximum = 0.0, True, 0.0
    for start, block in _blocks(spool, patch_px):
        per_image = np.einsum("ijk,ijk->i", block, block, dtype=np.float64)
        low = block.min(axis=(1, 2))
        bad = np.flatnonzero(~np.isfinite(per_image))
        if bad.size:
            raise ScanError(f"{label}: '{key}' image {start + bad[0]} holds values that are not finite")
        if low.min() < 0:
            raise ScanError(
                f"{label}: '{key}' image {start + int(low.argmin())} holds {low.min():g}; "
                "amplitudes are not negative"
            )
        energy += float(per_image.sum())
        maximum = max(maximum, float(block.max()))
        integral = integral and bool((block == np.rint(block)).all())
    if energy == 0:
        raise ScanError(f"{label}: '{key}' is zero in all {count} images")
    return Summary(energy / count, integral, maximum)


def _blocks(spool: IO[bytes], side: int) -> Iterator[tuple[int, NDArray[np.float32]]]:
    image_bytes = side * side * 4
    per_block = max(1, _BLOCK_BYTES // image_bytes)
    spool.seek(0)
    start = 0
    while data := spool.read(per_block * image_bytes):
        block = np.frombuffer(data, np.float32).reshape(-1, side, side)
        yield start, block
        start += len(block)
