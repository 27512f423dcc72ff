"""The phase of a truth: where light comes through, continuous, without its smooth part."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.scoring.mask import lit_part
from ptycho_compare.scoring.metrics.truth_phase import TruthPhase, continuous, count_residues
from thorough import examples

from .objects import random_field

SHAPE = (96, 104)
ALL = np.ones(SHAPE, dtype=bool)
Y, X = np.indices(SHAPE)


def strong(radians, seed=0, *, cutoff=0.05):
    """A structure of so many rad from least to greatest, without a jump between neighbours."""
    return radians * random_field(SHAPE, seed, cutoff=cutoff)


def vortex(y, x, turns=1):
    return turns * np.arctan2(Y - y, X - x)


@examples(30)
@given(st.floats(7.0, 30.0), st.integers(0, 1000), st.floats(-3.1, 3.1))
def test_a_phase_that_wraps_without_residues_is_made_continuous(radians, seed, offset):
    phase = strong(radians, seed)
    found, trouble = continuous(np.angle(np.exp(1j * (phase + offset))), ALL)
    assert trouble == ""
    rest = found - phase
    assert np.ptp(rest) < 1e-9
    assert abs(found.mean()) <= np.pi + 1e-9


def test_parts_that_do_not_touch_are_each_put_next_to_zero():
    mask = ALL.copy()
    mask[:, 50:54] = False
    phase = np.where(X < 52, strong(9.0), strong(9.0) + 40.0)
    found, trouble = continuous(np.angle(np.exp(1j * phase)), mask)
    assert trouble == ""
    for part in (mask & (X < 52), mask & (X > 52)):
        assert np.ptp((found - phase)[part]) < 1e-9
        assert abs(found[part].mean()) <= np.pi + 1e-9


def test_what_does_not_wrap_stays_as_it_is():
    phase = strong(2.0) - 1.0
    found, trouble = continuous(phase, ALL)
    assert found is phase
    assert trouble == ""


@pytest.mark.parametrize(
    ("phase", "said"),
    [
        (vortex(40.5, 50.5), "the truth's phase has 1 residue"),
        (vortex(40.5, 50.5) - vortex(60.5, 20.5), "the truth's phase has 2 residues"),
        (vortex(40.5, 50.5) + vortex(20.5, 70.5) + vortex(70.5, 30.5), "the truth's phase has 3 residues"),
    ],
)
def test_residues_are_counted_and_refused_by_number(phase, said):
    wraps = np.angle(np.exp(1j * phase))
    found, trouble = continuous(wraps, ALL)
    assert trouble == said
    assert found is wraps


def test_a_winding_about_a_hole_is_refused_too():
    phase = np.angle(np.exp(1j * vortex(40.5, 50.5)))
    mask = ALL.copy()
    mask[36:46, 46:56] = False
    assert count_residues(phase, mask) == 0
    assert continuous(phase, mask)[1] == "the truth's phase winds about a hole of the mask"


def test_opaque_pixels_have_no_phase_and_hide_their_residues():
    truth = np.exp(1j * strong(1.0))
    noise = np.exp(1j * np.random.default_rng(0).uniform(-3, 3, SHAPE))
    dark = np.where((Y // 8 + X // 8) % 3 == 0, 1e-4 * noise, truth)
    found = TruthPhase.of(dark, ALL)
    assert np.array_equal(found.mask, np.abs(dark) > 0.5)
    assert found.trouble == ""
    assert not found.values[~found.mask].any()


@pytest.mark.parametrize(("modulus", "lit"), [(0.0, False), (0.009, False), (0.011, True)])
def test_a_pixel_is_opaque_below_a_hundredth_of_the_rms(modulus, lit):
    truth = np.ones(SHAPE, complex)
    truth[40, 40] = modulus
    assert bool(lit_part(truth, ALL)[40, 40]) is lit
    assert lit_part(truth * 1e-9, ALL)[40, 40] == lit


def test_a_truth_of_zeros_is_nowhere_told_apart_from_its_opaque_part():
    assert lit_part(np.zeros(SHAPE, complex), ALL).all()


@pytest.mark.parametrize(
    "phase", [0.02 * Y - 0.3 * X, 1e-3 * (Y - 40.0) ** 2, 12 * np.exp(-((Y - 48) ** 2 + (X - 52) ** 2) / 800)]
)
@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_a_truth_that_is_nothing_but_smooth_says_so(phase, dtype):
    assert (
        TruthPhase.of(np.exp(1j * phase).astype(dtype), ALL).trouble
        == "nothing but a smooth part in the truth"
    )


def test_a_faint_structure_on_a_tilt_is_a_structure():
    assert TruthPhase.of(np.exp(1j * (0.5 * Y + strong(0.02))), ALL).trouble == ""


def test_a_constant_is_not_called_smooth():
    assert TruthPhase.of(np.full(SHAPE, 0.7j, np.complex64), ALL).trouble == ""
