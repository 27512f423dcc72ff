"""The frame of an image that records none is where it explains the diffraction best."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.reconstruction.canvas import Grid
from ptycho_compare.reconstruction.frame_fit import fit_shift
from ptycho_compare.scoring.alignment.registration import shift_image
from reconstruction.test_residual import HEIGHT, SIDE, WIDTH, Images, make_case
from thorough import examples

SHIFTS = st.tuples(st.floats(-2, 2), st.floats(-2, 2))
GRID = Grid((0, 0), (HEIGHT, WIDTH))


def fitted(values: np.ndarray, radius_px: float, bad: np.ndarray | None = None, seed: int = 0):
    case = make_case(seed=seed)
    images = np.arange(len(case.positions))
    covered = np.ones(values.shape, bool)
    diffraction = Images(case.amplitudes, bad)
    return fit_shift(
        values,
        covered,
        diffraction,
        case.positions,
        case.probe,
        grid=GRID,
        images=images,
        radius_px=radius_px,
    )


@examples(3)
@given(shift=SHIFTS, seed=st.integers(0, 10**6), noise=st.floats(0, 0.02))
def test_a_moved_image_is_found(shift: tuple[float, float], seed: int, noise: float) -> None:
    generator = np.random.default_rng(seed)
    truth = make_case(seed=seed).truth
    noisy = truth + noise * (
        generator.standard_normal(truth.shape) + 1j * generator.standard_normal(truth.shape)
    )
    found = fitted(shift_image(2j * noisy, *shift), 6.0, seed=seed)
    assert (found.dy, found.dx) == pytest.approx((-shift[0], -shift[1]), abs=0.1)
    assert not found.at_edge


def test_bad_pixels_do_not_move_it() -> None:
    bad = np.zeros((SIDE, SIDE), bool)
    bad[:, 14:18] = True
    found = fitted(make_case().truth, 1.0, bad)
    assert (found.dy, found.dx) == pytest.approx((0, 0), abs=0.05)


def test_nothing_is_looked_for_beyond_the_radius() -> None:
    found = fitted(np.roll(make_case().truth, 3, axis=0), 2.2)
    assert max(abs(found.dy), abs(found.dx)) <= 2.2
    assert found.at_edge
    assert str(found).startswith("(dy -2.")
    assert str(found).endswith("at the edge of the search radius")
