"""How far two probes overlap, each taken as a disc of diameter D."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def disc_overlap_area(distance: ArrayLike, diameter: float) -> NDArray[np.float64]:
    """Area that two equal discs share.

    A(d) = 2 R^2 arccos(d / 2R) - (d / 2) sqrt(4 R^2 - d^2) for d < D, else 0: two circular segments [1]_.

    Parameters
    ----------
    distance : array_like, any shape
        d, of the centres, px; not negative.
    diameter : float
        D = 2R, px.

    Returns
    -------
    ndarray, the shape of `distance`, float64
        px^2, from pi R^2 at d = 0 down to 0 at d = D.

    Raises
    ------
    ValueError
        A distance is negative, or D is not positive.

    References
    ----------
    .. [1] E. W. Weisstein, "Circle-Circle Intersection", MathWorld, the case of equal radii.
    """
    distance = np.asarray(distance, np.float64)
    if not diameter > 0:
        raise ValueError(f"diameter must be positive; found {diameter}")
    if (distance < 0).any():
        raise ValueError(f"distances must not be negative; found {distance.min()}")
    apart = np.minimum(distance / diameter, 1.0)
    return np.asarray(0.5 * diameter**2 * (np.arccos(apart) - apart * np.sqrt(1 - apart**2)))


def disc_overlap_fraction(distance: ArrayLike, diameter: float) -> NDArray[np.float64]:
    """f(d) = A(d) / (pi R^2): 1 at d = 0, 0.391 at d = R, 0 from d = D on; see `disc_overlap_area`."""
    return disc_overlap_area(distance, diameter) / (np.pi * (diameter / 2) ** 2)
