"""Where a scan lit the object, and where an image may be blank."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.reconstruction.canvas import Grid
from ptycho_compare.reconstruction.light import LIT_FROM, REACHED_FROM, WELL_LIT_FROM, Light
from scans import make_object, make_positions, make_probe
from thorough import examples

GRID = Grid((-3, 2), (60, 70))


def by_hand(positions: np.ndarray, energy: np.ndarray, grid: Grid) -> np.ndarray:
    """Add the probe's energy up patch by patch, on a canvas wide enough for all of them."""
    side, wide = len(energy), 200
    dose = np.zeros((wide, wide))
    for x, y in np.rint(positions).astype(int):
        top, left = y - side // 2 + 50, x - side // 2 + 50
        dose[top : top + side, left : left + side] += energy
    level = np.median([dose[y + 50, x + 50] for x, y in np.rint(positions).astype(int)])
    row, column = np.array(grid.origin) + 50
    return dose[row : row + grid.shape[0], column : column + grid.shape[1]] / level


@examples(20)
@given(side=st.integers(3, 20), count=st.integers(1, 40), modes=st.integers(1, 3), seed=st.integers(0, 10**6))
def test_the_dose_is_the_sum_of_the_probes_energy(side: int, count: int, modes: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    probe = generator.standard_normal((modes, side, side)) + 1j * generator.standard_normal(
        (modes, side, side)
    )
    positions = make_positions(count, 60, 70, 12, seed=seed)
    found = Light.of(positions, probe.astype(np.complex64), side, GRID)
    expected = by_hand(positions, (np.abs(probe) ** 2).sum(axis=0), GRID)
    np.testing.assert_allclose(found.dose, expected, atol=1e-5 * expected.max())


def test_without_a_probe_the_patch_is_the_light() -> None:
    found = Light.of(np.array([[30.0, 20.0]]), None, 8, Grid((0, 0), (50, 60)))
    rows, columns = np.nonzero(found.lit)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (16, 23, 26, 33)
    assert found.lit.sum() == 64


def test_each_step_of_light_holds_the_next() -> None:
    assert REACHED_FROM < LIT_FROM < WELL_LIT_FROM
    found = Light.of(make_positions(60, 60, 70, 20), make_probe(20), 20, Grid((0, 0), (60, 70)))
    assert 0 < found.lit.sum() < found.reached.sum() < found.dose.size


@pytest.mark.parametrize("blank", [0, np.nan, np.inf, 1e3j])
def test_blank_is_what_lies_where_there_was_little_light(blank: complex) -> None:
    grid = Grid((0, 0), (60, 70))
    light = Light.of(make_positions(200, 60, 70, 30), make_probe(20), 20, grid)
    image = make_object(60, 70)
    assert not light.blank(image, may_move_px=0).any()
    dark = light.dose < WELL_LIT_FROM
    image[dark] = blank
    np.testing.assert_array_equal(light.blank(image, may_move_px=0), dark)
    image[tuple(np.argwhere(~dark)[0])] = np.nan  # damage
    np.testing.assert_array_equal(light.blank(image, may_move_px=0), dark)
    assert light.blank(image, may_move_px=2).sum() > dark.sum()  # its own place is not known as well
    image[:] = np.nan
    assert not light.blank(image, may_move_px=0).any()
