"""Halves of the data: no image in both, all else as in the whole plan."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptycho_compare.errors import ScanError
from ptycho_compare.scan import Plan
from ptycho_compare.scan.group import form_groups
from ptycho_compare.scan.halves import half_plans, split_images


def make_plan(images: np.ndarray, positions: np.ndarray, *, size: int, groups: int, seed: int) -> Plan:
    drawn = form_groups(positions[images], size=size, count=groups, neighbors=7, seed=seed)
    return Plan(images[drawn], images, 0.37, seed, 7)


@given(count=st.integers(0, 200))
def test_every_image_is_in_one_half(count: int) -> None:
    even, odd = split_images(count)
    np.testing.assert_array_equal(np.sort(np.concatenate([even, odd])), np.arange(count))
    assert not (even % 2).any()
    assert len(even) - len(odd) == count % 2


@settings(max_examples=60)
@given(
    count=st.integers(8, 90),
    groups=st.integers(2, 90),
    size=st.sampled_from([1, 4]),
    seed=st.integers(0, 10**6),
)
def test_halves_share_no_image_and_keep_the_plan(count: int, groups: int, size: int, seed: int) -> None:
    positions = np.random.default_rng(seed).random((count, 2)) * 100
    plan = make_plan(np.arange(count), positions, size=size, groups=min(groups, count), seed=seed)
    even, odd = half_plans(plan, positions)
    assert not (even.groups % 2).any()
    assert (odd.groups % 2).all()
    assert len(even.groups) + len(odd.groups) == len(plan.groups)
    assert 0 <= len(even.groups) - len(odd.groups) <= 1
    for half, parity in ((even, 0), (odd, 1)):
        assert half.groups.shape[1] == size
        assert all(len(set(group)) == size for group in half.groups)
        assert (half.normalization, half.seed, half.neighbors) == (0.37, seed, 7)
        own = np.arange(parity, count, 2)
        distance = np.linalg.norm(positions[half.groups[:, :1]] - positions[own], axis=2)
        furthest = np.sort(distance, axis=1)[:, min(7, len(own) - 1)]
        members = np.linalg.norm(positions[half.groups] - positions[half.groups[:, :1]], axis=2)
        assert (members.max(axis=1) <= furthest + 1e-9).all()


def test_a_plan_of_every_image_has_halves_of_every_image() -> None:
    positions = np.random.default_rng(3).random((41, 2)) * 100
    plan = make_plan(np.arange(41), positions, size=4, groups=41, seed=5)
    used = [np.unique(half.groups) for half in half_plans(plan, positions)]
    np.testing.assert_array_equal(used[0], np.arange(0, 41, 2))
    np.testing.assert_array_equal(used[1], np.arange(1, 41, 2))


def test_a_thinned_plan_keeps_to_its_images() -> None:
    """Every other of the images kept, whatever their numbers in the file."""
    positions = np.random.default_rng(3).random((60, 2)) * 100
    kept = np.arange(0, 60, 2)
    plan = make_plan(kept, positions, size=4, groups=30, seed=5)
    even, odd = half_plans(plan, positions)
    np.testing.assert_array_equal(np.unique(even.groups), kept[::2])
    np.testing.assert_array_equal(np.unique(odd.groups), kept[1::2])


def test_halves_follow_the_seed_of_the_plan() -> None:
    positions = np.random.default_rng(3).random((50, 2)) * 100
    plan = make_plan(np.arange(50), positions, size=4, groups=20, seed=5)
    for first, again in zip(half_plans(plan, positions), half_plans(plan, positions), strict=True):
        np.testing.assert_array_equal(first.groups, again.groups)
    other = make_plan(np.arange(50), positions, size=4, groups=20, seed=6)
    for first, changed in zip(half_plans(plan, positions), half_plans(other, positions), strict=True):
        assert (first.groups != changed.groups).any()


@pytest.mark.parametrize(
    ("count", "groups", "message"),
    [
        (20, 1, "a plan of 1 groups has no halves; draw at least 2 groups"),
        (7, 4, "the odd half of the images: a group needs 4 images and there are 3"),
        (6, 4, "the even half of the images: a group needs 4 images and there are 3"),
    ],
)
def test_too_little_for_two_halves(count: int, groups: int, message: str) -> None:
    positions = np.random.default_rng(0).random((count, 2))
    plan = make_plan(np.arange(count), positions, size=4, groups=groups, seed=0)
    with pytest.raises(ScanError, match=message):
        half_plans(plan, positions)
