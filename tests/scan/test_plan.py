"""One seeded plan: groups, the rows of each arm, and halves that share no image."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.errors import ScanError
from ptycho_compare.scan.group import form_groups
from ptycho_compare.scan.plan import Plan, draw_plan, half_plans, save_plan, split_images
from ptycho_compare.scan.read import open_scan
from scans import make_scan, write_scan
from thorough import examples


def positions_of(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random((count, 2)) * 100


@examples(60)
@given(
    count=st.integers(4, 80),
    groups=st.integers(1, 80),
    size=st.sampled_from([1, 4]),
    neighbors=st.integers(3, 12),
    seed=st.integers(0, 1000),
)
def test_groups_hold_their_seed_and_near_images_once(
    count: int, groups: int, size: int, neighbors: int, seed: int
) -> None:
    positions = positions_of(count, seed)
    groups = min(groups, count)
    drawn = form_groups(positions, size=size, count=groups, neighbors=neighbors, seed=seed)
    assert drawn.shape == (groups, size)
    assert (np.diff(drawn[:, 0]) > 0).all()  # every seed once, in scan order
    distance = np.linalg.norm(positions[:, None] - positions[None], axis=2)
    rank = distance.argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")
    for group in drawn:
        assert len(set(group)) == size
        assert (rank[group[0], group[1:]] <= neighbors).all()
    again = form_groups(positions, size=size, count=groups, neighbors=neighbors, seed=seed)
    np.testing.assert_array_equal(drawn, again)


def test_as_many_groups_as_images_use_every_image() -> None:
    drawn = form_groups(positions_of(50, 1), size=4, count=50, neighbors=7, seed=3)
    np.testing.assert_array_equal(np.unique(drawn), np.arange(50))


def test_another_seed_gives_other_groups() -> None:
    one, two = (form_groups(positions_of(50, 1), size=4, count=50, neighbors=7, seed=s) for s in (1, 2))
    assert (one != two).any()


def test_coinciding_positions() -> None:
    """With duplicates the nearest image found need not be the seed itself."""
    drawn = form_groups(np.zeros((9, 2)), size=4, count=9, neighbors=3, seed=0)
    assert all(len(set(group)) == 4 for group in drawn)
    np.testing.assert_array_equal(drawn[:, 0], np.arange(9))


@pytest.mark.parametrize(
    ("count", "neighbors", "message"),
    [(3, 7, "needs 4 images and there are 3"), (9, 2, "need at least 3 neighbours")],
)
def test_too_few(count: int, neighbors: int, message: str) -> None:
    with pytest.raises(ScanError, match=message):
        form_groups(positions_of(count, 0), size=4, count=1, neighbors=neighbors, seed=0)


def test_members_lie_at_centre_minus_offset() -> None:
    """The sign that PtychoPINN gets wrong: global - local, not global + local."""
    positions = positions_of(30, 5)
    plan = Plan(
        form_groups(positions, size=4, count=30, neighbors=9, seed=0), np.arange(len(positions)), 1.0, 0, 9
    )
    units = plan.units(positions, group_size=4)
    found = units.centres[:, None, :] - units.local_offsets[:, 0].transpose(0, 2, 1)
    np.testing.assert_allclose(found, positions[units.images], atol=1e-5)


def test_a_single_image_arm_predicts_each_image_once() -> None:
    positions = positions_of(30, 5)
    plan = Plan(
        form_groups(positions, size=4, count=20, neighbors=9, seed=0), np.arange(len(positions)), 1.0, 0, 9
    )
    units = plan.units(positions, group_size=1)
    assert sorted(units.images.ravel()) == sorted(set(plan.groups.ravel()))
    assert not units.local_offsets.any()
    np.testing.assert_array_equal(units.centres, positions[units.images[:, 0]])
    for image, group in zip(units.images[:, 0], units.group, strict=True):
        assert image in plan.groups[group]
        assert image not in plan.groups[:group]


@pytest.mark.parametrize("group_size", [1, 4])
@pytest.mark.parametrize("step", [1, 7, 20])
def test_chunks_are_slices_of_the_groups(group_size: int, step: int) -> None:
    positions = positions_of(30, 5)
    plan = Plan(
        form_groups(positions, size=4, count=20, neighbors=9, seed=0), np.arange(len(positions)), 1.0, 0, 9
    )
    units = plan.units(positions, group_size=group_size)
    rows = [units.chunk(first, first + step) for first in range(0, 20, step)]
    covered = np.concatenate([np.arange(r.start, r.stop) for r in rows])
    np.testing.assert_array_equal(covered, np.arange(len(units.images)))


def test_an_arm_that_takes_other_groups_is_refused() -> None:
    plan = Plan(np.zeros((3, 4), np.int64), np.zeros(1, np.int64), 1.0, 0, 7)
    with pytest.raises(ValueError, match="groups of 4 cannot serve an arm that takes 9"):
        plan.units(np.zeros((4, 2)), group_size=9)


def test_a_plan_of_a_scan(tmp_path: Path) -> None:
    path = write_scan(tmp_path / "scan.npz", make_scan(count=60, side=16, height=64, width=64))
    with open_scan(path) as scan:
        whole = draw_plan(scan, group_size=4, groups=None, neighbors=7, seed=1)
        few = draw_plan(scan, group_size=4, groups=20, neighbors=7, seed=1)
        many = draw_plan(scan, group_size=4, groups=999, neighbors=7, seed=1)
        thin = draw_plan(scan, group_size=4, groups=None, neighbors=7, seed=1, images=15, image_seed=2)
        assert (len(whole.groups), len(few.groups), len(many.groups)) == (60, 20, 60)
        assert len(np.unique(thin.groups)) == 15
        assert whole.normalization == few.normalization == thin.normalization == scan.normalization
        with pytest.raises(ScanError, match=f"{path}: a group needs 4 images"):
            draw_plan(scan, group_size=4, groups=None, neighbors=7, seed=1, images=3)
    save_plan(tmp_path / "plan.npz", few)
    saved = np.load(tmp_path / "plan.npz")
    np.testing.assert_array_equal(saved["groups"], few.groups)
    assert (str(saved["algorithm"]), int(saved["seed"])) == (few.algorithm, 1)


def make_plan(images: np.ndarray, positions: np.ndarray, *, size: int, groups: int, seed: int) -> Plan:
    drawn = form_groups(positions[images], size=size, count=groups, neighbors=7, seed=seed)
    return Plan(images[drawn], images, 0.37, seed, 7)


@given(count=st.integers(0, 200))
def test_every_image_is_in_one_half(count: int) -> None:
    even, odd = split_images(count)
    np.testing.assert_array_equal(np.sort(np.concatenate([even, odd])), np.arange(count))
    assert not (even % 2).any()
    assert len(even) - len(odd) == count % 2


@examples(60)
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


@examples(60)
@given(
    count=st.integers(4, 60),
    groups=st.integers(1, 60),
    size=st.sampled_from([1, 4]),
    drawn=st.integers(0, 80),
    seed=st.integers(0, 100),
)
def test_a_sample_of_groups_is_found_in_the_rows_of_every_arm(
    count: int, groups: int, size: int, drawn: int, seed: int
) -> None:
    """One row each, which begins with the image that the group was drawn from."""
    positions = positions_of(count, seed)
    formed = form_groups(positions, size=size, count=min(groups, count), neighbors=7, seed=seed)
    plan = Plan(formed, np.arange(count), 1.0, seed, 7)
    sample = plan.sample(drawn)
    assert len(sample) == min(drawn, len(formed))
    assert (np.diff(sample) > 0).all()
    np.testing.assert_array_equal(sample, plan.sample(drawn))
    for group_size in {1, size}:
        rows = plan.rows_of(sample, group_size=group_size)
        units = plan.units(positions, group_size=group_size)
        np.testing.assert_array_equal(units.images[rows, 0], formed[sample, 0])
        assert len(set(rows.tolist())) == len(sample)


def test_other_plans_have_other_samples() -> None:
    plan = Plan(np.arange(100)[:, None], np.arange(100), 1.0, 3, 7)
    assert set(plan.sample(10)) != set(replace(plan, seed=4).sample(10))
    assert set(plan.sample(10)) <= set(plan.sample(20))
