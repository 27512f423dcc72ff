"""True patches give back the truth, wherever the canvas lies and however they arrive."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.reconstruction.canvas import Canvas, Grid, move, read_window
from ptycho_compare.scan.read import open_scan
from ptycho_compare.scoring.alignment.gauge import fienup_error
from scans import make_object, make_positions, true_patches
from thorough import examples

SIDE = 32


@pytest.mark.parametrize("crop_px", [1, 20, 21, SIDE])
def test_whole_pixel_positions_are_exact(crop_px: int) -> None:
    truth = make_object(90, 120)
    positions = make_positions(80, 90, 120, SIDE, whole=True)
    canvas = Canvas.covering(positions, crop_px=crop_px)
    canvas.add(true_patches(truth, positions, SIDE), positions)
    values, weight = canvas.on_grid(Grid((0, 0), truth.shape))
    covered = weight > 0
    assert covered.sum() >= crop_px**2
    assert np.abs(values - truth)[covered].mean() < 1e-6


@pytest.mark.parametrize(
    ("split", "crop_px"),
    [
        ("train", 20),
        ("test", 48),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in [("train", 32), ("train", 48), ("test", 20)]
        ),
        pytest.param("test", 32, marks=pytest.mark.slow),
    ],
)
def test_the_reference_scan_at_its_own_positions(reference: Path, split: str, crop_px: int) -> None:
    path = reference / f"hub/data/phase_c/dose_1000000000/patched_{split}.npz"
    with open_scan(path) as scan:
        assert scan.truth is not None
        canvas = Canvas.covering(scan.positions, crop_px=crop_px)
        canvas.add(true_patches(scan.truth, scan.positions, scan.patch_px), scan.positions)
        values, weight = canvas.on_grid(Grid((0, 0), scan.truth.shape))
        covered = weight > 0
        # twice as good as asked for; what is left is mostly the spline that samples the patches
        assert np.abs(values - scan.truth)[covered].mean() < 5e-4
        assert fienup_error(values, scan.truth, covered) < 1e-3


@examples(30)
@given(seed=st.integers(0, 10**6), pieces=st.integers(1, 9), parts=st.integers(2, 4))
def test_pieces_and_parts_add_up(seed: int, pieces: int, parts: int) -> None:
    """Bit-equal however the patches are cut into calls; canvases of shards simply add up."""
    truth = make_object(64, 72)
    positions = make_positions(24, 64, 72, 16, seed=seed)
    patches = true_patches(truth, positions, 16)
    whole, split = (Canvas.covering(positions, crop_px=10) for _ in range(2))
    whole.add(patches, positions)
    for index in np.array_split(np.arange(24), pieces):
        split.add(patches[index], positions[index])
    np.testing.assert_array_equal(whole.total, split.total)
    np.testing.assert_array_equal(whole.weight, split.weight)
    shards = [Canvas.covering(positions, crop_px=10) for _ in range(parts)]
    for shard, index in zip(shards, np.array_split(np.arange(24), parts), strict=True):
        shard.add(patches[index], positions[index])
    np.testing.assert_allclose(sum(shard.total for shard in shards), whole.total, atol=1e-12)


@examples(30)
@given(x=st.floats(-40, 300), y=st.floats(-40, 300), crop_px=st.integers(1, 16))
def test_a_patch_anywhere_fits_its_canvas(x: float, y: float, crop_px: int) -> None:
    position = np.array([[x, y]])
    canvas = Canvas.covering(position, crop_px=crop_px)
    canvas.add(np.ones((1, 16, 16), np.complex64), position)
    assert canvas.weight.sum() == crop_px**2


def test_a_displaced_scan_gives_a_displaced_canvas() -> None:
    """Nothing is centred by a mean, a centroid or a bounding box."""
    truth = make_object(90, 120)
    positions = make_positions(40, 90, 120, SIDE)
    left = positions[positions[:, 0] < 50]
    canvas = Canvas.covering(left, crop_px=20)
    canvas.add(true_patches(truth, left, SIDE), left)
    values, weight = canvas.on_grid(Grid((0, 0), truth.shape))
    covered = weight > 0
    assert not covered[:, 70:].any()
    assert np.abs(values - truth)[covered].mean() < 5e-3


@pytest.mark.parametrize("origin", [(0, 0), (-5, 3), (40, 60), (500, -500)])
def test_laying_on_a_grid_cuts_what_lies_outside(origin: tuple[int, int]) -> None:
    source = np.arange(1, 301).reshape(15, 20)
    grid = Grid((2, -3), (50, 70))
    laid = grid.lay(source, origin)
    wanted = np.zeros(grid.shape, source.dtype)
    for (row, column), value in np.ndenumerate(source):
        r, c = row + origin[0] - 2, column + origin[1] + 3
        if 0 <= r < 50 and 0 <= c < 70:
            wanted[r, c] = value
    np.testing.assert_array_equal(laid, wanted)


@examples(20)
@given(side=st.integers(4, 64), crop=st.integers(1, 64), seed=st.integers(0, 99))
def test_only_the_middle_of_a_patch_is_read(side: int, crop: int, seed: int) -> None:
    """What a network yields further out is no image: whatever it is, it changes nothing."""
    crop = min(crop, side)
    read = read_window(side, crop)
    assert read.start + (read.stop - read.start) // 2 == side // 2
    assert read.stop - read.start == min(crop + 2 * 6, side)
    rng = np.random.default_rng(seed)
    patches = rng.normal(size=(3, side, side)) + 1j * rng.normal(size=(3, side, side))
    centres = rng.uniform(0, 20, (3, 2))
    canvases = []
    for around in (0.0, np.nan):
        canvas = Canvas.covering(centres, crop_px=crop)
        held = np.full_like(patches, around)
        held[:, read, read] = patches[:, read, read]
        canvas.add(held, centres)
        canvases.append(canvas.total)
    np.testing.assert_array_equal(*canvases)


def test_moving_by_nothing_is_exact() -> None:
    images = make_object(32, 48)[None]
    np.testing.assert_array_equal(
        move(images, np.zeros((1, 2)), slice(4, 9), slice(2, 40)), images[:, 4:9, 2:40]
    )


@examples(30)
@given(dy=st.floats(-0.5, 0.5), dx=st.floats(-0.5, 0.5), height=st.integers(6, 20), width=st.integers(6, 20))
def test_moving_is_exact_for_signals_mirrored_at_the_edges(
    dy: float, dx: float, height: int, width: int
) -> None:
    """Cosines with an even extension are the functions that the interpolation reproduces."""

    def field(row_shift: float, column_shift: float) -> np.ndarray:
        rows = np.cos(np.pi * 2 * (np.arange(height) - row_shift + 0.5) / height)
        columns = np.cos(np.pi * 3 * (np.arange(width) - column_shift + 0.5) / width)
        return (1 + 2j) * rows[:, None] * columns[None, :]

    moved = move(field(0, 0)[None], np.array([[dy, dx]]), slice(None), slice(None))[0]
    np.testing.assert_allclose(moved, field(dy, dx), atol=1e-9)


def test_whole_shifts_move_whole_pixels() -> None:
    images = make_object(32, 48)[None]
    moved = move(images, np.array([[3.0, -5.0]]), slice(8, 24), slice(8, 40))[0]
    np.testing.assert_allclose(moved, images[0, 5:21, 13:45], atol=1e-5)
