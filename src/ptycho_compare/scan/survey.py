"""One pass over all images of a scan: every value checked, and what the numbers tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ScanError
from ptycho_compare.scan.formats.images import Images, usable


@dataclass(frozen=True)
class Survey:
    """What one pass over all images found, in the numbers as stored; bad pixels count as 0.

    Attributes
    ----------
    dtype : dtype
        Of the numbers as the file stores them.
    mean_square : float
        Mean over the images of the sum over pixels of value squared: the energy, if they are amplitudes.
    mean_sum : float
        Mean over the images of the sum over pixels of the values above 0: the energy, if they are counts.
    integral : bool
        Whether every value is a whole number.
    maximum, lowest : float
        Largest and smallest value.
    lowest_image : int
        The first image that holds the smallest value.
    pattern : ndarray, (N, N), float64
        Mean of all images.
    """

    dtype: np.dtype[Any]
    mean_square: float
    mean_sum: float
    integral: bool
    maximum: float
    lowest: float
    lowest_image: int
    pattern: NDArray[np.float64]


def survey(images: Images, mask: NDArray[np.bool_] | None, *, label: str) -> Survey:
    """Read every image once.

    Parameters
    ----------
    images : Images
    mask : ndarray, (N, N), bool, or None
        True where a detector pixel is bad.
    label : str
        File and key.

    Raises
    ------
    ScanError
        A value is not finite, or all are 0.
    """
    square, total, start = 0.0, 0.0, 0
    integral, maximum, lowest, lowest_image = True, -np.inf, np.inf, 0
    pattern = np.zeros((images.side, images.side))
    for raw in images.blocks():
        block = usable(raw, mask)
        energy = np.einsum("ijk,ijk->i", block, block, dtype=np.float64)
        bad = np.flatnonzero(~np.isfinite(energy))
        if bad.size:
            raise ScanError(f"{label} image {start + bad[0]} holds values that are not finite")
        low = block.min(axis=(1, 2))
        if low.min() < lowest:
            lowest, lowest_image = float(low.min()), start + int(low.argmin())
        square += float(energy.sum())
        maximum = max(maximum, float(block.max()))
        integral = integral and (raw.dtype.kind != "f" or bool((block == np.rint(block)).all()))
        pattern += block.sum(axis=0)
        total += float((block if low.min() >= 0 else np.maximum(block, 0)).sum(dtype=np.float64))
        start += len(block)
    if square == 0:
        raise ScanError(f"{label} is zero in all {images.count} images")
    return Survey(
        dtype=images.dtype,
        mean_square=square / images.count,
        mean_sum=total / images.count,
        integral=integral,
        maximum=maximum,
        lowest=lowest,
        lowest_image=lowest_image,
        pattern=pattern / images.count,
    )
