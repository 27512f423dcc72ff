"""The scan: positions, amplitudes, probe and, if known, the true object.

Reads the NPZ data contract in both spellings. Positions are absolute, in pixels of the
object's grid: a patch centred on (x, y) has its pixel [N//2, N//2] on object row y,
column x.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ScanError
from ptycho_compare.scan.amplitude import require_amplitudes
from ptycho_compare.scan.diffraction import Diffraction, spool_diffraction
from ptycho_compare.untrusted.npz import NpzFile, open_npz


@dataclass(frozen=True)
class Scan:
    """One split's measured data.

    Attributes
    ----------
    path : Path
        The file.
    positions : ndarray, (n, 2), float64
        Columns x and y, px on the object's grid.
    diffraction : Diffraction
        n images of N x N amplitudes, read on demand.
    probe : ndarray, (N, N), complex64
    truth : ndarray, (H, W), complex64, or None
        The true object.
    metadata : mapping
        PtychoPINN's ``_metadata``; empty when the file has none.
    """

    path: Path
    positions: NDArray[np.float64]
    diffraction: Diffraction
    probe: NDArray[np.complex64]
    truth: NDArray[np.complex64] | None
    metadata: Mapping[str, Any]

    @property
    def patch_px(self) -> int:
        """N, the side of an image, px."""
        return len(self.probe)

    @property
    def normalization(self) -> float:
        """k, the factor that gives the mean image the energy (N/2)^2; over all images of the file."""
        return float((self.patch_px / 2) / np.sqrt(self.diffraction.summary.mean_energy))

    @property
    def photons(self) -> float | None:
        """Photons per exposure as the metadata state them."""
        physics = self.metadata.get("physics_parameters")
        value = physics.get("nphotons") if isinstance(physics, dict) else None
        return float(value) if isinstance(value, int | float) else None


@contextmanager
def open_scan(path: Path, *, spool_folder: Path | None = None) -> Iterator[Scan]:
    """Open and check a scan.

    Parameters
    ----------
    path : Path
        NPZ file of the data contract.
    spool_folder : Path or None
        Where the decompressed images are kept while the scan is open.

    Raises
    ------
    ScanError, ArchiveError
        One line: file, key, what was found and what is needed.
    """
    label = str(path)
    with open_npz(path) as archive:
        positions = _positions(archive, label)
        probe = _probe(archive, label)
        truth = _truth(archive, label)
        _require_inside(positions, truth, label)
        key = _diffraction_key(archive, label)
        diffraction = spool_diffraction(
            archive, key, label=label, count=len(positions), patch_px=len(probe), folder=spool_folder
        )
        metadata = _metadata(archive, label)
    try:
        require_amplitudes(diffraction, positions, probe, truth, label=f"{label}: '{key}'")
        yield Scan(path, positions, diffraction, probe, truth, metadata)
    finally:
        diffraction.close()


def _positions(archive: NpzFile, label: str) -> NDArray[np.float64]:
    columns = []
    for key in ("xcoords", "ycoords"):
        values = archive.array(key)
        if values.dtype.kind not in "iuf" or values.ndim != 1:
            raise ScanError(
                f"{label}: '{key}' is {values.dtype} of shape {values.shape}; needed: (n,) numbers"
            )
        bad = np.flatnonzero(~np.isfinite(values))
        if bad.size:
            raise ScanError(
                f"{label}: '{key}'[{bad[0]}] is {values[bad[0]]}; {bad.size} positions are not finite"
            )
        columns.append(values.astype(np.float64))
    x, y = columns
    if len(x) != len(y) or not len(x):
        raise ScanError(
            f"{label}: 'xcoords' has {len(x)} positions and 'ycoords' {len(y)}; needed: as many, not 0"
        )
    return np.stack([x, y], axis=1)


def _probe(archive: NpzFile, label: str) -> NDArray[np.complex64]:
    values = archive.array("probeGuess")
    probe = values[..., 0] if values.ndim == 3 and values.shape[-1] == 1 else values
    if probe.dtype.kind != "c" or probe.ndim != 2 or probe.shape[0] != probe.shape[1]:
        raise ScanError(
            f"{label}: 'probeGuess' is {values.dtype} of shape {values.shape}; needed: (N, N) complex"
        )
    if not np.isfinite(probe).all() or not probe.any():
        raise ScanError(f"{label}: 'probeGuess' is zero or not finite")
    return probe.astype(np.complex64)


def _truth(archive: NpzFile, label: str) -> NDArray[np.complex64] | None:
    if "objectGuess" not in archive:
        return None
    if archive.headers["objectGuess"].dtype.hasobject and archive.plain("objectGuess") is None:
        return None  # how PtychoPINN stores an absent object
    values = archive.array("objectGuess")
    truth = values[..., 0] if values.ndim == 3 and values.shape[-1] == 1 else values
    if truth.dtype.kind != "c" or truth.ndim != 2:
        raise ScanError(
            f"{label}: 'objectGuess' is {values.dtype} of shape {values.shape}; needed: (H, W) complex"
        )
    if not np.isfinite(truth).all():
        raise ScanError(f"{label}: 'objectGuess' holds values that are not finite")
    return truth.astype(np.complex64)


def _require_inside(positions: NDArray[np.float64], truth: NDArray[np.complex64] | None, label: str) -> None:
    if truth is None:
        return
    height, width = truth.shape
    for key, values, size in (("xcoords", positions[:, 0], width), ("ycoords", positions[:, 1], height)):
        outside = np.flatnonzero((values < 0) | (values > size - 1))
        if outside.size:
            raise ScanError(
                f"{label}: '{key}'[{outside[0]}] = {values[outside[0]]:g} lies outside the object of "
                f"{height} x {width} px ({outside.size} of {len(values)} do); positions are object pixels"
            )


def _diffraction_key(archive: NpzFile, label: str) -> str:
    for key in ("diff3d", "diffraction"):
        if key in archive:
            return key
    raise ScanError(
        f"{label}: neither 'diff3d' nor 'diffraction' is there; found: {', '.join(sorted(archive.headers))}"
    )


def _metadata(archive: NpzFile, label: str) -> Mapping[str, Any]:
    if "_metadata" not in archive:
        return {}
    text = archive.plain("_metadata")
    try:
        metadata = json.loads(text)
    except (TypeError, ValueError) as error:
        raise ScanError(f"{label}: '_metadata' is not JSON text ({error})") from None
    if not isinstance(metadata, dict):
        raise ScanError(f"{label}: '_metadata' is JSON, but no object: {text[:60]!r}")
    return metadata
