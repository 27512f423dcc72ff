"""A linear phase ramp between two fields, found without unwrapping a phase.

A detector that is off by a fraction of a pixel tilts the phase of the whole object. The
tilt is where |sum truth conj(image) exp(-i k r)| is largest: a peak of a Fourier
transform, made exact by Newton's method. A plane fitted to wrapped angles would break at
the first wrap.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from ptycho_compare.scoring.mask import ComplexImage, Mask, bounding_box, check_grid

MAX_RAMP_RAD_PER_PX = 0.5
"""Largest |component| searched: five detector pixels of a 64 px frame."""

Ramp = tuple[float, float]
"""Phase gradient along rows and columns (y, x), rad/px."""


def fit_ramp(image: ComplexImage, truth: ComplexImage, mask: Mask) -> Ramp:
    """Fit the ramp that brings the image closest to the truth, any complex gain allowed.

    Minimising |truth - g exp(i k r) image|^2 over g and k is maximising |C(k)| with
    C(k) = sum truth conj(image) exp(-i k r) over the mask.

    Parameters
    ----------
    image, truth : ndarray, (H, W), complex
        On one grid, no shift between them. Pixels outside the mask may hold anything.
    mask : ndarray, (H, W), bool

    Returns
    -------
    tuple of float
        k along rows and columns, rad/px. `apply_ramp` multiplies it in.
    """
    check_grid(mask, image=image, truth=truth)
    box = bounding_box(mask)
    inside = mask[box]
    product = np.zeros(inside.shape, dtype=np.complex128)
    product[inside] = truth[box][inside] * np.conj(image[box][inside])
    window = np.outer(*(np.hanning(side + 2)[1:-1] for side in inside.shape))
    return _newton(product, peak_ramp(product * window))


def apply_ramp(image: ComplexImage, ramp: Ramp) -> NDArray[np.complex128]:
    """Return image(r) exp(i k r) for an image (H, W), r counted from pixel [0, 0], complex128."""
    along_rows, along_columns = (
        np.exp(1j * k * np.arange(side)) for k, side in zip(ramp, image.shape, strict=True)
    )
    with np.errstate(invalid="ignore", over="ignore"):  # dead pixels stay dead pixels
        return np.asarray(image * along_rows[:, np.newaxis] * along_columns)


def peak_ramp(product: NDArray[np.complexfloating[Any, Any]]) -> Ramp:
    """Return the strongest frequency of truth conj(image), (H, W), to a fraction of a Fourier bin.

    Tapered input is needed: its broad peak leaves Newton's method a safe start.
    """
    power = np.abs(scipy.fft.fft2(product))
    frequencies = [2 * np.pi * np.fft.fftfreq(side) for side in product.shape]
    searched = [np.flatnonzero(np.abs(each) <= MAX_RAMP_RAD_PER_PX) for each in frequencies]
    near = power[np.ix_(*searched)]
    place = np.unravel_index(int(near.argmax()), near.shape)
    bins = [int(found[index]) for found, index in zip(searched, place, strict=True)]
    ramp = []
    for axis, (index, side) in enumerate(zip(bins, product.shape, strict=True)):
        other = bins[1 - axis]
        line = power[:, other] if axis == 0 else power[other]
        low, mid, high = (float(line[(index + step) % side]) for step in (-1, 0, 1))
        bend = low - 2 * mid + high
        offset = 0.5 * (low - high) / bend if bend < 0 else 0.0
        ramp.append(float(frequencies[axis][index] + np.clip(offset, -0.5, 0.5) * 2 * np.pi / side))
    return ramp[0], ramp[1]


def _newton(product: NDArray[np.complex128], start: Ramp) -> Ramp:
    """Maximise |C(k)|^2; a step that does not climb is halved, then given up."""
    axes = [np.arange(side) - (side - 1) / 2 for side in product.shape]
    k = np.array(start)
    value, gradient, hessian = _power(product, axes, k)
    for _ in range(30):
        curvature = np.linalg.eigvalsh(hessian)[-1]
        if not curvature < 0:  # not on a hill: the coarse peak stands
            break
        step = -np.linalg.solve(hessian, gradient)
        while np.abs(step).max() > 1e-13:
            higher = _power(product, axes, k + step)
            if higher[0] >= value:
                break
            step = step / 2
        else:
            break
        k, (value, gradient, hessian) = k + step, higher
    return float(k[0]), float(k[1])


def _power(
    product: NDArray[np.complex128], axes: list[NDArray[np.float64]], k: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """|C|^2 with its gradient and Hessian in k."""
    rows, columns = (np.exp(-1j * each * axis) for each, axis in zip(k, axes, strict=True))
    moments = np.stack([rows, axes[0] * rows, axes[0] ** 2 * rows]) @ product
    moments = moments @ np.stack([columns, axes[1] * columns, axes[1] ** 2 * columns]).T
    total = moments[0, 0]
    first = -1j * np.array([moments[1, 0], moments[0, 1]])
    second = -np.array([[moments[2, 0], moments[1, 1]], [moments[1, 1], moments[0, 2]]])
    gradient = 2 * (np.conj(total) * first).real
    hessian = 2 * (np.conj(total) * second + np.outer(np.conj(first), first)).real
    return float(abs(total) ** 2), gradient, hessian
