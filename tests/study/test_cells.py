"""A comparison in a cell of a study's own factors: its id, its levels, its trial."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.study import Comparison, cell_text, is_trial


def test_a_comparison_without_a_cell_is_called_as_ever() -> None:
    comparison = Comparison(1000, "dense", "train", "full")

    assert comparison.id == "dose_1000-dense-train-full"
    assert comparison.levels == {"dose": 1000, "view": "dense", "split": "train"}
    assert comparison.trial == ()


def test_a_cell_is_part_of_the_id_and_of_the_levels() -> None:
    comparison = Comparison(1000, "dense", "train", "full", (("seed", 1), ("training_images", 512)))

    assert comparison.id == "dose_1000-dense-train-full-seed_1-training_images_512"
    assert comparison.levels == {
        "dose": 1000,
        "view": "dense",
        "split": "train",
        "seed": 1,
        "training_images": 512,
    }
    assert comparison.trial == (("seed", 1),)


def test_seeds_are_trials_and_what_only_sounds_like_one_is_not() -> None:
    assert [is_trial(name) for name in ("seed", "reconstruction.seed", "seeding", "training_images")] == [
        True,
        True,
        False,
        False,
    ]


@given(st.floats(min_value=1e-12, max_value=1e12, allow_nan=False))
def test_a_number_has_a_text_that_is_fit_for_a_path_and_is_the_number(level: float) -> None:
    text = cell_text((("rate", level),)).removeprefix("rate_")

    assert set(text) <= set("0123456789.")
    assert float(text) == level
