"""How well a network explains the images it is given: part of its canvas, held against them.

No truth is needed. A network that is fed what it was not trained on gives patches that explain nothing.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ptycho_compare.blas import one_blas_thread
from ptycho_compare.models.predictor import Predictor
from ptycho_compare.reconstruction.canvas import Canvas, Grid
from ptycho_compare.reconstruction.geometry import LEAST_IMAGES
from ptycho_compare.reconstruction.geometry_search import GeometryReading
from ptycho_compare.reconstruction.held_images import Explained, HeldImages
from ptycho_compare.reconstruction.stream import reconstruct
from ptycho_compare.reconstruction.stream_state import StreamState
from ptycho_compare.scan.plan import Plan
from ptycho_compare.scan.read import Scan

CHECKED_IMAGES = 64


def explained_by_network(predictor: Predictor, scan: Scan, plan: Plan) -> Explained | None:
    """Predict some neighbouring groups, and compare what they were made from with what they predict.

    Returns
    -------
    Explained or None
        R as given and with positions shuffled, over the images of which 95 % of the light lies on the
        canvas; None where those are too few, where there is no probe, or where nothing came out.
    """
    held = held_by_network(predictor, scan, plan)
    if held is None:
        return None
    with one_blas_thread():
        lit = held.lit(GeometryReading(), np.arange(len(held.positions)))
        return held.explained(GeometryReading(), lit) if len(lit) >= LEAST_IMAGES else None


def r_of_network(predictor: Predictor, scan: Scan, plan: Plan) -> float:
    """R as given alone, over the same images; infinite where `explained_by_network` gives None."""
    held = held_by_network(predictor, scan, plan)
    if held is None:
        return np.inf
    with one_blas_thread():
        found = held.residual(GeometryReading(), np.arange(len(held.positions)))
    return found.r_factor if len(found.images) >= LEAST_IMAGES and np.isfinite(found.r_factor) else np.inf


def held_by_network(
    predictor: Predictor, scan: Scan, plan: Plan, *, count: int = CHECKED_IMAGES
) -> HeldImages | None:
    """Lay the patches of the groups nearest to the middle, at most `count` images; None without a probe."""
    if scan.modes is None or scan.modes.shape[-1] != scan.patch_px:
        return None
    units = plan.units(scan.positions, group_size=predictor.group_size)
    distance = np.hypot(*(units.centres - np.median(units.centres, axis=0)).T)
    nearest = np.sort(np.argsort(distance, kind="stable")[: max(count // predictor.group_size, LEAST_IMAGES)])
    part = replace(plan, groups=units.images[nearest])
    images = np.unique(part.groups)
    canvas = Canvas.covering(scan.positions[images], crop_px=scan.patch_px // 2)
    state = StreamState(canvas, len(part.groups), len(part.groups))
    reconstruct(part, scan.diffraction, scan.positions, predictor, state)
    grid = Grid(canvas.origin, (canvas.weight.shape[0], canvas.weight.shape[1]))
    values, weight = canvas.on_grid(grid)
    covered = (weight > 0) & np.isfinite(values)
    if not np.any(values[covered]):
        return None
    amplitudes, good = scan.diffraction.read_measured(images)
    places = scan.positions[images][:, ::-1] - np.array(grid.origin)
    return HeldImages(values, covered, scan.modes, amplitudes, good, places, places.mean(axis=0))
