"""Exposures: the forward model, and the noise of counting photons.

A patch has its pixel [N//2, N//2] at the position, sub-pixel parts included; it is moved as the
canvas moves patches, so that true patches and the true object belong together exactly.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ptycho_compare.blas import one_blas_thread
from ptycho_compare.reconstruction.canvas import move

_CHUNK = 128
"""Images in work at a time; fixed, so that it cannot change a bit of the result."""
_MARGIN_PX = 8
"""Pixels around a patch that its sub-pixel move may draw on: 1e-4 of a patch is left to those beyond."""


def true_patches(
    truth: NDArray[np.complexfloating], positions: NDArray[np.float64], side: int
) -> NDArray[np.complex64]:
    """Cut the object at each position.

    patch[r, c] = object[y + r - N//2, x + c - N//2], with the object continued between its pixels
    by trigonometric interpolation.

    Parameters
    ----------
    truth : ndarray, (H, W), complex
    positions : ndarray, (n, 2), float64
        x, y in px.
    side : int
        N, px.

    Returns
    -------
    ndarray, (n, N, N), complex64

    Raises
    ------
    ValueError
        A patch would reach beyond the object.
    """
    whole = np.rint(positions).astype(np.int64)
    corners = whole[:, ::-1] - side // 2
    if corners.min() < 0 or (corners > np.array(truth.shape) - side).any():
        raise ValueError(f"a patch of {side} px reaches beyond the object of {truth.shape}")
    # `move` mirrors a window at its edges; here the object itself goes on in the same way
    padded = np.pad(truth.astype(np.complex64), _MARGIN_PX, mode="symmetric")
    windows = sliding_window_view(padded, (side + 2 * _MARGIN_PX,) * 2)
    patch = slice(_MARGIN_PX, _MARGIN_PX + side)
    patches = np.empty((len(positions), side, side), np.complex64)
    with one_blas_thread():
        for part in _chunks(len(positions)):
            # content at the position comes to the whole pixel: it moves backwards
            shifts = (whole[part] - positions[part])[:, ::-1]
            patches[part] = move(windows[tuple(corners[part].T)], shifts, patch, patch)
    return patches


def diffract(patches: NDArray[np.complex64], probe: NDArray[np.complex64]) -> NDArray[np.float32]:
    """Propagate to the detector: A = abs(FFT2(probe * patch)) / N, zero frequency in the centre.

    The sum of A^2 is that of abs(probe * patch)^2: no energy is lost or gained.

    Parameters
    ----------
    patches : ndarray, (n, N, N), complex64
    probe : ndarray, (N, N), complex64

    Returns
    -------
    ndarray, (n, N, N), float32
    """
    waves = scipy.fft.fft2(probe * patches, norm="ortho", overwrite_x=True, workers=1)
    return np.asarray(np.fft.fftshift(np.abs(waves), axes=(1, 2)), np.float32)


def expose(
    truth: NDArray[np.complex64],
    probe: NDArray[np.complex64],
    positions: NDArray[np.float64],
    *,
    dose: int,
    generator: np.random.Generator,
) -> NDArray[np.float32]:
    """Measure the object at each position, with counting noise.

    Parameters
    ----------
    truth : ndarray, (H, W), complex64
    probe : ndarray, (N, N), complex64
    positions : ndarray, (n, 2), float64
        x, y in px.
    dose : int
        Photons per exposure, on average over the exposures.
    generator : Generator
        Of the photons.

    Returns
    -------
    ndarray, (n, N, N), float32
        Amplitudes in the units of `diffract`: the square root of the photons, times a common factor.
    """
    side = len(probe)
    amplitudes = np.empty((len(positions), side, side), np.float32)
    for part in _chunks(len(positions)):
        amplitudes[part] = diffract(true_patches(truth, positions[part], side), probe)
    photons_per_unit = dose / mean_energy(amplitudes)
    for part in _chunks(len(positions)):
        photons = generator.poisson(np.square(amplitudes[part], dtype=np.float64) * photons_per_unit)
        amplitudes[part] = np.sqrt(photons / photons_per_unit)
    return amplitudes


def mean_energy(amplitudes: NDArray[np.float32]) -> float:
    """Mean over the images (n, N, N) of the sum over pixels of amplitude squared."""
    total = sum(
        float(np.square(amplitudes[part], dtype=np.float64).sum()) for part in _chunks(len(amplitudes))
    )
    return total / len(amplitudes)


def _chunks(count: int) -> Iterator[slice]:
    for start in range(0, count, _CHUNK):
        yield slice(start, start + _CHUNK)
