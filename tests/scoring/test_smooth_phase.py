"""The smooth part of a phase, against surfaces that are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.scoring.metrics.smooth_phase import SmoothFit, wrapped
from thorough import examples

from .objects import make_object, random_field

SHAPE = (128, 144)
ALL = np.ones(SHAPE, dtype=bool)
Y, X = np.indices(SHAPE) / 144


def hill(height, *, y=0.5, x=0.4, wide=1 / 6):
    return height * np.exp(-((Y - y) ** 2 + (X - x) ** 2) / (2 * wide**2))


def left(surface, mask=ALL, modulus=None):
    """What the fit leaves of a surface, about its mean on the mask, rad."""
    modulus = np.ones(SHAPE) if modulus is None else modulus
    found = SmoothFit.of(modulus, mask).of_field(modulus * np.exp(1j * surface)).surface
    rest = (surface - found)[mask]
    return np.abs(rest - rest.mean()).max()


@pytest.mark.parametrize("height", [2.0, 12.0, 25.0, 30.0, -30.0])
@pytest.mark.parametrize("place", [(0.5, 0.5), (0.1, 0.3), (0.9, 0.0)])
def test_a_hill_of_a_sixth_of_the_box_is_taken_out_whatever_its_height(height, place):
    assert left(hill(height, y=place[0], x=place[1])) < 2e-3 * abs(height)


@examples(20)
@given(st.floats(-3.0, 3.0), st.floats(-3.0, 3.0), st.floats(-3.1, 3.1))
def test_a_ramp_is_taken_out_to_the_last_digit_up_to_half_a_turn_per_pixel(ky, kx, phase):
    assert left(phase + 144 * (ky * Y + kx * X)) < 1e-9


def test_a_polynomial_is_taken_out_to_the_last_digit():
    assert left(9 * Y**3 * X**2 - 14 * X**4 + 20 * Y * X) < 1e-9


def test_differences_that_wrap_are_mended():
    # beyond half a turn per pixel on its flanks, where the ramp begins 2 rad off
    assert left(hill(40.0) + 144 * 2.9 * Y) < 0.1


def test_texture_keeps_its_contrast_and_comes_back_the_same_over_any_hill():
    texture = 0.5 * random_field(SHAPE, 3, cutoff=0.1)
    modulus = np.abs(make_object(SHAPE))
    fit = SmoothFit.of(modulus, ALL)

    def structure(phase):
        rest = wrapped(phase - fit.of_field(modulus * np.exp(1j * phase)).surface)
        return rest - rest.mean()

    plain = structure(texture)
    assert plain.std() > 0.8 * texture.std()
    for height in (2.0, 12.0, 30.0):
        assert np.abs(structure(texture + hill(height)) - plain).max() < 2e-3 * height


def test_only_the_mask_is_looked_at():
    mask = np.zeros(SHAPE, dtype=bool)
    mask[10:100, 20:130] = True
    mask[40:60, 50:70] = False
    field = np.where(mask, np.exp(1j * hill(12.0, wide=0.25)), np.exp(3j * random_field(SHAPE, 1)))
    one = SmoothFit.of(np.ones(SHAPE), mask).of_field(field).surface
    other = SmoothFit.of(np.ones(SHAPE), mask).of_field(np.where(mask, field, np.nan)).surface
    np.testing.assert_array_equal(one, other)
    assert left(hill(12.0, wide=0.25), mask) < 0.02


@pytest.mark.parametrize("pixels", [1, 2, 30])
def test_a_mask_of_a_few_pixels_is_left_alone(pixels):
    mask = np.zeros(SHAPE, dtype=bool)
    mask[3, 5 : 5 + pixels] = True
    part = SmoothFit.of(np.ones(SHAPE), mask).of_field(make_object(SHAPE))
    assert np.isfinite(part.surface).all()
    assert part.bend == 0.0


def test_a_plane_does_not_bend():
    fit = SmoothFit.of(np.ones(SHAPE), ALL)
    assert fit.of_field(np.exp(144j * (0.3 * Y - 0.1 * X))).bend < 1e-9
    assert fit.of_field(np.exp(1j * hill(6.0))).bend == pytest.approx(hill(6.0).std(), rel=0.3)
