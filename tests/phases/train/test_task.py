"""What the Baseline learns of a patch is what a canvas reads of it."""

from __future__ import annotations

import numpy as np
import pytest

from later import later
from ptycho_compare.reconstruction.canvas import Canvas

task = later("ptycho_compare.phases.train.task")


@pytest.mark.parametrize(("side", "crop_px"), [(64, 20), (64, 12), (32, 4)])
def test_a_row_is_learnt_if_the_canvas_depends_on_it(side: int, crop_px: int) -> None:
    centre = np.array([[0.4, 0.3]])  # moved by a fraction of a pixel, so neighbours matter
    read = np.zeros(side, bool)
    for row in range(side):
        patch = np.zeros((1, side, side), np.complex64)
        patch[0, row] = 1.0
        canvas = Canvas.covering(centre, crop_px=crop_px)
        canvas.add(patch, centre)
        read[row] = np.abs(canvas.total).max() > 0.0
    assert np.array_equal(task.learnt_pixels(side, crop_px) > 0.0, np.outer(read, read))


def test_nothing_is_learnt_outside_the_pixels_that_the_network_computes() -> None:
    weights = task.learnt_pixels(64, 28)  # 40 px are read, and it computes the central 32
    assert weights.sum() == 32**2
    assert weights[16:48, 16:48].all()
