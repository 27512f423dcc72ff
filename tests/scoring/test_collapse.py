import numpy as np
import pytest

from ptycho_compare.errors import ScoringError
from ptycho_compare.scoring.collapse import CollapseLimits, find_collapse

from .objects import blurred, inner_mask, make_object, noisy

TRUTH = make_object((64, 64))
MASK = inner_mask(TRUTH.shape)  # 48 x 48 = 2304 pixels


def with_pixels(count, value):
    values = TRUTH.copy()
    values[MASK] = np.where(np.arange(2304) < count, value, values[MASK])
    return values


@pytest.mark.parametrize(
    ("values", "kind", "detail"),
    [
        (with_pixels(3, np.nan), "non_finite", "object is not finite in 3 of 2304 mask pixels"),
        (with_pixels(1, np.inf), "non_finite", "object is not finite in 1 of 2304 mask pixels"),
        (np.zeros_like(TRUTH), "zero", "|object| = 0 in 2304 of 2304 mask pixels"),
        (TRUTH * 1e-40, "zero", "|object| < 1.2e-38 in 2304 of 2304 mask pixels"),
        (
            with_pixels(300, 0),
            "mostly_empty",
            "|object| < 1e-06 of its maximum in 300 of 2304 mask pixels (13.0%, limit 5.0%)",
        ),
        (
            np.full_like(TRUTH, 0.3 + 2j),
            "constant",
            "in 2304 mask pixels (limit 1e-06)",
        ),
        (noisy(TRUTH, 0.0) * 0 + 1 + 1e-4 * TRUTH, "flat", "in 2304 mask pixels (limit 0.001)"),
    ],
)
def test_a_dead_arm_is_named_with_its_number(values, kind, detail):
    found = find_collapse(values, MASK)
    assert found is not None
    assert found.kind == kind
    assert detail in found.detail


def test_a_flat_component_is_judged_by_what_the_truth_shows():
    no_phase = np.abs(TRUTH) + 0j
    no_amplitude = np.exp(1j * np.angle(TRUTH))
    assert find_collapse(no_phase, MASK) is None
    assert find_collapse(no_phase, MASK, truth=no_phase) is None
    phase = find_collapse(no_phase, MASK, truth=TRUTH)
    assert phase.kind == "flat"
    assert phase.detail.startswith("phase contrast is 0 rad, 0.0% of the truth's 0.173 rad")
    amplitude = find_collapse(no_amplitude, MASK, truth=TRUTH)
    assert amplitude.kind == "flat"
    assert amplitude.detail.startswith("amplitude contrast is ")
    assert amplitude.detail.endswith("(limit 5.0%)")


@pytest.mark.parametrize(
    "values",
    [
        TRUTH,
        TRUTH * 1e-6 * np.exp(3.1j),
        noisy(TRUTH, 3.0),
        blurred(TRUTH, 2.0),
        with_pixels(100, 0),
        np.conj(TRUTH[::-1, ::-1]),
        1 + 0.2 * (TRUTH - TRUTH.mean()),
    ],
    ids=["truth", "tiny gain", "noise", "blur", "4 % empty", "twin", "faint"],
)
def test_a_poor_but_living_arm_is_not_flagged(values):
    assert find_collapse(values, MASK, truth=TRUTH) is None


def test_a_phase_across_the_cut_is_not_restless():
    assert find_collapse(-np.abs(TRUTH) * np.exp(1e-3j * np.abs(TRUTH)), MASK, truth=TRUTH).kind == "flat"


def test_limits_can_be_set():
    assert find_collapse(with_pixels(300, 0), MASK, limits=CollapseLimits(max_zero_fraction=0.2)) is None
    strict = CollapseLimits(min_contrast=0.9)
    assert "limit 0.9" in find_collapse(TRUTH, MASK, limits=strict).detail


def test_nothing_outside_the_mask_is_judged():
    assert find_collapse(np.where(MASK, TRUTH, np.nan), MASK, truth=TRUTH) is None
    assert find_collapse(np.where(MASK, 0, TRUTH), MASK).kind == "zero"


def test_another_grid_is_refused():
    with pytest.raises(ScoringError, match=r"\(63, 64\), the mask \(64, 64\)"):
        find_collapse(TRUTH[1:], MASK)
