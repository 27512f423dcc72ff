"""Factors of a lab's own: what may be one, its cells, comparisons and steps, and what they leave alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.errors import StudyError
from ptycho_compare.hub import Hub, Level, cell_text
from ptycho_compare.study import Comparison, Study, is_trial, parse_study
from ptycho_compare.study.steps_in_cells import counted_steps, making_in_cells

Factors = Mapping[str, Sequence[Level]]
HUB = Hub(Path("hub"))
HEAD = """\
name = "s"
doses = [1000, 10000]
views = ["dense", "sparse"]
splits = ["train", "test"]
[tiers.debug]
groups = 320
[tiers.full]
"""
KEYS: dict[str, st.SearchStrategy[Any]] = {
    "seed": st.integers(0, 2**31),
    "training_images": st.integers(4, 100_000),
    "training.ptychopinn.epochs": st.integers(1, 1000),
    "training.baseline.learning_rate": st.floats(1e-9, 1e3, allow_nan=False),
    "reconstruction.engine": st.sampled_from(["LSQML", "EPIE", "RPIE", "DM", "AD"]),
    "reconstruction.seed": st.integers(0, 2**31 - 1),
}


@st.composite
def factors(draw: st.DrawFn) -> dict[str, list[Level]]:
    names = draw(st.lists(st.sampled_from(sorted(KEYS)), unique=True, max_size=3))
    return {name: draw(st.lists(KEYS[name], min_size=1, max_size=3, unique=True)) for name in names}


def study_with(factors: Factors, more: str = "") -> Study:
    lines = [f'"{name}" = {list(levels)!r}' for name, levels in factors.items()]
    return parse_study("\n".join([HEAD, more, "[factors]", *lines]), Path("study.toml"))


def test_a_comparison_without_a_cell_is_called_as_ever() -> None:
    comparison = Comparison(1000, "dense", "train", "full")

    assert comparison.id == "dose_1000-dense-train-full"
    assert comparison.levels == {"dose": 1000, "view": "dense", "split": "train"}
    assert comparison.trial == ()
    assert comparison.folder(HUB) == HUB.analysis() / "dose_1000" / "dense" / "train"


def test_a_cell_is_part_of_the_id_of_the_levels_and_of_the_folder() -> None:
    comparison = Comparison(1000, "dense", "train", "debug", (("seed", 1), ("training_images", 512)))

    assert comparison.id == "dose_1000-dense-train-debug-seed_1-training_images_512"
    assert comparison.levels == {
        "dose": 1000,
        "view": "dense",
        "split": "train",
        "seed": 1,
        "training_images": 512,
    }
    assert comparison.trial == (("seed", 1),)
    assert comparison.folder(HUB).name == "train_debug_v4-seed_1-training_images_512"


def test_seeds_are_trials_and_what_only_sounds_like_one_is_not() -> None:
    names = ("seed", "reconstruction.seed", "training_images", "training.ptychopinn.epochs")

    assert [is_trial(name) for name in names] == [True, True, False, False]


@given(st.floats(min_value=1e-12, max_value=1e12, allow_nan=False))
def test_a_number_has_a_text_that_is_fit_for_a_path_and_is_the_number(level: float) -> None:
    text = cell_text((("rate", level),)).removeprefix("rate_")

    assert set(text) <= set("0123456789.")
    assert float(text) == level


@given(factors())
def test_cells_and_comparisons_are_the_product_and_every_name_is_its_own(held: Factors) -> None:
    study = study_with(held)
    comparisons = study.comparisons()
    cells = 1
    for levels in held.values():
        cells *= len(levels)

    assert len(study.cells()) == len(set(study.cells())) == cells
    assert len(comparisons) == 2 * 2 * 2 * 2 * cells
    assert len({each.id.lower() for each in comparisons}) == len(comparisons)
    assert len({str(each.folder(HUB)).lower() for each in comparisons}) == len(comparisons)
    places = {(each.dose, each.view, each.split, each.tier, each.cell) for each in comparisons}
    assert len(places) == len(comparisons)
    for each in comparisons:
        assert {name: level for name, level in each.levels.items() if name in held} == dict(each.cell)
        assert all(level in held[name] for name, level in each.cell)


@given(factors())
def test_the_order_of_the_file_changes_nothing(held: Factors) -> None:
    ids = {
        tuple(
            each.id for each in study_with({name: list(reversed(held[name])) for name in order}).comparisons()
        )
        for order in permutations(held)
    }
    assert ids == {tuple(each.id for each in study_with(held).comparisons())}


@given(factors())
def test_steps_are_shared_by_the_cells_that_give_them_the_same_settings(held: Factors) -> None:
    """A step exists once for each of its settings: nothing is made twice, nothing serves two settings."""
    study = study_with(held)
    steps = making_in_cells(HUB, study, 1000, "dense", study.splits)
    by_id: dict[str, object] = {}
    for cell in study.cells():
        for step in steps:
            if set(step.cell) <= set(cell):
                settings = step.settings(study.at(cell))
                assert by_id.setdefault(step.id, settings) == settings
    outputs = [path for step in steps for path in step.outputs(study.splits)]
    assert len(outputs) == len(set(outputs))
    kinds: dict[tuple[str, ...], list[str]] = {}
    for step in steps:
        place = (step.command, *step.place.values())
        kinds.setdefault(place, []).append(repr(by_id[step.id]))
    for place, settings in kinds.items():
        assert len(set(settings)) == len(settings), place


@given(factors(), st.data())
def test_a_level_more_adds_steps_and_changes_none(held: Factors, data: st.DataObject) -> None:
    if not held:
        return
    name = data.draw(st.sampled_from(sorted(held)))
    level = data.draw(KEYS[name].filter(lambda level: level not in held[name]))
    before = _settings(study_with(held))
    after = _settings(study_with({**held, name: [*held[name], level]}))

    assert {step: after[step] for step in before} == before


def _settings(study: Study) -> dict[str, object]:
    steps = counted_steps(HUB, study, 1000, "dense", study.splits)
    return {
        step.id: step.settings(study.at(step.cell)) if hasattr(step, "settings") else step.outputs(())
        for step in steps
    }


REFUSED: dict[str, tuple[str, str]] = {
    "an unknown one": ("tempo = [1]", "factors.tempo: is no key that can be varied"),
    "one that is nearly right": ("training_image = [1]", "did you mean training_images?"),
    "a key of another section": ('"scoring.metrics" = ["standard"]', "is no key that can be varied"),
    "a whole section": ('"training.ptychopinn" = [1]', "is no key that can be varied"),
    "no level": ("seed = []", "factors.seed"),
    "a level of the wrong kind": ('seed = ["one"]', "factors.seed: 'one': "),
    "a level out of range": ("training_images = [2]", "factors.training_images: 2: "),
    "a truth value": ("seed = [true]", "factors.seed"),
    "no list": ("seed = 1", "factors.seed"),
    "a level twice": ("seed = [1, 1]", "1 is listed twice"),
    "a level that is no name": ('"reconstruction.engine" = ["../LSQML"]', "cannot be part of a path"),
    "one key by two names": ('seed = [1]\n"training.seed" = [2]', "are one key of the study, training.seed"),
    "too many cells": (
        f"seed = {list(range(100))}\ntraining_images = {list(range(4, 24))}",
        "have 2000 combinations; at most 1000",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_factor_that_cannot_be_varied_is_refused_in_one_line(case: str) -> None:
    text, said = REFUSED[case]
    with pytest.raises(StudyError) as caught:
        parse_study(f"{HEAD}[factors]\n{text}\n", Path("study.toml"))

    assert said in str(caught.value)
    assert str(caught.value).startswith("study.toml: ")
    assert "\n" not in str(caught.value)


def test_a_cell_that_is_too_long_for_a_path_is_refused() -> None:
    with pytest.raises(StudyError, match="is part of paths; at most 120"):
        study_with({"training.baseline.learning_rate": [1e-300]})


def test_a_study_is_at_its_own_values_where_a_cell_says_nothing() -> None:
    study = study_with({"training.ptychopinn.epochs": [20], "reconstruction.epochs": [7]})
    (cell,) = study.cells()
    there = study.at(cell)

    assert there.training.ptychopinn.epochs == 20
    assert there.training.baseline == study.training.baseline
    assert there.reconstruction.epochs == 7
    assert there.simulation == study.simulation
    assert study.at(()) is study


def test_a_study_without_factors_has_the_settings_that_it_always_had() -> None:
    """Whose digests stand in records of hubs that are there already."""
    study = study_with({})
    steps = {step.id: step for step in making_in_cells(HUB, study, 1000, "dense", study.splits)}

    assert "images" not in str(steps["dose_1000-train-baseline"].settings(study)["training"])
    assert steps["dose_1000-train-dense"].outputs(())[0] == HUB.phase_e() / "dose_1000/dense/gs2/wts.h5.zip"
    assert steps["dose_1000-reconstruct-dense-train"].cell == ()
    asked = study_with({}, "[training]\nimages = 64")
    assert steps["dose_1000-train-dense"].settings(asked)["training"]["images"] == 64


def test_an_arm_may_name_factors_in_its_path_and_only_those_of_the_study() -> None:
    arm = '[arms.Mine]\npath = "mine/{seed}/{cell}/{split}.npz"'

    assert study_with({"seed": [1]}, arm).arms["Mine"].path
    with pytest.raises(StudyError, match=r"\{seed\}, and that is no factor of the study"):
        study_with({}, arm)
