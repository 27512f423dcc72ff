"""Which images of a split a view keeps."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ScanError


def kept_images(images: int, *, s_img: float, seed: int) -> NDArray[np.bool_]:
    """Draw floor(s_img n) of n images without replacement.

    The product is exact: 0.29 of 100 images are 29, although 0.29 * 100 is below 29 in floating point.

    Parameters
    ----------
    images : int
        n.
    s_img : float
        In (0, 1].
    seed : int
        Of the generator.

    Returns
    -------
    ndarray, (n,), bool
        True for a kept image.

    Raises
    ------
    ScanError
        Nothing would be kept.
    """
    count = int(Fraction(repr(float(s_img))) * images)
    if count < 1:
        raise ScanError(f"s_img = {s_img} keeps none of {images} images; needed: at least 1")
    mask = np.zeros(images, bool)
    mask[np.random.default_rng(seed).choice(images, size=count, replace=False)] = True
    return mask
