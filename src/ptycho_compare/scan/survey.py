"""One look at all images: their energy, their range, and what each detector pixel holds over all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ScanError
from ptycho_compare.scan.bad_pixels import BadPixels
from ptycho_compare.scan.formats.contents import Images


@dataclass(frozen=True, eq=False)
class Survey:
    """Facts about all images, in the numbers as stored; over measured pixels only.

    Attributes
    ----------
    bad : BadPixels
        What was left out: what was told to be bad, and pixels that are finite in no image.
    lost : int
        How many other numbers are not finite, each a bad pixel of its image.
    dtype : dtype
        Of the numbers as the file stores them.
    mean_square : float
        Sum over pixels of the mean of value squared: the energy of a mean image, if they are amplitudes.
    mean_sum : float
        Sum over pixels of the mean of the values above 0: the energy, if they are counts.
    integral : bool
        Every value is a whole number.
    maximum, lowest : float
        Largest and smallest value; a bad pixel counts as 0.
    lowest_image : int
        The first image that holds the smallest value.
    pattern : ndarray, (N, N), float64
        Mean of the images that measured each pixel; NaN where none did.
    floor, peak : ndarray, (N, N), float32
        Smallest and largest value of each pixel over the images that measured it.
    count : int
        Number of images.
    """

    bad: BadPixels
    lost: int
    dtype: np.dtype[Any]
    mean_square: float
    mean_sum: float
    integral: bool
    maximum: float
    lowest: float
    lowest_image: int
    pattern: NDArray[np.float64]
    floor: NDArray[np.float32]
    peak: NDArray[np.float32]
    count: int


def survey(images: Images, bad: BadPixels, *, label: str) -> Survey:
    """Read every image once; `label` names file and key.

    Raises
    ------
    ScanError
        An image is finite nowhere, or all are 0.
    """
    sums = _Sums(images.side)
    for raw in images.blocks():
        sums.add(raw, bad)
    lost = sums.lost == images.count
    if sums.blank is not None:
        raise ScanError(f"{label} image {sums.blank} holds values that are not finite, and no others")
    measured = sums.measured > 0
    mean = np.full((3, images.side, images.side), np.nan)
    np.divide([sums.total, sums.above, sums.square], sums.measured, out=mean, where=measured)
    if not sums.square.any():
        raise ScanError(f"{label} is zero in all {images.count} images")
    pattern, above, square = mean
    return Survey(
        bad=bad.joined(lost),
        lost=int(sums.lost[~lost].sum()),
        dtype=images.dtype,
        mean_square=float(square[measured].sum()),
        mean_sum=float(above[measured].sum()),
        integral=sums.integral,
        maximum=sums.maximum,
        lowest=sums.lowest,
        lowest_image=sums.lowest_image,
        pattern=pattern,
        floor=sums.floor,
        peak=sums.peak,
        count=images.count,
    )


class _Sums:
    """Sums over images, pixel by pixel, while blocks of them pass."""

    def __init__(self, side: int) -> None:
        self.total, self.above, self.square = np.zeros((3, side, side))
        self.measured, self.lost = np.zeros((2, side, side), np.int64)
        self.blank: int | None = None
        self.floor = np.full((side, side), np.inf, np.float32)
        self.peak = np.full((side, side), -np.inf, np.float32)
        self.integral, self.maximum, self.lowest = True, -np.inf, np.inf
        self.lowest_image, self._seen = 0, 0

    def add(self, raw: NDArray[Any], bad: BadPixels) -> None:
        """Add a block of images (b, N, N)."""
        block, good = bad.split(raw)
        square = np.einsum("ijk,ijk->jk", block, block, dtype=np.float64)
        if not np.isfinite(square).all():
            good = good & self._without_lost(block)
            square = np.einsum("ijk,ijk->jk", block, block, dtype=np.float64)
        self.square += square
        self.measured += good.sum(axis=0)
        self._range(block, good)
        self.total += block.sum(axis=0)
        low = block.min(axis=(1, 2))
        if low.min() < self.lowest:
            self.lowest, self.lowest_image = float(low.min()), self._seen + int(low.argmin())
        self.maximum = max(self.maximum, float(block.max()))
        whole = raw.dtype.kind != "f" or bool((block == np.rint(block)).all())
        self.integral = self.integral and whole
        self.above += (block if low.min() >= 0 else np.maximum(block, 0)).sum(axis=0, dtype=np.float64)
        self._seen += len(block)

    def _range(self, block: NDArray[np.float32], good: NDArray[np.bool_]) -> None:
        if good.all():
            low, high = block.min(axis=0), block.max(axis=0)
        else:
            low = np.where(good, block, np.float32(np.inf)).min(axis=0)
            high = np.where(good, block, np.float32(-np.inf)).max(axis=0)
        np.minimum(self.floor, low, out=self.floor)
        np.maximum(self.peak, high, out=self.peak)

    def _without_lost(self, block: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Set to 0 what is not finite; True where it was."""
        finite = np.isfinite(block)
        block[~finite] = 0
        nowhere = ~finite.any(axis=(1, 2))
        if nowhere.any() and self.blank is None:
            self.blank = self._seen + int(nowhere.argmax())
        self.lost += (~finite).sum(axis=0)
        return finite
