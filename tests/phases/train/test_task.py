"""Which pixels of a patch the Baseline learns."""

from __future__ import annotations

import pytest

from later import later
from ptycho_compare.reconstruction.canvas import read_window

task = later("ptycho_compare.phases.train.task")


@pytest.mark.parametrize(("side", "crop_px"), [(64, 20), (64, 12), (32, 4)])
def test_all_that_is_stitched_is_learnt_and_nothing_that_no_canvas_reads(side: int, crop_px: int) -> None:
    learnt = task.learnt_pixels(side, crop_px) > 0.0
    read, around = read_window(side, crop_px), side // 2 - crop_px // 2
    stitched = slice(around, around + crop_px)
    assert learnt[stitched, stitched].all()
    assert learnt.sum() == learnt[read, read].sum() > crop_px**2


def test_nothing_is_learnt_outside_the_pixels_that_the_network_computes() -> None:
    weights = task.learnt_pixels(64, 28)  # it computes the central 32
    assert weights.sum() == 32**2
    assert weights[16:48, 16:48].all()
