"""The area that two discs share, against an integral and its own laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from ptycho_compare.scan.overlap.metrics import disc_overlap_area, disc_overlap_fraction

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
