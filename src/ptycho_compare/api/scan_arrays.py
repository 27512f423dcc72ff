"""`read_scan`: measured data as arrays, checked as every comparison checks them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ptycho_compare.scan.reading import Reading


@dataclass(frozen=True, eq=False)
class ScanArrays:
    """A scan in memory.

    Attributes
    ----------
    positions : ndarray, (n, 2), float64
        x and y in px of the object's grid, of a patch's pixel [N//2, N//2].
    amplitudes : ndarray, (n, N, N), float32
        Square root of photons or of counts, zero frequency in the centre.
    modes : ndarray, (m, N, N), complex64, or None
        Of the probe, strongest first.
    truth : ndarray, (H, W), complex64, or None
        The true object, where it is known.
    pixel_nm : float or None
        Side of a pixel of the object's grid, nm.
    warnings : tuple of str
        What is unusual and was read.
    """

    positions: NDArray[np.float64]
    amplitudes: NDArray[np.float32]
    modes: NDArray[np.complex64] | None
    truth: NDArray[np.complex64] | None
    pixel_nm: float | None
    warnings: tuple[str, ...]


def read_scan(path: str | os.PathLike[str], *, reading: Reading | None = None) -> ScanArrays:
    """Read a scan whole.

    For one that does not fit into memory `ptycho_compare.scan.read.open_scan` reads images on demand.

    Parameters
    ----------
    path : str or path
        NPZ, HDF5, CXI or .ptyd; docs/scans.md lists the formats.
    reading : Reading, optional
        What the file does not say: `ptycho_compare.scan.reading.Reading`.

    Raises
    ------
    ScanError, ArchiveError
        One line: file, key, what was found and what is needed.

    Examples
    --------
    >>> import ptycho_compare
    >>> scan = ptycho_compare.read_scan("demo/data/phase_c/dose_1000/patched_train.npz")
    >>> scan.amplitudes.shape[0] == len(scan.positions)
    True
    """
    from ptycho_compare.scan.read import open_scan
    from ptycho_compare.scan.reading import Reading

    with open_scan(Path(path).expanduser(), reading=Reading() if reading is None else reading) as scan:
        return ScanArrays(
            positions=scan.positions,
            amplitudes=scan.diffraction.read(np.arange(len(scan.positions))),
            modes=scan.modes,
            truth=scan.truth,
            pixel_nm=scan.optics.object_pixel_nm,
            warnings=scan.warnings,
        )
