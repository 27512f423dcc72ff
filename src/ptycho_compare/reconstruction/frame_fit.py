"""The frame of an image that records none, fitted to the diffraction: where it explains the data best."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy
from numpy.typing import NDArray

from ptycho_compare.reconstruction.canvas import Grid
from ptycho_compare.reconstruction.forward_model import ForwardModel, lit_part
from ptycho_compare.reconstruction.residual import least_misfit
from ptycho_compare.scan.diffraction import Diffraction

_IMAGES = 24
_STEPS = 31
"""Whole places tried along an axis; beyond this radius only every second one, and so on."""

_STARTS = 3
_HARDLY_WORSE = 1.2
_PRECISION_PX = 0.01
_AT_EDGE_PX = 0.25


@dataclass(frozen=True)
class FittedShift:
    """By how much an image moves to explain the data best, rows and columns, px; `at_edge` of the radius."""

    dy: float
    dx: float
    at_edge: bool

    def __str__(self) -> str:
        edge = ", at the edge of the search radius" if self.at_edge else ""
        return f"(dy {self.dy:+.2f}, dx {self.dx:+.2f}) px{edge}"


def fit_shift(
    filled: NDArray[np.complexfloating],
    covered: NDArray[np.bool_],
    diffraction: Diffraction,
    positions: NDArray[np.float64],
    probe: NDArray[np.complexfloating],
    *,
    grid: Grid,
    images: NDArray[np.int64],
    radius_px: float,
) -> FittedShift:
    """Find the shift of an image with the least R over some images, within a radius.

    All whole shifts first, then fractions from the best of them (Nelder and Mead).

    Parameters
    ----------
    filled : ndarray, (H, W), complex
        On `grid`, finite everywhere; where it has no content, continued.
    covered : ndarray, (H, W), bool
        Pixels that count as reconstructed; they choose the images.
    diffraction, positions, probe, images
        As in `diffraction_residual`.
    """
    lit = lit_part(covered, positions[images], probe, grid)
    # as many as there are of those that see covered pixels best, over all of the scan
    best = np.sort(np.argsort(-lit, kind="stable")[: max(_IMAGES, np.count_nonzero(lit >= 0.95))])
    chosen = images[best[:: -(-len(best) // _IMAGES)]]
    measured, good = diffraction.read_measured(chosen)
    amplitudes = measured.astype(np.float64)
    around = ForwardModel.of(filled, positions[chosen], probe, grid)

    def misfit(shift: NDArray[np.float64], *, whole: bool = False) -> float:
        if np.abs(shift).max() > radius_px:
            return np.inf
        moved = positions[chosen] - np.asarray(shift)[::-1]
        model = replace(around, positions=np.rint(moved) if whole else moved)
        return least_misfit(amplitudes, np.where(good, model.amplitudes(np.arange(len(chosen))), 0.0))

    reach = int(radius_px)
    step = -(-(2 * reach + 1) // _STEPS)
    along = np.arange(0, reach + 1, step)
    places = [np.array([dy, dx]) for dy in (*-along[:0:-1], *along) for dx in (*-along[:0:-1], *along)]
    tried = np.array([misfit(place.astype(float), whole=True) for place in places])
    found = [
        scipy.optimize.minimize(
            misfit,
            places[index].astype(float),
            method="Nelder-Mead",
            options={
                "initial_simplex": places[index] + _SIMPLEX * step,
                "xatol": _PRECISION_PX,
                "fatol": 1e-6,
            },
        )
        for index in _starts(np.array(places), tried, step)
    ]
    dy, dx = (float(each) for each in min(found, key=lambda each: float(each.fun)).x)
    return FittedShift(dy, dx, at_edge=max(abs(dy), abs(dx)) > radius_px - _AT_EDGE_PX)


def _starts(places: NDArray[np.int64], tried: NDArray[np.float64], step: int) -> list[int]:
    """Indexes of the best places that are no neighbours of a better one and hardly worse than the best."""
    chosen: list[int] = []
    for index in np.argsort(tried, kind="stable"):
        away = [np.abs(places[index] - places[other]).max() > step for other in chosen]
        if all(away) and len(chosen) < _STARTS and tried[index] <= _HARDLY_WORSE * tried.min():
            chosen.append(int(index))
    return chosen


_SIMPLEX = np.array([[0.0, 0.0], [0.6, 0.2], [-0.2, 0.6]])
