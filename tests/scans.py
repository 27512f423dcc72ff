"""Small scans made by the forward model, so that tests know the truth."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from scipy import ndimage


def make_object(height: int, width: int, *, seed: int = 0, smooth_px: float = 3.0) -> np.ndarray:
    """Return a band-limited complex object: amplitude 0.5 to 0.95, phase -0.3 to 0.9 rad."""
    generator = np.random.default_rng(seed)
    parts = []
    for low, high in ((0.5, 0.95), (-0.3, 0.9)):
        field = ndimage.gaussian_filter(generator.standard_normal((height, width)), smooth_px, mode="wrap")
        field = (field - field.min()) / (field.max() - field.min())
        parts.append(low + (high - low) * field)
    return (parts[0] * np.exp(1j * parts[1])).astype(np.complex64)


def make_probe(side: int) -> np.ndarray:
    """Return a Gaussian probe with a curved phase."""
    axis = np.arange(side) - side // 2
    radius2 = (axis[:, None] ** 2 + axis[None, :] ** 2) / side**2
    return (np.exp(-radius2 * 20) * np.exp(12j * radius2)).astype(np.complex64)


def true_patches(truth: np.ndarray, positions: np.ndarray, side: int) -> np.ndarray:
    """Sample the object by cubic spline: pixel [N//2, N//2] of patch i lies at positions[i] (x, y)."""
    axis = np.arange(side) - side // 2
    rows = np.broadcast_to((positions[:, 1, None] + axis)[:, :, None], (len(positions), side, side))
    columns = np.broadcast_to((positions[:, 0, None] + axis)[:, None, :], (len(positions), side, side))
    parts = [
        ndimage.map_coordinates(part.astype(float), [rows, columns], order=3, mode="mirror")
        for part in (truth.real, truth.imag)
    ]
    return (parts[0] + 1j * parts[1]).astype(np.complex64)


def make_positions(
    count: int, height: int, width: int, side: int, *, seed: int = 0, whole: bool = False
) -> np.ndarray:
    """Draw positions whose patches lie inside the object: columns x, y."""
    generator = np.random.default_rng(seed)
    low, high = side // 2, np.array([width, height]) - side // 2 - 1
    positions = low + generator.random((count, 2)) * (high - low)
    return np.rint(positions) if whole else positions


def make_scan(
    *,
    count: int = 120,
    side: int = 32,
    height: int = 96,
    width: int = 112,
    seed: int = 0,
    photons: float = 1e9,
    whole: bool = False,
) -> dict[str, Any]:
    """Return the arrays of a scan file in PtychoPINN's contract; `whole`: positions on whole pixels."""
    truth, probe = make_object(height, width, seed=seed), make_probe(side)
    positions = make_positions(count, height, width, side, seed=seed, whole=whole)
    waves = np.fft.fft2(probe * true_patches(truth, positions, side))
    diffraction = np.fft.fftshift(np.abs(waves), axes=(1, 2)) / side
    metadata = {
        "schema_version": "1.0.0",
        "physics_parameters": {"nphotons": photons, "gridsize": 1, "N": side},
        "data_transformations": [],
    }
    return {
        "xcoords": positions[:, 0],
        "ycoords": positions[:, 1],
        "xcoords_start": positions[:, 0],
        "ycoords_start": positions[:, 1],
        "diff3d": diffraction.astype(np.float32),
        "scan_index": np.zeros(count, np.int64),
        "probeGuess": probe,
        "objectGuess": truth,
        "_metadata": np.array(json.dumps(metadata), dtype=object),
    }


def write_scan(path: Path, arrays: dict[str, Any], *, compressed: bool = True) -> Path:
    """Write a scan file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    (np.savez_compressed if compressed else np.savez)(path, **arrays)
    return path


def counts_of(amplitudes: np.ndarray, *, total: float = 1e6) -> np.ndarray:
    """Return whole counts whose mean image sums to about `total`."""
    energy = (amplitudes.astype(float) ** 2).sum(axis=(1, 2)).mean()
    return np.rint(amplitudes.astype(float) ** 2 * (total / energy)).astype(np.float32)


def tike_arrays(arrays: dict[str, Any]) -> dict[str, Any]:
    """Return the same scan as tike stores it: counts, DC in the corner, (y, x) of the patch's corner."""
    side = len(arrays["probeGuess"])
    corner = np.stack([arrays["ycoords"], arrays["xcoords"]], axis=1) - side // 2
    return {
        "data": np.fft.ifftshift(counts_of(arrays["diff3d"]), axes=(1, 2))[None],
        "scan": corner[None].astype(np.float32),
        "probe": arrays["probeGuess"][None, None, None, None],
    }


def write_hdf5(path: Path, arrays: dict[str, Any], **image_options: Any) -> Path:
    """Write arrays as datasets; `image_options` go to the images' dataset."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            data = values.item() if np.ndim(values) == 0 else values  # text is stored as text
            file.create_dataset(name, data=data, **(image_options if np.ndim(data) >= 3 else {}))
    return path


@dataclass(frozen=True)
class CxiTruth:
    """What a simulated CXI file holds, on the object's grid."""

    positions: np.ndarray
    truth: np.ndarray
    probe: np.ndarray
    counts: np.ndarray


def write_cxi(
    path: Path,
    fingerprint: np.ndarray,
    *,
    count: int = 12,
    side: int = 16,
    change: Callable[[h5py.File], None] | None = None,
) -> CxiTruth:
    """Simulate a far-field experiment in laboratory coordinates, in metres, and write it as CXI.

    The sample O moves by t under a beam P that stays, so the wave behind it is P(r) O(r - t). A
    detector pixel (i, j) lies at u = i b_row + j b_col from the beam and sees the Fourier integral
    of exp(-2 pi i u . r / (wavelength distance)), summed here on a grid of its own.

    Parameters
    ----------
    path : Path
    fingerprint : ndarray, (2, 3), float64
        b_row and b_col, m.
    change : callable or None
        Changes the file before it is closed.
    """
    wavelength, distance = 1e-10, 2.0
    pixel = float(np.linalg.norm(fingerprint[0]))
    pitch = wavelength * distance / (side * pixel)
    down, right = fingerprint / pixel
    positions = np.rint(20 + 20 * np.random.default_rng(5).random((count, 2)))  # whole: patches are exact
    translation = -(positions[:, :1] * right + positions[:, 1:] * down) * pitch

    def sample(r: np.ndarray) -> np.ndarray:
        waves = [(0.3, 0.05, 0.02), (0.2j, -0.03, 0.06), (-0.2, 0.01, -0.07)]
        return 0.6 + sum(
            a * np.exp(2j * np.pi * (r[..., 0] * u + r[..., 1] * v) / pitch) for a, u, v in waves
        )

    def beam(r: np.ndarray) -> np.ndarray:
        radius2 = ((r / (pitch * side / 9)) ** 2).sum(axis=-1)
        return np.exp(-radius2 / 2 + 0.3j * radius2)

    axis = (np.arange(3 * side) - 1.5 * side + 0.5) * pitch / 3  # the laboratory's grid: x, y
    lab = np.stack([*np.meshgrid(axis, axis), np.zeros((3 * side, 3 * side))], axis=-1).reshape(-1, 3)
    index = np.arange(side) - side // 2
    seen = index[:, None, None] * fingerprint[0] + index[None, :, None] * fingerprint[1]
    kernel = np.exp(-2j * np.pi * (seen.reshape(-1, 3) @ lab.T) / (wavelength * distance))
    waves = np.stack([kernel @ (beam(lab) * sample(lab - t)) for t in translation])
    counts = (np.abs(waves.reshape(count, side, side)) ** 2).astype(np.float32)

    def on_grid(height: int, width: int, origin: int) -> np.ndarray:
        rows, columns = np.arange(height)[:, None, None] - origin, np.arange(width)[None, :, None] - origin
        return (rows * down + columns * right) * pitch

    truth, probe = sample(on_grid(60, 64, 0)), beam(on_grid(side, side, side // 2))
    with h5py.File(path, "w") as file:
        file["cxi_version"] = 160
        detector, source = "entry_1/instrument_1/detector_1", "entry_1/instrument_1/source_1"
        file[f"{detector}/data"] = counts
        file["entry_1/data_1/data"] = h5py.SoftLink(f"/{detector}/data")
        file[f"{detector}/distance"] = distance
        file[f"{detector}/basis_vectors"] = fingerprint.T
        for name in "xy":
            file[f"{detector}/{name}_pixel_size"] = pixel
        file[f"{source}/wavelength"] = wavelength
        file["entry_1/sample_1/geometry_1/translation"] = translation
        file["guess/probe"] = probe.astype(np.complex64)
        file["guess/object"] = truth.astype(np.complex64)
        if change is not None:
            change(file)
    return CxiTruth(positions, truth, probe, counts)
