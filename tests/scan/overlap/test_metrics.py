"""Overlap metrics: their definitions spelled out, their laws, and numbers of a real study."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from ptycho_compare.errors import ScanError
from ptycho_compare.scan.overlap import OverlapParameters
from ptycho_compare.scan.overlap.metrics import (
    OverlapMetrics,
    between_groups,
    between_images,
    disc_overlap_area,
    disc_overlap_fraction,
    geometry_bound,
    measure_overlap,
    overlap_groups,
    within_groups,
)
from thorough import examples

D = 38.4
COUNTS, SEEDS = st.integers(4, 60), st.integers(0, 1000)


def scattered(count: int, seed: int, *, size: float = 100.0) -> np.ndarray:
    return np.random.default_rng(seed).random((count, 2)) * size


def measured(positions: np.ndarray, **changes: float) -> OverlapMetrics:
    usual = {"gridsize": 2, "s_img": 1.0, "n_groups": 512, "neighbor_count": 6, "probe_diameter_px": D}
    parameters = {**usual, "rng_seed_subsample": 456, "rng_seed_grouping": 123, **changes}
    return measure_overlap(positions, OverlapParameters(**parameters), n_total=len(positions))


def mean_of_nearest(point: np.ndarray, others: np.ndarray, count: int) -> float:
    nearest = sorted(float(np.hypot(*(point - other))) for other in others)[:count]
    return float(np.mean([disc_overlap_fraction(distance, D) for distance in nearest]))


@examples(25)
@given(count=COUNTS, seed=SEEDS, neighbors=st.integers(1, 9))
def test_the_metrics_are_what_their_definitions_say(count: int, seed: int, neighbors: int) -> None:
    """Each definition spelled out as a loop."""
    positions = scattered(count, seed)
    groups = overlap_groups(positions, gridsize=2, count=10, seed=seed)
    one, three = [], []
    for group in groups:
        members = positions[group]
        one += [mean_of_nearest(members[i], np.delete(members, i, axis=0), neighbors) for i in range(4)]
    two = [mean_of_nearest(positions[i], np.delete(positions, i, axis=0), neighbors) for i in range(count)]
    centres = positions[groups].mean(axis=1)
    for i, centre in enumerate(centres):
        distance = np.linalg.norm(np.delete(centres, i, axis=0) - centre, axis=1)
        near = disc_overlap_fraction(distance[distance < D], D)
        three.append(float(near.mean()) if near.size else 0.0)
    found = within_groups(positions, groups, diameter=D, neighbors=neighbors)
    assert found == pytest.approx(np.mean(one), abs=1e-12)
    assert between_images(positions, diameter=D, neighbors=neighbors) == pytest.approx(
        np.mean(two), abs=1e-12
    )
    assert between_groups(centres, diameter=D) == pytest.approx(np.mean(three), abs=1e-12)


@examples(40)
@given(
    count=COUNTS,
    seed=SEEDS,
    gridsize=st.sampled_from([1, 2]),
    groups=st.integers(1, 100),
    neighbors=st.integers(1, 80),
    diameter=st.floats(0.5, 300),
)
def test_numbers_stay_in_their_ranges_and_repeat(
    count: int, seed: int, gridsize: int, groups: int, neighbors: int, diameter: float
) -> None:
    def once() -> OverlapMetrics:
        return measured(
            scattered(count, seed),
            gridsize=gridsize,
            n_groups=groups,
            neighbor_count=neighbors,
            probe_diameter_px=diameter,
        )

    found = once()
    assert found == once()
    assert (found.metric_1_group_based_avg is None) == (gridsize == 1)
    assert found.n_groups_actual == (count if gridsize == 1 else groups)
    assert found.n_images_subsampled == found.n_images_total == found.n_unique_images == count
    one, two, three = (
        found.metric_1_group_based_avg or 0.0,
        found.metric_2_image_based_avg,
        found.metric_3_group_to_group_avg,
    )
    assert min(one, two, three) >= 0
    assert max(one, two, three) <= 1
    assert 0 <= found.geometry_acceptance_bound <= 0.10
    assert found.effective_min_acceptance == max(found.geometry_acceptance_bound, 1e-6)


@examples(30)
@given(count=COUNTS, seed=SEEDS)
def test_the_order_of_the_images_changes_nothing(count: int, seed: int) -> None:
    """Metric 1 is left out: its groups are a draw by image number."""
    positions = scattered(count, seed)
    other = np.random.default_rng(seed).permutation(positions)
    one, two = measured(positions, gridsize=1), measured(other, gridsize=1)
    assert one.metric_2_image_based_avg == pytest.approx(two.metric_2_image_based_avg, rel=1e-12)
    assert one.metric_3_group_to_group_avg == pytest.approx(two.metric_3_group_to_group_avg, rel=1e-12)
    assert one.geometry_acceptance_bound == two.geometry_acceptance_bound


@examples(30)
@given(count=COUNTS, seed=SEEDS, copies=st.integers(1, 3))
def test_images_at_one_position_count_once_in_metric_2(count: int, seed: int, copies: int) -> None:
    positions = scattered(count, seed)
    repeated = np.concatenate([positions, *[positions[: count // 2]] * copies])
    one, two = measured(positions), measured(repeated)
    assert one.metric_2_image_based_avg == two.metric_2_image_based_avg
    assert (one.n_unique_images, two.n_unique_images) == (count, count)


@pytest.mark.parametrize("copies", [1, 5])
def test_a_single_position_overlaps_with_nothing_in_metric_2(copies: int) -> None:
    assert between_images(np.full((copies, 2), 50.0), diameter=D, neighbors=6) == 0.0


def test_groups_that_are_near_overlap_and_others_do_not() -> None:
    assert between_groups(np.array([[0.0, 0.0], [10.0, 0.0]]), diameter=D) == disc_overlap_fraction(10.0, D)
    assert between_groups(np.array([[0.0, 0.0], [D, 0.0]]), diameter=D) == 0.0
    assert between_groups(np.array([[0.0, 0.0]]), diameter=D) == 0.0
    # the third group has no neighbour and counts as 0
    apart = np.array([[0.0, 0.0], [10.0, 0.0], [500.0, 0.0]])
    assert between_groups(apart, diameter=D) == pytest.approx(2 / 3 * disc_overlap_fraction(10.0, D))
    touching = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, D]])  # at D exactly it is none of the near ones
    assert between_groups(touching, diameter=D) == pytest.approx(2 / 3 * disc_overlap_fraction(10.0, D))
    assert between_groups(np.zeros((3, 2)), diameter=D) == 1.0


@pytest.mark.parametrize("count", [2047, 2048, 2049, 4500])
def test_blocks_leave_no_seam_in_metric_3(count: int) -> None:
    """On a line with steps of 1 px and D = 1.5 px each has two neighbours at 1 px, the ends one."""
    line = np.stack([np.arange(count), np.zeros(count)], axis=1).astype(float)
    assert between_groups(line, diameter=1.5) == pytest.approx(float(disc_overlap_fraction(1.0, 1.5)))


@given(count=COUNTS, seed=SEEDS, diameter=st.floats(0.5, 300))
def test_the_bound_is_the_area_of_the_box_over_that_of_the_discs(
    count: int, seed: int, diameter: float
) -> None:
    positions = scattered(count, seed)
    width, height = positions.max(axis=0) - positions.min(axis=0)
    expected = min(width * height / (count * np.pi * (diameter / 2) ** 2), 0.10)
    assert geometry_bound(positions, diameter) == pytest.approx(expected, rel=1e-6)


def test_images_on_a_line_leave_the_least_acceptance() -> None:
    line = np.stack([np.arange(9.0), np.zeros(9)], axis=1)
    found = measured(line)
    assert (found.geometry_acceptance_bound, found.effective_min_acceptance) == (0.0, 1e-6)


@given(count=COUNTS, seed=SEEDS, groups=st.integers(1, 150))
def test_a_group_is_an_image_and_its_three_nearest(count: int, seed: int, groups: int) -> None:
    positions = scattered(count, seed)
    drawn = overlap_groups(positions, gridsize=2, count=groups, seed=seed)
    assert drawn.shape == (groups, 4)
    distance = np.linalg.norm(positions[:, None] - positions[None], axis=2)
    for first, *others in drawn:
        order = np.argsort(distance[first])
        assert order[0] == first
        assert set(others) == set(order[1:4])
    if groups <= count:  # more groups than images must repeat some
        assert len(np.unique(drawn[:, 0])) == groups
    np.testing.assert_array_equal(drawn, overlap_groups(positions, gridsize=2, count=groups, seed=seed))


@given(count=COUNTS, seed=SEEDS)
def test_each_image_is_its_own_group_of_one(count: int, seed: int) -> None:
    drawn = overlap_groups(scattered(count, seed), gridsize=1, count=3, seed=seed)
    np.testing.assert_array_equal(drawn, np.arange(count)[:, None])


def test_three_images_make_no_group_of_four() -> None:
    with pytest.raises(ScanError, match="needs 4 images and there are 3"):
        measured(scattered(3, 0))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"count": 5088, "gridsize": 1},
            {"metric_2_image_based_avg": 0.89076, "metric_3_group_to_group_avg": 0.26618},
        ),
        (
            {"count": 4070},
            {
                "metric_1_group_based_avg": 0.89088,
                "metric_2_image_based_avg": 0.87772,
                "metric_3_group_to_group_avg": 0.27062,
                "geometry_acceptance_bound": 0.011961,
            },
        ),
        (
            {"count": 4070, "neighbor_count": 25},
            {"metric_2_image_based_avg": 0.76125, "geometry_acceptance_bound": 0.011961},
        ),
    ],
    ids=["single images", "groups", "25 neighbours"],
)
def test_a_scan_like_that_of_a_real_study_has_its_numbers(
    changes: dict[str, int], expected: dict[str, float]
) -> None:
    """The study's own positions are not here, but it is known how many there are, uniformly random on
    336 x 168 px. That alone fixes what PtychoPINN measured on them (spec/study_contract.md 10) to 2 %;
    groups drawn from seven neighbours instead of the nearest three would miss metric 1 by 5 %.
    """
    positions = np.random.default_rng(0).random((changes.pop("count"), 2)) * [336.0, 168.0]
    found = measured(positions, **changes)
    for name, value in expected.items():
        assert getattr(found, name) == pytest.approx(value, rel=0.02), name


def test_a_split_of_5216_images_takes_no_minutes() -> None:
    positions = np.random.default_rng(0).random((5216, 2)) * [336.0, 168.0]
    began = time.process_time()
    measured(positions, n_groups=1024, neighbor_count=25)
    assert time.process_time() - began < 2.0


DIAMETERS = st.floats(0.1, 500)
PARTS = st.floats(0, 1.5)


def test_numbers_that_are_known_beforehand() -> None:
    assert disc_overlap_fraction(0.0, 38.4) == pytest.approx(1.0, abs=1e-6)
    assert disc_overlap_fraction(19.2, 38.4) == pytest.approx(2 / 3 - np.sqrt(3) / (2 * np.pi))  # 0.391
    assert 0.39 < disc_overlap_fraction(19.2, 38.4) < 0.40
    np.testing.assert_array_equal(disc_overlap_fraction([38.4, 38.5, 1e9, np.inf], 38.4), 0.0)
    assert disc_overlap_area(0.0, 38.4) == pytest.approx(np.pi * 19.2**2)


@given(diameter=DIAMETERS, part=st.floats(0, 1))
def test_the_area_is_that_of_two_segments(diameter: float, part: float) -> None:
    radius, half = diameter / 2, part * diameter / 2
    segment, _ = quad(lambda x: 2 * np.sqrt(max(0.0, radius**2 - x**2)), half, radius)
    assert disc_overlap_area(part * diameter, diameter) == pytest.approx(2 * segment, abs=1e-6 * radius**2)


@given(diameter=DIAMETERS, parts=st.lists(PARTS, min_size=2, max_size=20))
def test_the_fraction_falls_with_distance_and_stays_in_its_range(diameter: float, parts: list[float]) -> None:
    fraction = disc_overlap_fraction(np.sort(parts) * diameter, diameter)
    assert ((fraction >= 0) & (fraction <= 1)).all()
    assert (np.diff(fraction) <= 1e-12).all()


@given(diameter=DIAMETERS, part=PARTS, scale=st.floats(0.1, 10))
def test_the_fraction_knows_no_unit_of_length(diameter: float, part: float, scale: float) -> None:
    one = disc_overlap_fraction(part * diameter, diameter)
    assert disc_overlap_fraction(scale * part * diameter, scale * diameter) == pytest.approx(one, abs=1e-6)


def test_shapes_are_kept() -> None:
    assert disc_overlap_fraction(np.zeros((2, 3, 4)), 1.0).shape == (2, 3, 4)


@pytest.mark.parametrize(("distance", "diameter"), [(1.0, 0.0), (1.0, -2.0), (1.0, np.nan), (-0.1, 2.0)])
def test_what_is_no_disc_is_refused(distance: float, diameter: float) -> None:
    with pytest.raises(ValueError, match="must"):
        disc_overlap_area(distance, diameter)
