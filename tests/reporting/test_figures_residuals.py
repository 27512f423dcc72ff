"""R-factor maps: one scale for all arms, what no image covers is hatched, totals in the titles."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ptycho_compare.reporting.figures.residual import plot_residuals, residual_figure
from scorecards import above, bars, panels, texts
from thorough import examples

BOX = (slice(10, 50), slice(20, 80))


def maps_of(*levels):
    """Maps (60, 90) about these levels, rising from left to right, NaN in a corner."""
    held = {}
    for number, level in enumerate(levels):
        values = np.broadcast_to(level + np.linspace(0.0, 0.1, 90), (60, 90)).copy()
        values[:20, :30] = np.nan
        held[f"Arm{number}"] = values
    return held


def totals(maps):
    return {arm: 0.1 * (number + 1) for number, arm in enumerate(maps)}


def test_equal_maps_give_equal_files(tmp_path):
    for name, levels in (("a", (0.1, 0.2)), ("b", (0.1, 0.2)), ("c", (0.1, 0.3))):
        maps = maps_of(*levels)
        plot_residuals(tmp_path / f"{name}.png", maps, totals(maps), BOX)
    a, b, c = ((tmp_path / f"{name}.png").read_bytes() for name in "abc")
    assert a == b != c
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.format == "PNG"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.png", "b.png", "c.png"]


def test_arms_stand_side_by_side_with_their_totals():
    maps = maps_of(0.1, 0.2, 0.3)
    figure = residual_figure(maps, totals(maps), BOX)
    found = [[text for text, _ in above(axis)] for axis in panels(figure)]
    assert found == [[f"Arm{n}", f"R = 0.{n + 1}000 in total"] for n in range(3)]
    assert len(bars(figure)) == 1
    assert bars(figure)[0].get_ylabel() == "R-factor"


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=5))
@examples(10)
def test_one_scale_holds_nearly_all_pixels_of_all_arms(levels):
    maps = maps_of(*levels)
    figure = residual_figure(maps, totals(maps), BOX)
    ((low, high),) = {axis.images[0].get_clim() for axis in panels(figure)}
    shown = np.concatenate([axis.images[0].get_array().compressed() for axis in panels(figure)])
    assert np.mean((shown >= low) & (shown <= high)) >= 0.95
    assert shown.min() <= high
    assert shown.max() >= low


def test_the_box_and_a_margin_are_shown_and_what_no_image_covers_is_hatched():
    maps = maps_of(0.1)
    axis = panels(residual_figure(maps, totals(maps), BOX))[0]
    left, right, bottom, top = axis.images[0].get_extent()
    assert (top, bottom, left, right) == (7 - 0.5, 53 - 0.5, 17 - 0.5, 83 - 0.5)
    shown = axis.images[0].get_array()
    np.testing.assert_array_equal(shown.filled(-1), np.nan_to_num(maps["Arm0"], nan=-1)[7:53, 17:83])
    assert shown.mask.sum() == 13 * 13
    assert axis.patch.get_hatch() == "////"


def test_a_dead_arm_is_shown_dead_and_does_not_set_the_colours():
    maps = {**maps_of(0.1), "Dead": np.full((60, 90), np.nan), "Endless": np.full((60, 90), np.inf)}
    figure = residual_figure(maps, {"Arm0": 0.1, "Dead": float("nan"), "Endless": float("inf")}, BOX)
    alive, dead, endless = panels(figure)
    assert 0.1 <= alive.images[0].get_clim()[0] < alive.images[0].get_clim()[1] <= 0.2
    for axis in (dead, endless):
        assert "no finite pixel" in texts(axis)
        assert above(axis)[1] == ("R not known", "#b00020")


def test_only_dead_arms():
    figure = residual_figure({"Dead": np.full((60, 90), np.nan)}, {"Dead": float("nan")}, BOX)
    assert bars(figure) == []
    figure.draw_without_rendering()


@pytest.mark.parametrize(
    ("number", "geometry"), [(1, (1, 1)), (4, (1, 4)), (5, (2, 3)), (8, (2, 4)), (9, (3, 3))]
)
def test_any_number_of_arms(number, geometry):
    maps = maps_of(*np.linspace(0.1, 0.3, number))
    figure = residual_figure(maps, totals(maps), BOX)
    assert [above(axis)[0][0] for axis in panels(figure)] == list(maps)
    assert figure.axes[0].get_subplotspec().get_gridspec().get_geometry() == geometry
    assert len(bars(figure)) == 1


@pytest.mark.parametrize(
    ("maps", "r_factors", "message"),
    [
        ({}, {}, "no R-factor map to draw"),
        ({"A": np.ones((60, 90))}, {}, "R-factor maps of A, but totals of none"),
        ({"A": np.ones((60, 90))}, {"A": 0.1, "B": 0.2}, "R-factor maps of A, but totals of A, B"),
        (
            {"A": np.ones((60, 90)), "B": np.ones((60, 91))},
            {"A": 0.1, "B": 0.2},
            r"one grid, not on these: A \(60, 90\), B \(60, 91\)",
        ),
    ],
)
def test_maps_that_do_not_belong_together_are_refused(maps, r_factors, message):
    with pytest.raises(ValueError, match=message):
        residual_figure(maps, r_factors, BOX)
