"""The start of a search: whole-pixel shift and ramp, when nothing is known.

A ramp hides a shift from any correlation of the fields themselves. It only multiplies the
product of neighbouring pixels, o(r + 1) conj(o(r)), by a constant, so that correlating
those products finds the shift under any ramp; the ramp is then the peak of the spectrum
of truth conj(image). Correlating the fields is tried as well: without a ramp it bears
more noise. The better of the two, judged by overlap, wins.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from ptycho_compare.scoring.alignment.ramp import Ramp, apply_ramp, peak_ramp
from ptycho_compare.scoring.mask import Mask

Field = NDArray[np.complex128]


@dataclass(frozen=True)
class CoarseMatch:
    """A first guess: whole-pixel shift (dy, dx) in px, ramp in rad/px, and the overlap it reaches."""

    shift: tuple[int, int]
    ramp: Ramp
    overlap: float


def coarse_match(image: Field, truth: Field, window: NDArray[np.float64], *, reach: int) -> CoarseMatch:
    """Find the best start within reach.

    Parameters
    ----------
    image, truth : ndarray, (H, W), complex128
        Zero outside the mask, with a margin of more than `reach` px of zeros around.
    window : ndarray, (H, W), float64
        Taper in [0, 1], zero outside the mask.
    reach : int
        Largest |dy| and |dx| looked at, px.
    """
    lags = {
        _peak([(_centred(truth, window), _centred(image, window))], reach),
        _peak(list(zip(_products(truth, window), _products(image, window), strict=True)), reach),
    }
    starts = [_with_ramp(image, truth, window, lag) for lag in sorted(lags)]
    return max(starts, key=lambda start: start.overlap)


def _centred(values: Field, window: NDArray[np.float64]) -> Field:
    mean = np.sum(values * window) / window.sum()
    return np.asarray((values - mean) * window)


def _products(values: Field, window: NDArray[np.float64]) -> list[Field]:
    """Products of neighbours along rows and columns, their means removed."""
    found = []
    for axis in (0, 1):
        # the margin is zero, so what rolls over the edge is zero
        both: Mask = (window > 0) & (np.roll(window, -1, axis) > 0)
        found.append(_centred(np.roll(values, -1, axis) * np.conj(values), window * both))
    return found


def _peak(pairs: list[tuple[Field, Field]], reach: int) -> tuple[int, int]:
    """Best common lag of some pairs of fields, each free of a constant factor."""
    total = sum(np.abs(_correlation(first, second)) for first, second in pairs)
    lags = np.arange(-reach, reach + 1)
    near = np.asarray(total)[np.ix_(lags, lags)]
    row, column = np.unravel_index(int(near.argmax()), near.shape)
    return int(lags[row]), int(lags[column])


def _correlation(first: Field, second: Field) -> Field:
    return np.asarray(scipy.fft.ifft2(scipy.fft.fft2(first) * np.conj(scipy.fft.fft2(second))))


def _with_ramp(image: Field, truth: Field, window: NDArray[np.float64], lag: tuple[int, int]) -> CoarseMatch:
    placed, came_from = np.roll(image, lag, (0, 1)), np.roll(window, lag, (0, 1))
    common = np.minimum(window, came_from)
    if not common.any():
        return CoarseMatch(lag, (0.0, 0.0), 0.0)
    ramp = peak_ramp(truth * np.conj(placed) * common)
    a, t = _centred(apply_ramp(placed, ramp), common), _centred(truth, common)
    norm = float(np.linalg.norm(a) * np.linalg.norm(t))
    return CoarseMatch(lag, ramp, abs(complex(np.vdot(t, a))) / norm if norm > 0 else 0.0)
