"""Diffraction images: all of them surveyed once, then read as amplitudes, a few at a time.

The one place where counts become amplitudes and a DC in the corner is moved to the centre.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ScanError
from ptycho_compare.scan.formats.contents import Images, usable
from ptycho_compare.scan.reading import DcPlace, Values


@dataclass(frozen=True)
class Survey:
    """Facts about all images, in the numbers as stored; bad pixels count as 0.

    Attributes
    ----------
    dtype : dtype
        Of the numbers as the file stores them.
    mean_square : float
        Mean over the images of the sum over pixels of value squared: the energy, if they are amplitudes.
    mean_sum : float
        Mean over the images of the sum over pixels of the values above 0: the energy, if they are counts.
    integral : bool
        Every value is a whole number.
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
    """Read every image once; `mask` (N, N) is True where a detector pixel is bad, `label` names file and key.

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


class Diffraction:
    """Random access to n images of N x N float32 amplitudes, DC in pixel [N//2, N//2].

    Parameters
    ----------
    images : Images
        As the file stores them.
    survey : Survey
        Of those images.
    values, dc : str
        Their meaning, and where their DC lies.
    mask : ndarray, (N, N), bool, or None
        True where a detector pixel, as stored, is bad.

    Attributes
    ----------
    mean_energy : float
        Mean over the images of the sum over pixels of amplitude squared.
    """

    def __init__(
        self,
        images: Images,
        survey: Survey,
        *,
        values: Values,
        dc: DcPlace,
        mask: NDArray[np.bool_] | None,
    ) -> None:
        self._images = images
        self._mask = mask
        self.values = values
        self.dc = dc
        self.mean_energy = survey.mean_sum if values == "counts" else survey.mean_square

    @property
    def count(self) -> int:
        """n, the number of images."""
        return self._images.count

    @property
    def patch_px(self) -> int:
        """N, the side of an image, px."""
        return self._images.side

    def read(self, indices: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        """Read images by index.

        Amplitude is the square root of the counts. Counts below 0 are read as 0: they are noise
        around a subtracted dark level, or the -1 by which some detectors mark a pixel.

        Parameters
        ----------
        indices : ndarray, (b,), int
            Image numbers, each in [0, n).

        Returns
        -------
        ndarray, (b, N, N), float32
            Amplitudes; 0 in bad pixels.
        """
        images = usable(self._images.read(indices), self._mask)
        if self.values == "counts":
            np.sqrt(np.maximum(images, 0, out=images), out=images)
        return np.fft.fftshift(images, axes=(1, 2)) if self.dc == "corner" else images

    def close(self) -> None:
        """Give back what holds the images."""
        self._images.close()
