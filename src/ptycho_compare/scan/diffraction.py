"""Diffraction amplitudes with DC in the centre, a few images at a time.

The one place where counts become amplitudes and a DC in the corner is moved to the centre.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.scan.formats.images import Images, usable
from ptycho_compare.scan.reading import DcPlace, Values
from ptycho_compare.scan.survey import Survey


@dataclass(frozen=True)
class Summary:
    """What the one pass over all images found.

    Attributes
    ----------
    mean_energy : float
        Mean over the images of the sum over pixels of amplitude squared.
    integral : bool
        Whether every value, as stored, is a whole number.
    maximum : float
        Largest amplitude.
    """

    mean_energy: float
    integral: bool
    maximum: float


class Diffraction:
    """Random access to n images of N x N float32 amplitudes, DC in pixel [N//2, N//2].

    Parameters
    ----------
    images : Images
        What the file stores.
    survey : Survey
        Of those images.
    values, dc : str
        What they hold and where their DC lies.
    mask : ndarray, (N, N), bool, or None
        True where a detector pixel, as stored, is bad.
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
        energy, maximum = survey.mean_square, survey.maximum
        if values == "counts":
            energy, maximum = survey.mean_sum, float(np.sqrt(max(maximum, 0)))
        self.summary = Summary(energy, survey.integral, maximum)

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
