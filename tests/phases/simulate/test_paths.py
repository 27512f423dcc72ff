"""Scan paths: as many positions as asked, all inside, in the order that their name says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import KDTree

from ptycho_compare.phases.simulate.paths import make_path
from ptycho_compare.study.making import Simulation
from thorough import examples

KINDS = ("raster", "snake", "fermat", "random")


def draw(seed: int = 0, **settings: Any) -> np.ndarray:
    return make_path(Simulation(**settings), np.random.default_rng(seed))


@examples(60)
@given(
    path=st.sampled_from(KINDS),
    images=st.integers(8, 400),
    jitter=st.floats(0, 20),
    side=st.sampled_from([16, 48, 64]),
    room=st.integers(0, 100),
)
def test_every_patch_lies_inside_the_object(
    path: str, images: int, jitter: float, side: int, room: int
) -> None:
    size = 2 * side + room
    drawn = draw(
        path=path, images=images, jitter_px=jitter, patch_px=side, object_px=size, probe_fwhm_px=side / 2
    )
    assert (drawn.shape, drawn.dtype) == ((images, 2), np.float64)
    corners = np.rint(drawn) - side // 2
    assert corners.min() >= 0
    assert (corners + side).max() <= size
    # it uses the room there is: no axis is forgotten
    assert (np.ptp(drawn, axis=0) > 0.4 * (size - side)).all()


def test_a_raster_goes_row_by_row_and_a_snake_back_and_forth() -> None:
    raster, snake = (draw(path=path, images=100, jitter_px=0) for path in ("raster", "snake"))
    rows = raster.reshape(10, 10, 2)
    assert (np.ptp(rows[:, :, 1], axis=1) == 0).all()
    assert (np.diff(rows[:, :, 0], axis=1) > 0).all()
    assert (np.diff(rows[:, 0, 1]) > 0).all()
    steps = np.linalg.norm(np.diff(snake, axis=0), axis=1)
    assert steps.max() < 1.01 * steps.min()  # from each position to a neighbour
    np.testing.assert_array_equal(np.unique(raster, axis=0), np.unique(snake, axis=0))


def test_jitter_moves_each_position_by_its_own_amount_and_no_further() -> None:
    exact, moved = (draw(path="raster", images=400, jitter_px=jitter) for jitter in (0, 1.5))
    away = np.abs(moved - exact)
    assert away.max() <= 1.5
    assert len(np.unique(away)) > 700


def test_a_fermat_spiral_covers_the_square_evenly() -> None:
    drawn = draw(path="fermat", images=900, patch_px=64, object_px=256)
    nearest = KDTree(drawn).query(drawn, k=2)[0][:, 1]
    spacing = 192 / np.sqrt(900)
    assert nearest.min() > 0.6 * spacing
    assert nearest.max() < 1.3 * spacing
    counts = np.histogram2d(*drawn.T, bins=4, range=[[32, 224]] * 2)[0]
    assert np.abs(counts / (900 / 16) - 1).max() < 0.2
    assert np.linalg.norm(drawn[0] - 128) < spacing  # from the middle outwards


@pytest.mark.parametrize("path", ["raster", "random"])
def test_a_seed_gives_one_path_and_another_seed_another(path: str) -> None:
    one, again, other = (draw(seed, path=path, images=50) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()
