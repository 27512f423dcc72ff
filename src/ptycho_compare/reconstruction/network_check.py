"""How well a network explains the images it is given: part of its canvas, held against them.

No truth is needed. A network that is fed what it was not trained on gives patches that explain nothing.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from threadpoolctl import threadpool_limits

from ptycho_compare.models.predictor import Predictor
from ptycho_compare.reconstruction.canvas import Canvas, Grid
from ptycho_compare.reconstruction.geometry import LEAST_IMAGES
from ptycho_compare.reconstruction.geometry_search import GeometryReading
from ptycho_compare.reconstruction.held_images import Explained, HeldImages
from ptycho_compare.reconstruction.stream import reconstruct
from ptycho_compare.reconstruction.stream_state import StreamState
from ptycho_compare.scan import Plan, Scan

CHECKED_IMAGES = 64


def explained_by_network(
    predictor: Predictor, scan: Scan, plan: Plan, *, count: int = CHECKED_IMAGES
) -> Explained | None:
    """Predict some neighbouring groups, and compare what they were made from with what they predict.

    Parameters
    ----------
    plan : Plan
        Of the whole scan; its groups nearest to the middle are taken.
    count : int
        Images, at most.

    Returns
    -------
    Explained or None
        R as given and with positions shuffled, over the images of which 95 % of the light lies on the
        canvas; None where those are too few, where there is no probe, or where nothing came out.
    """
    if scan.modes is None or scan.modes.shape[-1] != scan.patch_px:
        return None
    units = plan.units(scan.positions, group_size=predictor.group_size)
    distance = np.hypot(*(units.centres - np.median(units.centres, axis=0)).T)
    nearest = np.sort(np.argsort(distance, kind="stable")[: max(count // predictor.group_size, LEAST_IMAGES)])
    part = replace(plan, groups=units.images[nearest])
    canvas = Canvas.covering(scan.positions[np.unique(part.groups)], crop_px=scan.patch_px // 2)
    state = StreamState(canvas, len(part.groups), len(part.groups))
    reconstruct(part, scan.diffraction, scan.positions, predictor, state)
    return _explained(canvas, scan, np.unique(part.groups))


def _explained(canvas: Canvas, scan: Scan, images: np.ndarray) -> Explained | None:
    grid = Grid(canvas.origin, (canvas.weight.shape[0], canvas.weight.shape[1]))
    values, weight = canvas.on_grid(grid)
    covered = (weight > 0) & np.isfinite(values)
    if scan.modes is None or not np.any(values[covered]):
        return None
    amplitudes, good = scan.diffraction.read_measured(images)
    places = scan.positions[images][:, ::-1] - np.array(grid.origin)
    held = HeldImages(values, covered, scan.modes, amplitudes, good, places, places.mean(axis=0))
    given = GeometryReading()
    with threadpool_limits(limits=1, user_api="blas"):
        lit = held.lit(given, np.arange(len(images)))
        return held.explained(given, lit) if len(lit) >= LEAST_IMAGES else None
