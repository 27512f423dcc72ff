"""Edges of a panel: round numbers as matplotlib chooses them, each at its place, the label beyond them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.ticker import AutoLocator

from ptycho_compare.reporting.figures.edges import hide_axes, number_edge, round_places
from scorecards import edge
from thorough import examples


def panel(low, high):
    """An axis of 3 x 2 inches, both directions from low to high."""
    axis = Figure(figsize=(6, 4), dpi=100).add_axes((0.25, 0.25, 0.5, 0.5))
    axis.set(xlim=(low, high), ylim=(low, high))
    return axis


@given(low=st.floats(-1e4, 1e4), length=st.floats(5.0, 1e4))
@examples(10)
def test_numbers_are_those_that_an_axis_of_matplotlib_has(low, length):
    axis = panel(low, low + length)
    for side, own, inches in (("bottom", axis.xaxis, 3.0), ("left", axis.yaxis, 2.0)):
        own.set_major_locator(AutoLocator())
        expected = [place for place in own.get_major_locator()() if low <= place <= low + length]
        places = round_places(low, low + length, inches, side=side)
        np.testing.assert_allclose(list(places), expected, atol=1e-9 * length)
        found = [float(text.replace("\N{MINUS SIGN}", "-")) for text in places.values()]
        np.testing.assert_allclose(found, list(places), rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("side", ["left", "bottom", "top"])
@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-12000.0, 3.0)])
def test_numbers_lie_outside_of_their_edge_and_the_label_beyond_them(side, low, high):
    axis = panel(low, high)
    hide_axes(axis)
    numbers = round_places(low, high, 2.0, side="left")
    beyond = number_edge(axis, side, numbers, "name (px)", size=10)
    places, written, label = edge(axis, side)
    assert (list(places), written, label) == (list(numbers), list(numbers.values()), "name (px)")
    axis.figure.draw_without_rendering()
    *boxes, last = (text.get_window_extent() for text in axis.texts)
    inside = axis.get_window_extent()
    assert not any(box.overlaps(inside) for box in (*boxes, last))
    assert not any(box.overlaps(last) for box in boxes)
    far = {"left": inside.x0 - last.x0, "bottom": inside.y0 - last.y0, "top": last.y1 - inside.y1}[side]
    assert far == pytest.approx(beyond * axis.figure.dpi / 72, abs=8)
    along = 1 if side == "left" else 0
    middles = [(box.min[along] + box.max[along]) / 2 for box in boxes]
    expected = axis.transData.transform([(place, place) for place in places])[:, along]
    np.testing.assert_allclose(middles, expected, atol=3)
