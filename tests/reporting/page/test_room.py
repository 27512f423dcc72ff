"""Images and curves where there is room for them: what does not hold first, the others spread evenly."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.hub import Hub
from ptycho_compare.records.acceptance import ComparisonVerdict
from ptycho_compare.reporting.page.comparison import read_comparison
from ptycho_compare.reporting.page.room import MANY, pixels_of_images

ARMS = {"full": ("A", "B", "C"), "debug": ("A",)}


def verdict(number: int, *, state: str = "accepted", tier: str = "full") -> ComparisonVerdict:
    return ComparisonVerdict(
        id=f"dose_{number}-dense-test-{tier}", dose=number, view="dense", split="test", tier=tier, folder="x",
        required=True, state=state, origin="", scientific="ok",
    )  # fmt: skip


def test_a_small_page_shows_all() -> None:
    found = pixels_of_images([verdict(n, tier=("debug", "full")[n % 2]) for n in range(1, MANY + 1)], ARMS)
    assert min(found.values()) > 4096
    assert len({*found.values()}) == 1


def test_a_large_page_shows_what_is_red_and_some_of_the_others_evenly() -> None:
    held = [verdict(n, state="red" if n == 50 else "accepted") for n in range(1, 101)]
    found = [pixels_of_images(held, ARMS)[each.id] for each in held]
    shown = [n for n, pixels in enumerate(found, start=1) if pixels]
    assert 50 in shown
    assert 10 < len(shown) < 60
    assert max(b - a for a, b in pairwise(shown)) < 12
    assert min(pixels for pixels in found if pixels) >= 4096


@given(st.integers(MANY + 1, 400), st.integers(0, 400))
def test_all_that_is_shown_finds_room(count: int, red: int) -> None:
    held = [verdict(n, state="red" if n < red else "accepted") for n in range(1, count + 1)]
    shown = [pixels for pixels in pixels_of_images(held, ARMS).values() if pixels]
    assert 1.35 * 11 * sum(shown) + 29_000 * count + 17_000 * len(shown) <= max(4_800_000, 29_000 * count)


def test_what_has_no_room_says_so(tmp_path: Path) -> None:
    part = read_comparison(Hub(tmp_path), verdict(1), required=("A",), pixels=0, page=tmp_path / "x.html")
    assert part.curves.left_out
    assert part.gallery.notes == ("Images left out: more comparisons than one page can show.",)
