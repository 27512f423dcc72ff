"""Diffraction images, read as amplitudes, a few at a time.

The one place where counts become amplitudes and a DC in the corner is moved to the centre.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.scan.formats.contents import Images
from ptycho_compare.scan.reading import DcPlace, Values
from ptycho_compare.scan.survey import Survey


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

    Attributes
    ----------
    mean_energy : float
        Sum over pixels of the mean of amplitude squared, over the images that measured the pixel.
    """

    def __init__(
        self,
        images: Images,
        survey: Survey,
        *,
        values: Values,
        dc: DcPlace,
    ) -> None:
        self._images = images
        self._bad = survey.bad
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

    @property
    def good(self) -> NDArray[np.bool_]:
        """The pixels (N, N) that are not bad in all images, DC in pixel [N//2, N//2]."""
        good = ~self._bad.everywhere
        return np.fft.fftshift(good) if self.dc == "corner" else good

    def read(self, indices: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        """Read images by index: `read_measured` without its map."""
        return self.read_measured(indices)[0]

    def read_measured(
        self, indices: NDArray[np.integer[Any]]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Read images by index, and which of their pixels were measured.

        Amplitude is the square root of the counts. Counts below 0 are read as 0: they are noise
        around a subtracted dark level.

        Parameters
        ----------
        indices : ndarray, (b,), int
            Image numbers, each in [0, n).

        Returns
        -------
        amplitudes : ndarray, (b, N, N), float32
            0 in bad pixels.
        good : ndarray, (b, N, N), bool
            False in bad pixels: whatever is summed over a detector leaves them out.
        """
        images, good = self._bad.measured(self._images.read(indices))
        if self.values == "counts":
            np.sqrt(np.maximum(images, 0, out=images), out=images)
        if self.dc == "centre":
            return images, good
        return np.fft.fftshift(images, axes=(1, 2)), np.fft.fftshift(good, axes=(1, 2))

    def close(self) -> None:
        """Give back what holds the images."""
        self._images.close()
