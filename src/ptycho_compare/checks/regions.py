"""Where splits were scanned: on regions of their own, as their metadata may say, or among one another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import scipy
from numpy.typing import NDArray

from ptycho_compare.checks.stored_scan import StoredScan
from ptycho_compare.finding import Finding
from ptycho_compare.study.steps import TRAIN_SPLIT

_AXES = {"x": 0, "y": 1}
_SLACK_PX = 1e-6
_FEW = 0.01
"""Of a split's positions: so many may lie among another's before it is told."""


def judge_regions(scans: Sequence[StoredScan]) -> Iterator[Finding]:
    """Find splits that lie on both sides of the point at which their metadata say they were divided."""
    for scan in scans:
        if scan.divided_at is None or sum(other.divided_at == scan.divided_at for other in scans) < 2:
            continue
        axis, point = scan.divided_at
        along = scan.positions[:, _AXES[axis]]
        above = int(np.count_nonzero(along >= point))
        if 0 < above < len(along):
            text = (
                f"'_metadata' says that the splits were divided at {axis} = {point:g} px, and "
                f"{min(above, len(along) - above)} of {len(along)} positions lie on the other side"
            )
            yield Finding("input", f"{scan.path}: {text}; divide the data again")


def region_warnings(scans: Sequence[StoredScan]) -> Iterator[str]:
    """Tell of splits of one object whose positions lie within the region that was scanned for training.

    That is the convex hull of the positions. What a network saw there it may give back: scores on such a
    split say less about other objects. Nothing is said where the files hold no common true object.
    """
    trained = next((scan for scan in scans if scan.split == TRAIN_SPLIT), None)
    for scan in scans:
        if trained is None or scan is trained or scan.object is None or scan.object != trained.object:
            continue
        within = int(np.count_nonzero(_within(scan.positions, trained.positions)))
        if within > _FEW * len(scan.positions):
            yield (
                f"{scan.path}: {within} of {len(scan.positions)} positions lie in the region of the object "
                f"that {trained.path.name} covers"
            )


def _within(positions: NDArray[np.float64], region: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Say which positions lie inside the convex hull of others; none where that has no area."""
    if len(region) < 3 or not len(positions):
        return np.zeros(len(positions), np.bool_)
    in_box: NDArray[np.bool_] = ((positions > region.min(axis=0)) & (positions < region.max(axis=0))).all(
        axis=1
    )
    if not in_box.any():
        return in_box
    try:
        equations = scipy.spatial.ConvexHull(region).equations
    except scipy.spatial.QhullError:
        return np.zeros(len(positions), np.bool_)
    distances = positions @ equations[:, :2].T + equations[:, 2]
    inside: NDArray[np.bool_] = np.all(distances < -_SLACK_PX, axis=1)
    return inside
