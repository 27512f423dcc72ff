"""A grid of objects and of ways to spoil them, from hardly to badly: scores must fall along each way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from scoring.objects import blurred, make_object, moved, random_field

Field = NDArray[np.complex128]

SIDE, BORDER = 128, 24
"""Scored side of an object, and how much more of it there is around, so that nothing is periodic."""

PHASES = (0.5, 2.0, 6.0, 12.0, 30.0)
"""Span of the phase, rad."""


def object_with(phase_rad: float, seed: int = 0) -> Field:
    """Amplitude 0.5 to 0.95, and a phase of fine texture (0.3 rad) on hills that make up the rest."""
    shape = (SIDE + 2 * BORDER,) * 2
    texture = make_object(shape, seed, cutoff=0.1)
    fine = 0.3 * random_field(shape, 100 + seed, cutoff=0.1)
    rows, columns = (np.linspace(-1, 1, side) for side in shape)
    hill = np.exp(-(rows[:, None] ** 2) / 0.4 - (columns - 0.2) ** 2 / 0.3) + 0.3 * rows[:, None] * columns
    hill = (phase_rad - 0.3) * (hill - hill.min()) / np.ptp(hill)
    return np.abs(texture) * np.exp(1j * (fine + hill))


def _noise(whole: Field, snr_db: float) -> Field:
    rng = np.random.default_rng(5)
    noise = rng.standard_normal(whole.shape) + 1j * rng.standard_normal(whole.shape)
    rms = np.sqrt(np.mean(np.abs(whole) ** 2))
    return whole + rms * 10 ** (-snr_db / 20) * noise / np.sqrt(2)


def _raster(whole: Field, depth: float) -> Field:
    """Modulate amplitude and phase with the pitch of a scan, 9 px."""
    rows, columns = (np.sin(2 * np.pi * np.arange(side) / 9.0) for side in whole.shape)
    grid = (rows[:, None] + columns) / 2
    return whole * (1 + depth * grid) * np.exp(1j * depth * grid)


def _distorted(whole: Field, factor: float, degrees: float) -> Field:
    """Magnify and turn about the middle."""
    angle, middle = np.deg2rad(degrees), (np.array(whole.shape) - 1) / 2
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / factor
    # the phase is turned, not the complex field: splines of a fast phase would blur it
    parts = (np.log(np.abs(whole)), _unwrapped(whole))
    log_amplitude, phase = (
        scipy.ndimage.affine_transform(each, turn, middle - turn @ middle, order=5, mode="reflect")
        for each in parts
    )
    return np.exp(log_amplitude + 1j * phase)


def _unwrapped(whole: Field) -> NDArray[np.float64]:
    return np.unwrap(np.unwrap(np.angle(whole), axis=0), axis=1)


def _missing(whole: Field, part: float) -> Field:
    """Leave out the fine structure of a part of the image, as a network that never saw its like."""
    smooth = np.exp(_coarse(np.log(np.abs(whole))) + 1j * _coarse(_unwrapped(whole)))
    order = random_field(whole.shape, 77, cutoff=0.03)
    return np.where(order < np.quantile(order, part), smooth, whole)


def _coarse(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Blur an image so that its fine structure goes and its hills stay."""
    fine = values
    for _ in range(4):
        fine = fine - scipy.ndimage.gaussian_filter(fine, 8.0)
    return values - fine


WAYS: Mapping[str, tuple[Callable[[Field, Any], Field], tuple[float, ...]]] = {
    "blur, px": (blurred, (0.0, 0.5, 1.0, 2.0, 3.0)),
    "noise, dB": (_noise, (40.0, 30.0, 20.0, 10.0, 0.0)),
    "shift, px": (lambda whole, px: moved(whole, px, 0.6 * px), (0.0, 0.25, 0.5, 1.0, 2.0)),
    "magnification": (lambda whole, factor: _distorted(whole, factor, 0.0), (1.0, 1.005, 1.01, 1.02, 1.04)),
    "rotation, degrees": (lambda whole, turn: _distorted(whole, 1.0, turn), (0.0, 0.25, 0.5, 1.0, 2.0)),
    "raster, depth": (_raster, (0.0, 0.05, 0.1, 0.2, 0.4)),
    "missing, part": (_missing, (0.0, 0.1, 0.25, 0.5, 0.75)),
}
"""How an object is spoilt, and how much: from hardly to badly."""


def inside(whole: Field) -> Field:
    """Leave the border out."""
    return whole[BORDER:-BORDER, BORDER:-BORDER]
