"""Tell amplitudes from intensities: the commonest wrong input, and a silent one.

A network fed with counts instead of their square root gives a plausible picture that is
wrong everywhere, so the probe and the object decide which of the two a file holds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ScanError
from ptycho_compare.scan.diffraction import Diffraction

_SAMPLES = 16
# Intensities must explain the data (nearly) fully before they are refused: with a known object
# the better explanation wins, with a constant one in its place it must win by a margin.
_KNOWN_OBJECT = {"correlation": 0.9, "margin": 0.0}
_CONSTANT_OBJECT = {"correlation": 0.98, "margin": 0.01}


def require_amplitudes(
    diffraction: Diffraction,
    positions: NDArray[np.float64],
    probe: NDArray[np.complex64],
    truth: NDArray[np.complex64] | None,
    *,
    label: str,
) -> None:
    """Refuse images that are intensities.

    Whole numbers are counts. Otherwise a few images are compared with the forward model
    A = |FFT(probe * patch)| / N: if A^2 explains them better than A, they are intensities.

    Parameters
    ----------
    diffraction : Diffraction
        The images.
    positions : ndarray, (n, 2), float64
        x, y in px.
    probe : ndarray, (N, N), complex
    truth : ndarray, (H, W), complex, or None
        Without it the object is taken as constant.
    label : str
        File and key.

    Raises
    ------
    ScanError
    """
    summary = diffraction.summary
    if summary.integral and summary.maximum > 1:
        raise ScanError(
            f"{label} holds whole numbers up to {summary.maximum:g}, which are counts; "
            "give amplitudes: sqrt(counts)"
        )
    chosen = np.unique(np.linspace(0, len(positions) - 1, _SAMPLES).astype(int))
    images = diffraction.read(chosen)
    scores = []
    for image, position in zip(images, positions[chosen], strict=True):
        patch = _patch(position, probe, truth)
        if patch is not None and image.any():
            model = np.abs(np.fft.fftshift(np.fft.fft2(probe * patch)))
            scores.append((_correlation(image, model), _correlation(image, model**2)))
    if not scores:
        return
    as_amplitude, as_intensity = np.median(scores, axis=0)
    needed = _CONSTANT_OBJECT if truth is None else _KNOWN_OBJECT
    if as_intensity > max(needed["correlation"], as_amplitude + needed["margin"]):
        raise ScanError(
            f"{label} looks like intensity: it correlates {as_intensity:.4f} with |FFT|^2 of probe and "
            f"object and {as_amplitude:.4f} with |FFT|; give amplitudes: sqrt(intensity)"
        )


def _patch(
    position: NDArray[np.float64], probe: NDArray[np.complex64], truth: NDArray[np.complex64] | None
) -> NDArray[np.complex64] | None:
    if truth is None:
        return np.ones_like(probe)
    side = len(probe)
    column, row = np.rint(position).astype(int) - side // 2
    patch = truth[max(row, 0) : row + side, max(column, 0) : column + side]
    return patch if patch.shape == probe.shape else None


def _correlation(image: NDArray[np.float32], model: NDArray[np.floating]) -> float:
    return float(np.corrcoef(image.ravel(), model.ravel())[0, 1])
