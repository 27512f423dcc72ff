"""A small ePIE, so that tests without a truth have real reconstructions."""

from __future__ import annotations

import numpy as np
from scipy import fft


def epie(
    amplitudes: np.ndarray,
    positions: np.ndarray,
    probe: np.ndarray,
    shape: tuple[int, int],
    *,
    epochs: int,
    seed: int = 0,
    probe_step: float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Reconstruct an object of `shape`, and the probe if it has a step.

    Maiden & Rodenburg, Ultramicroscopy 109, 1256 (2009), with steps of 1 for the object. The
    object is cut at whole pixels and the probe moved by the remainder, so positions may be
    fractions of a pixel. `amplitudes` (n, N, N) have the zero frequency in the centre.
    """
    generator = np.random.default_rng(seed)
    noise = generator.standard_normal((2, *shape)) * 0.01
    image = (1 + noise[0] + 1j * noise[1]).astype(np.complex64)  # exact ones would amplify rounding
    probe = probe.astype(np.complex64)
    side = len(probe)
    measured = np.fft.ifftshift(amplitudes, axes=(1, 2)).astype(np.float32) * side
    whole = np.rint(positions).astype(int)
    columns, rows = (whole - side // 2).T
    tilt = np.exp(-2j * np.pi * np.fft.fftfreq(side) * (positions - whole)[:, :, None]).astype(np.complex64)
    spectrum = fft.fft2(probe)
    for _ in range(epochs):
        for i in generator.permutation(len(positions)):
            shift = tilt[i, 1][:, None] * tilt[i, 0]
            moved = fft.ifft2(spectrum * shift, overwrite_x=True)
            window = np.s_[rows[i] : rows[i] + side, columns[i] : columns[i] + side]
            patch = image[window].copy()
            exit_wave = moved * patch
            wave = fft.fft2(exit_wave)
            wave *= measured[i] / np.maximum(np.abs(wave), 1e-12)
            change = fft.ifft2(wave, overwrite_x=True) - exit_wave
            image[window] += moved.conj() * change / _brightest(moved)
            if probe_step:
                step = probe_step * patch.conj() * change / _brightest(patch)
                spectrum += fft.fft2(step, overwrite_x=True) * shift.conj()
    return image, fft.ifft2(spectrum)


def _brightest(values: np.ndarray) -> np.float32:
    return (values.real**2 + values.imag**2).max()
