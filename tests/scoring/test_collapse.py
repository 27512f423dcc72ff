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
    ],
)
def test_a_dead_arm_is_named_with_its_number(values, kind, detail):
    found = find_collapse(values, MASK)
    assert found is not None
    assert found.kind == kind
    assert detail in found.detail


def test_an_arm_may_be_empty_where_the_truth_is_opaque_and_nowhere_else():
    opaque = with_pixels(300, 0)
    assert find_collapse(opaque, MASK, truth=opaque) is None
    assert find_collapse(opaque, MASK, truth=with_pixels(300, 1e-4)) is None
    assert find_collapse(opaque, MASK, truth=with_pixels(300, 0.1)).kind == "mostly_empty"
    found = find_collapse(with_pixels(500, 0), MASK, truth=opaque)
    assert found.detail.startswith(
        "|object| < 1e-06 of its maximum in 200 of 2004 mask pixels in which the truth is not opaque (10.0%"
    )


@pytest.mark.parametrize(
    "values",
    [
        TRUTH,
        TRUTH * 1e-6 * np.exp(3.1j),
        noisy(TRUTH, 3.0),
        blurred(TRUTH, 2.0),
        with_pixels(100, 0),
        np.conj(TRUTH[::-1, ::-1]),
        1 + 1e-5 * (TRUTH - TRUTH.mean()),
        np.abs(TRUTH) + 0j,
        np.exp(1j * np.angle(TRUTH)),
    ],
    ids=["truth", "tiny gain", "noise", "blur", "4 % empty", "twin", "flat", "no phase", "no amplitude"],
)
def test_a_poor_but_living_arm_is_not_flagged(values):
    assert find_collapse(values, MASK, truth=TRUTH) is None


def test_limits_can_be_set():
    assert find_collapse(with_pixels(300, 0), MASK, limits=CollapseLimits(max_zero_fraction=0.2)) is None


def test_nothing_outside_the_mask_is_judged():
    assert find_collapse(np.where(MASK, TRUTH, np.nan), MASK, truth=TRUTH) is None
    assert find_collapse(np.where(MASK, 0, TRUTH), MASK).kind == "zero"


def test_another_grid_is_refused():
    with pytest.raises(ScoringError, match=r"\(63, 64\), the mask \(64, 64\)"):
        find_collapse(TRUTH[1:], MASK)
