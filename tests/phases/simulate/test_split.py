"""The splits: halves of the object, by the middle of the range of y."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.errors import StudyError
from ptycho_compare.phases.simulate.simulate import split_by_y


@given(st.lists(st.floats(0, 500), min_size=8, max_size=60))
def test_every_image_is_in_one_half_and_the_middle_of_the_range_divides_them(heights: list[float]) -> None:
    y = np.array([*heights, 0, 0, 0, 0, 500, 500, 500, 500])
    split = split_by_y(np.stack([np.zeros_like(y), y], axis=1))
    assert split.point_px == 250
    train, test = split.images["train"], split.images["test"]
    np.testing.assert_array_equal(np.sort(np.concatenate([train, test])), np.arange(len(y)))
    assert y[train].max() < 250 <= y[test].min()
    assert (np.diff(train) > 0).all()
    assert (np.diff(test) > 0).all()


def test_the_halves_need_not_be_equally_large() -> None:
    y = np.array([0, 1, 2, 3, 4, 5, 96, 97, 98, 100.0])
    split = split_by_y(np.stack([y, y], axis=1))
    assert [len(images) for images in split.images.values()] == [6, 4]


@pytest.mark.parametrize(("y", "half"), [([0, 1, 2, 9, 9, 9, 9], "train"), ([0, 1, 2, 3, 9, 9, 9], "test")])
def test_a_half_with_too_few_images_for_a_group_is_named(y: list[float], half: str) -> None:
    positions = np.stack([y, y], axis=1).astype(float)
    with pytest.raises(StudyError, match=f"is 7, and 3 of them lie in the {half} half .* at least 4"):
        split_by_y(positions)
