import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ptycho_compare.errors import ScoringError
from ptycho_compare.scoring.mask import bounding_box, common_mask, erode


def test_a_pixel_stays_if_every_array_covers_it_half_as_well_as_its_median():
    first = np.array([[0.0, 4.0, 4.0, 4.0, 1.9, 2.0]])
    second = np.array([[9.0, 0.0, 1.0, 1.0, 1.0, 1.0]])
    assert common_mask([first, second], coverage=0.5).tolist() == [[False, False, True, True, False, True]]


def test_the_coverage_wanted_can_be_set_but_zero_weight_never_counts():
    weight = np.array([[0.0, 0.1, 4.0, 4.0]])
    assert common_mask([weight], coverage=0.0).tolist() == [[False, True, True, True]]
    assert common_mask([weight], coverage=1.0).tolist() == [[False, False, True, True]]


@given(arrays(np.float64, (5, 6), elements=st.just(0.0) | st.floats(1e-3, 10)), st.floats(0.01, 1e4))
def test_the_unit_of_a_weight_does_not_matter(weight, unit):
    weight[0, 0] = 1.0
    # a power of two scales exactly: equality at the threshold is not left to rounding
    exact = 2.0 ** np.round(np.log2(unit))
    assert np.array_equal(common_mask([weight]), common_mask([weight * exact]))


def test_an_empty_result_says_how_much_each_array_covers():
    left, right = np.zeros((4, 4)), np.zeros((4, 4))
    left[:, :2], right[:3, 2:] = 1, 1
    with pytest.raises(ScoringError, match="16 pixels; array 0 covers 8, array 1 covers 6"):
        common_mask([left, right])


@pytest.mark.parametrize(
    ("weights", "text"),
    [
        ([], "at least one array"),
        ([np.ones((2, 2)), np.ones((2, 3))], r"different grids: \(2, 2\), \(2, 3\)"),
        ([np.array([[1.0, np.nan]])], "weight 0 is not finite in 1 of 2 pixels"),
        ([np.ones(4)], r"weight 0 is not an image: shape \(4,\)"),
        ([np.zeros((2, 2))], "array 0 covers 0"),
    ],
)
def test_weights_that_give_no_mask_are_refused(weights, text):
    with pytest.raises(ScoringError, match=text):
        common_mask(weights)


@given(arrays(np.bool_, (9, 11)), st.integers(0, 3))
def test_erosion_keeps_exactly_the_pixels_whose_window_is_inside(mask, radius):
    padded = np.pad(mask, radius)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (2 * radius + 1,) * 2)
    assert np.array_equal(erode(mask, radius), windows.all(axis=(2, 3)))


def test_a_mask_cannot_grow():
    with pytest.raises(ScoringError, match="-1 px"):
        erode(np.ones((3, 3), bool), -1)


def test_the_box_is_the_smallest_one():
    mask = np.zeros((8, 9), bool)
    mask[2, 3] = mask[5, 7] = True
    assert bounding_box(mask) == (slice(2, 6), slice(3, 8))


@pytest.mark.parametrize("mask", [np.zeros((3, 3), bool), np.ones((3, 3)), np.ones(3, bool)])
def test_what_is_no_mask_has_no_box(mask):
    with pytest.raises(ScoringError, match="mask"):
        bounding_box(mask)
