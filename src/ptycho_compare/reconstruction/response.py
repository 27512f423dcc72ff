"""Whether a network looks at its input at all.

A network whose output is constant can still draw a picture: merging and stitching paint
the geometry of the scan. Exchanging the images while the positions stay tells the two apart.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.models.predictor import Predictor
from ptycho_compare.scan import Diffraction, Plan

_ROWS = 16


def response_to_images(
    plan: Plan, diffraction: Diffraction, positions: NDArray[np.float64], predictor: Predictor
) -> float:
    """Measure how much patches change when they are given other images.

    Parameters
    ----------
    plan : Plan
    diffraction : Diffraction
    positions : ndarray, (n, 2), float64
        x, y in px.
    predictor : Predictor

    Returns
    -------
    float
        |f(X) - f(X')| / |f(X)| over up to 16 rows, X' being the images of other rows, drawn
        with a fixed seed. 0 for a network that ignores its input; not a number where f(X) is
        zero or not finite, or where there is but one row.
    """
    units = plan.units(positions, group_size=predictor.group_size)
    # drawn, not a fixed distance away: scans repeat themselves at regular distances
    if len(units.images) < 2:
        return float("nan")
    order = np.random.default_rng(0).permutation(len(units.images))
    rows, others = order[:_ROWS], np.roll(order, 1)[:_ROWS]
    given, exchanged = (
        predictor.predict(plan.network_input(diffraction, units.images[chosen]), units.local_offsets[rows])
        for chosen in (rows, others)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.linalg.norm(given - exchanged) / np.linalg.norm(given))
