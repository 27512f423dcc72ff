"""Small scans made by the forward model, so that tests know the truth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

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
) -> dict[str, Any]:
    """Return the arrays of a scan file in PtychoPINN's contract."""
    truth, probe = make_object(height, width, seed=seed), make_probe(side)
    positions = make_positions(count, height, width, side, seed=seed)
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
