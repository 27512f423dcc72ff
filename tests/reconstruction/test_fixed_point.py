"""Rounded patches add up exactly: in any order, in any parts, whatever their sizes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.reconstruction.canvas import Canvas
from ptycho_compare.reconstruction.fixed_point import FixedPoint, most_on_a_pixel
from thorough import examples

CROP, SIDE = 6, 12


@st.composite
def heaps(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, float]:
    """Patches of wild sizes on few pixels, their places, and what a probe of the network may have shown."""
    count = draw(st.integers(1, 30))
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    exponents = generator.uniform(*sorted(draw(st.tuples(*[st.floats(-45, 38)] * 2))), (2, count, SIDE, SIDE))
    signs = generator.choice([-1.0, 1.0], (2, count, SIDE, SIDE))
    parts = (signs * 10.0**exponents).astype(np.float32)
    patches = (parts[0] + 1j * parts[1]).astype(np.complex64)
    centres = generator.uniform(0, draw(st.floats(0, 20)), (count, 2))
    return patches, centres, draw(st.floats(0, 3e38))


@examples(60)
@given(heap=heaps(), parts=st.integers(1, 6), seed=st.integers(0, 1000))
def test_any_order_and_any_parts_give_the_same_bits(
    heap: tuple[np.ndarray, np.ndarray, float], parts: int, seed: int
) -> None:
    """Also of values a million times larger than the probe showed, or smaller."""
    patches, centres, largest = heap
    fixed = FixedPoint.fitting(largest, most_on_a_pixel(centres, crop_px=CROP))

    def laid(chosen: np.ndarray) -> Canvas:
        canvas = Canvas.covering(centres, crop_px=CROP)
        canvas.fixed = fixed
        canvas.add(patches[chosen], centres[chosen])
        return canvas

    with np.errstate(over="ignore"):  # of the interpolation, near the largest float32
        whole = laid(np.arange(len(patches)))
        order = np.random.default_rng(seed).permutation(len(patches))
        pieces = [laid(part) for part in np.array_split(order, parts)]
    total = np.zeros_like(whole.total)
    for piece in pieces:
        total += piece.total
    assert total.tobytes() == whole.total.tobytes()


@given(overlap=st.integers(1, 2**40), largest=st.floats(1e-45, 3e38), ratio=st.floats(0, 1))
def test_as_many_as_may_lie_on_a_pixel_stay_in_range(overlap: int, largest: float, ratio: float) -> None:
    """And what a network shows as a rule is never cut off, nor rounded by more than half of a step."""
    fixed = FixedPoint.fitting(largest, overlap)
    assert overlap * fixed.limit <= 2**53 * fixed.step
    assert fixed.limit >= 2**12 * largest
    value = np.array([[[largest * ratio * (1 - 1j)]]])
    rounded = fixed.rounded(value)
    assert abs(rounded.real - value.real).item() <= fixed.step / 2
    if overlap <= 2**11:
        assert fixed.step <= largest * 2**-29


def test_the_worst_case_is_exact() -> None:
    """Every patch as large as may be, and one of a single step: the last bit counts."""
    overlap = 1000
    fixed = FixedPoint.fitting(1.0, overlap)
    assert (fixed.step, fixed.limit) == (2.0**-29, 2.0**14)
    values = np.full(overlap, fixed.limit)
    values[0] = fixed.step
    assert sum(values) == sum(values[::-1]) == fixed.step + (overlap - 1) * fixed.limit
    cut = fixed.rounded(np.array([3e8 - 5e9j], np.complex64))
    assert cut[0] == fixed.limit - 1j * fixed.limit


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, complex(1, np.nan), complex(np.inf, -np.inf)])
def test_what_is_not_finite_shows_and_has_one_form(bad: complex) -> None:
    """Infinities of both signs would cancel to another NaN in another order."""
    fixed = FixedPoint.fitting(1.0, 4)
    rounded = fixed.rounded(np.array([bad, 0.5], np.complex64))
    assert not np.isfinite(rounded[0])
    assert not np.isinf(rounded.view(np.float64)).any()
    assert rounded[1] == 0.5
    one, other = rounded[:1], fixed.rounded(np.array([-bad], np.complex64))
    assert (one + rounded[1:] + other).tobytes() == (other + rounded[1:] + one).tobytes()


@given(st.integers(1, 40), st.integers(1, 9), st.floats(0, 30), st.integers(0, 10**6))
def test_the_fullest_pixel(count: int, crop_px: int, spread: float, seed: int) -> None:
    centres = np.random.default_rng(seed).uniform(-spread, spread, (count, 2))
    canvas = Canvas.covering(centres, crop_px=crop_px)
    canvas.add(np.ones((count, SIDE, SIDE), np.complex64), centres)
    assert most_on_a_pixel(centres, crop_px=crop_px) == canvas.weight.max()


def test_nothing_lies_nowhere() -> None:
    assert most_on_a_pixel(np.zeros((0, 2)), crop_px=CROP) == 0
    assert FixedPoint.fitting(0.0, 0).step == 2.0**-30
