"""The physics that PtychoPINN trains through, against numpy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from later import later

tf, layers = later("tensorflow"), later("ptycho_compare.models.layers")
physics = later("ptycho_compare.models.training.physics")
SIDE, CANVAS = 16, 30


def random_complex(*shape: int, seed: int = 0) -> NDArray[np.complex64]:
    generator = np.random.default_rng(seed)
    return (generator.standard_normal(shape) + 1j * generator.standard_normal(shape)).astype(np.complex64)


@given(st.lists(st.integers(-7, 7), min_size=8, max_size=8))
def test_an_image_at_whole_pixels_is_a_window_of_the_canvas(shifts: list[int]) -> None:
    canvas = random_complex(1, CANVAS, CANVAS, 1)
    offsets = np.array(shifts, np.float32).reshape(1, 1, 2, 4)
    layer = physics.ExtractPatchesPositionLayer(SIDE, 2, dtype="complex64")
    found = np.asarray(layer([canvas, offsets]))
    start = (CANVAS - SIDE) // 2
    for member, (dx, dy) in enumerate(offsets[0, 0].T.astype(int)):
        # the member lies at minus its offset, [x, y]
        window = np.s_[start - dy : start - dy + SIDE, start - dx : start - dx + SIDE]
        assert np.array_equal(found[member, :, :, 0], canvas[0, :, :, 0][window])


def test_what_was_merged_at_an_offset_is_found_there_again() -> None:
    patches = np.zeros((1, SIDE, SIDE, 4), np.complex64)
    middle = slice(SIDE // 4, -SIDE // 4)
    patches[:, middle, middle] = random_complex(1, 1, 1, 4)  # one number per patch
    offsets = np.array([[[[-6, 6, 0, 0], [0, 0, 6, -6]]]], np.float32)
    canvas = layers.ReassemblePatchesLayer(CANVAS, SIDE, 2, dtype="complex64")([patches, offsets])
    again = np.asarray(physics.ExtractPatchesPositionLayer(SIDE, 2, dtype="complex64")([canvas, offsets]))
    centre = again[:, SIDE // 2, SIDE // 2, 0]
    np.testing.assert_allclose(centre, patches[0, SIDE // 2, SIDE // 2], rtol=2e-3)


def test_diffraction_is_that_of_phase_c() -> None:
    from ptycho_compare.phases.simulate.exposure import diffract

    probe, patches = random_complex(SIDE, SIDE), random_complex(3, SIDE, SIDE, 1, seed=1)
    waves = physics.ProbeIllumination(SIDE, probe)([patches])
    found = np.asarray(physics.PadAndDiffractLayer(SIDE, SIDE)([waves])[1])[..., 0]
    np.testing.assert_allclose(found, diffract(patches[..., 0], probe), rtol=1e-5, atol=1e-5)


def test_a_dark_pixel_has_a_finite_gradient() -> None:
    patches = tf.Variable(np.zeros((1, SIDE, SIDE, 1), np.complex64))
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(tf.square(physics.PadAndDiffractLayer(SIDE, SIDE)([patches])[1]))
    assert np.isfinite(np.asarray(tape.gradient(total, patches))).all()


@pytest.mark.parametrize("gridsize", [1, 2])
def test_images_come_back_to_their_groups_in_order(gridsize: int) -> None:
    groups, members = 3, gridsize**2
    by_group = np.random.default_rng(0).random((groups, SIDE, SIDE, members), np.float32)
    flat = by_group.transpose(0, 3, 1, 2).reshape(groups * members, SIDE, SIDE, 1)
    assert np.array_equal(np.asarray(physics.FlatToChannelLayer(SIDE, gridsize)(flat)), by_group)
