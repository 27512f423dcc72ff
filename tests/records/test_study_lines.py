"""Cells, trials, lines and crossings of a study: what its numbers come to, and what cannot be told."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.records.compared import Compared
from ptycho_compare.records.deciding import Deciding, leaves_out_zero, told_apart
from ptycho_compare.records.study_conditions import StudyCondition, conditions_in, levels_text
from ptycho_compare.records.study_lines import Crossing, StudyLine, crossings_of, lines_of, slopes_of
from ptycho_compare.records.tables.metrics_csv import MetricRow
from ptycho_compare.records.tables.pairs_csv import DifferenceRow
from ptycho_compare.records.trials import mean_ends, spread_of
from ptycho_compare.study import Comparison, Level

SSIM = Deciding("ssim", "phase")
Cell = tuple[tuple[str, Level], ...]


def compared(
    fienup: Mapping[str, float],
    *,
    dose: int = 1000,
    view: str = "dense",
    cell: Cell = (),
    half: float = 0.01,
    overlap: float | None = None,
    ssim: Mapping[str, float] | None = None,
    turned: bool = False,
) -> Compared:
    """A comparison with these numbers; every difference has an interval of this half width."""
    rows = [
        MetricRow(arm, "fienup", None, None, number, "ok", "v", 100, value_low=number - half,
                  value_high=number + half, reference="truth")
        for arm, number in fienup.items()
    ]  # fmt: skip
    rows += [
        MetricRow(arm, "ssim", None, number, None, "ok", "v", 100) for arm, number in (ssim or {}).items()
    ]
    differences = []
    for one, other in combinations(reversed(fienup) if turned else fienup, 2):
        by = fienup[one] - fienup[other]
        ends = by - half, by + half
        differences.append(DifferenceRow(one, other, "fienup", "value", by, *ends, leaves_out_zero(ends)))
    place = Comparison(dose, view, "test", "full", cell)
    return Compared(place, overlap, 64, tuple(rows), tuple(differences))


def cells(found: Sequence[Compared]) -> list[StudyCondition]:
    return conditions_in(found, level=0.95)


def over_doses(
    *arms: Callable[[int], float], doses: Sequence[int] = (100, 1000, 10000), half: float = 0.01
) -> StudyLine:
    """One line over doses of arms A, B ... whose Fienup error is a function of it."""
    numbers = [dict(zip("ABC", (arm(dose) for arm in arms), strict=False)) for dose in doses]
    (line,) = lines_of(
        cells([compared(each, dose=dose, half=half) for dose, each in zip(doses, numbers, strict=True)])
    )
    return line


def test_student_s_interval_of_a_mean() -> None:
    """Two numbers 1 apart: sd is 1 / sqrt 2, and t of one degree of freedom is 12.706."""
    found = spread_of([1.0, 2.0], level=0.95)
    assert (found.count, found.mean) == (2, 1.5)
    assert found.sd == pytest.approx(math.sqrt(0.5))
    assert found.interval == pytest.approx((1.5 - 12.7062 / 2, 1.5 + 12.7062 / 2), abs=1e-4)
    assert spread_of([3.0], level=0.95).interval is None


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=6), st.floats(-5, 5), st.floats(0.1, 5))
def test_spreads_move_and_stretch_with_their_numbers(values: list[float], shift: float, scale: float) -> None:
    found, moved = (
        spread_of(values, level=0.9),
        spread_of([scale * each + shift for each in values], level=0.9),
    )
    assert found.sd is not None
    assert found.interval is not None
    assert moved.mean == pytest.approx(scale * found.mean + shift, abs=1e-9)
    assert moved.sd == pytest.approx(scale * found.sd, abs=1e-9)
    assert moved.interval == pytest.approx([scale * end + shift for end in found.interval], abs=1e-6)
    assert found.interval[0] <= found.mean <= found.interval[1]


def test_intervals_over_pixels_are_averaged_and_do_not_shrink() -> None:
    assert mean_ends([(0.0, 2.0), (2.0, 4.0)]) == (1.0, 3.0)
    assert mean_ends([(0.0, 2.0), None]) is None
    assert mean_ends([]) is None


def test_a_difference_is_told_apart_where_all_that_is_known_says_so() -> None:
    assert told_apart(True, None) is True
    assert told_apart(True, False) is False
    assert told_apart(None, None) is None
    assert leaves_out_zero((-1.0, 0.0)) is False


def test_trials_become_one_cell_whatever_order_their_tables_have() -> None:
    seeds = [
        compared(
            {"A": 0.10 + 0.01 * seed, "B": 0.20 + 0.01 * seed},
            cell=(("images", 512), ("seed", seed)),
            turned=seed == 2,
        )
        for seed in (1, 2, 3)
    ]
    (cell,) = cells(seeds)
    assert cell.levels == {"dose": 1000, "view": "dense", "split": "test", "images": 512}
    assert levels_text(cell.levels) == "dose 1000, dense, test, images 512"
    score = {each.arm: each for each in cell.scores()}["A"]
    assert score.over_trials.mean == pytest.approx(0.12)
    assert score.over_trials.sd == pytest.approx(0.01)
    assert score.over_pixels == pytest.approx((0.11, 0.13))
    (found,) = cell.differences
    assert (found.first, found.second) == ("A", "B")
    assert found.over_trials.mean == pytest.approx(-0.1)
    assert found.told_apart is True
    assert cell.answer.verdict == "A is best"


def test_seeds_that_disagree_are_not_told_apart_although_every_image_is() -> None:
    """Each trial tells the arms apart by its pixels, the other way round."""
    found = [({"A": 0.10, "B": 0.20}, 1), ({"A": 0.20, "B": 0.10}, 2), ({"A": 0.10, "B": 0.20}, 3)]
    (cell,) = cells([compared(numbers, cell=(("seed", seed),)) for numbers, seed in found])
    (difference,) = cell.differences
    assert difference.told_by_trials is False
    assert cell.answer.kind == "alike"


def test_an_arm_without_a_score_in_one_trial_has_no_mean() -> None:
    trials = [compared({"A": 0.1, "B": 0.2}, cell=(("seed", 1),)), compared({"A": 0.1}, cell=(("seed", 2),))]
    (cell,) = cells(trials)
    assert [each.arm for each in cell.scores()] == ["A"]
    assert cell.answer.kind == "one"


def test_power_laws_cross_where_they_are_equal() -> None:
    """1 / sqrt(dose) and a constant 0.05 meet at a dose of 400."""
    line = over_doses(lambda dose: dose**-0.5, lambda _: 0.05)
    assert (line.axis, line.logarithmic, line.fixed) == ("dose", True, {"view": "dense", "split": "test"})
    (found,) = crossings_of(line)
    assert (found.below, found.above, found.ends) == ("B", "A", (100.0, 1000.0))
    assert found.place == pytest.approx(400)
    slopes = {each.arm: each for each in slopes_of(line, level=0.95)}
    assert slopes["A"].value == pytest.approx(-0.5)
    assert slopes["B"].value == pytest.approx(0.0)


def test_a_crossing_inside_the_intervals_cannot_be_told() -> None:
    (found,) = crossings_of(over_doses(lambda dose: 0.05 + 0.002 * (dose < 1000), lambda _: 0.051, half=0.01))
    assert found.ends is None
    assert found.place is not None


def test_a_crossing_is_bracketed_by_what_is_told_around_levels_that_are_not() -> None:
    line = over_doses(
        lambda dose: {10: 0.3, 100: 0.199, 1000: 0.201, 10000: 0.199, 100000: 0.1}[dose],
        lambda _: 0.2,
        doses=(10, 100, 1000, 10000, 100000),
    )
    (found,) = crossings_of(line)
    assert found.ends == (10.0, 100000.0)
    assert found.place is None  # the lines cross three times in between


def test_no_crossing_where_one_arm_is_ahead_all_the_way() -> None:
    assert list(crossings_of(over_doses(lambda dose: dose**-0.5, lambda dose: 2 * dose**-0.5))) == []


def test_views_are_laid_out_by_their_measured_overlap() -> None:
    found = [
        compared({"A": 0.1, "B": 0.2}, view=view, overlap=share)
        for view, share in (("dense", 0.8), ("sparse", 0.2))
    ]
    (line,) = lines_of(cells(found))
    assert (line.axis, [place for place, _ in line.conditions], line.logarithmic) == (
        "overlap",
        [0.2, 0.8],
        False,
    )
    assert lines_of(cells([compared({"A": 0.1}, view=view) for view in ("dense", "sparse")])) == []


def test_every_factor_of_the_study_s_own_that_counts_is_an_axis() -> None:
    found = [
        compared({"A": 0.1 / images, "B": 0.2}, dose=dose, cell=(("how", how), ("images", images)))
        for dose in (100, 1000)
        for images in (64, 128)
        for how in ("x", "y")
    ]
    lines = lines_of(cells(found))
    assert {(line.axis, len(line.conditions), line.logarithmic) for line in lines} == {
        ("dose", 2, True),
        ("images", 2, False),
    }
    assert len(lines) == 8


@given(st.permutations(range(4)), st.lists(st.floats(0.01, 1.0), min_size=8, max_size=8))
def test_the_order_of_comparisons_changes_no_line_and_no_crossing(
    order: list[int], numbers: list[float]
) -> None:
    found = [compared({"A": numbers[at], "B": numbers[at + 4]}, dose=10 ** (at + 1)) for at in range(4)]

    def said(each: Sequence[Compared]) -> list[Crossing]:
        return [crossing for line in lines_of(cells(each)) for crossing in crossings_of(line)]

    def facts(each: Sequence[Compared]) -> list[object]:
        return [(one.below, one.above, one.place, one.ends) for one in said(each)]

    assert facts([found[at] for at in order]) == facts(found)


def test_slopes_need_three_levels_and_a_logarithmic_axis() -> None:
    assert list(slopes_of(over_doses(lambda dose: dose**-0.5, doses=(100, 1000)), level=0.95)) == []
    line = lines_of(cells([compared({"A": 0.1}, cell=(("images", each),)) for each in (64, 128, 192)]))
    assert list(slopes_of(line[0], level=0.95)) == []
