"""Detector pixels that hold one number in all images while their neighbours count.

Counting never gives that: a gap or a beam stop holds 0, a dead pixel its own number, a mark what somebody
chose. Only what stands out of the light around it is certain; the rim of a threshold and a full pixel do not.
"""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import NDArray

from ptycho_compare.scan.survey import Survey

LEAST_IMAGES = 10
_FACTOR = 10.0
"""By so much must light on either side exceed a pixel that is dark in all images."""
_REACH_PX = 24
"""The widest gap, or beam stop, across which light is looked for."""


def dark_pixels(found: Survey, steady: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Find pixels that never change between others, left and right or above and below, that are bright.

    Bright is ten times the pixel's own number, and ten times the smallest number above 0 that any pixel holds
    at its brightest: a dark place among few photons, or under a threshold, is no dead one. Next to such a
    pixel the light of all images together need only be so bright.

    Parameters
    ----------
    found : Survey
    steady : ndarray, (N, N), bool
        Pixels that hold one number in all images.

    Returns
    -------
    ndarray, (N, N), bool
    """
    none = np.zeros_like(steady)
    if found.count < LEAST_IMAGES:
        return none
    living = np.isfinite(found.pattern) & ~steady
    light = np.where(living, found.pattern, np.nan)
    some = found.peak[living & (found.peak > 0)]
    if not some.size:
        return none
    rows = np.minimum(_before(light), _before(light[::-1])[::-1])
    columns = np.minimum(_before(light.T).T, _before(light.T[::-1])[::-1].T)
    around = np.maximum(rows, columns)
    dark = steady & (found.peak >= 0)
    bright = _FACTOR * np.maximum(found.peak, some.min())
    together = dark & (around * found.count >= bright)
    grown = scipy.ndimage.binary_propagation(
        dark & (around >= bright), np.ones((3, 3), np.bool_), mask=together
    )
    return np.asarray(grown, np.bool_)


def _before(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """The nearest number in a row before, for every pixel; 0 where none is near."""
    last, age = np.zeros(light.shape[1]), np.full(light.shape[1], _REACH_PX + 1)
    found = np.zeros_like(light)
    for row, values in enumerate(light):
        found[row] = np.where(age <= _REACH_PX, last, 0.0)
        known = np.isfinite(values)
        last, age = np.where(known, values, last), np.where(known, 1, age + 1)
    return found
