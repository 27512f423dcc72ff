"""Patches scored by themselves: true ones are perfect, noise gives what it must, gauges are kept apart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.scoring.metrics.truth_view import TruthView
from ptycho_compare.scoring.patch_scores import PatchJudge, PatchScore
from ptycho_compare.scoring.placement import ArmImage, PlacingSettings
from ptycho_compare.scoring.scorecard import score_arms
from ptycho_compare.scoring.settings import ScoringSettings

from .objects import inner_mask, make_object, tilted

TRUTH = make_object((96, 96), 3)
MASK = inner_mask(TRUTH.shape, 8)
M = 24
PLACE = (30, 41)
GAUGES = ("own", "stitched")
SCORES = [f"{metric}_{part}" for metric in ("mae", "ssim") for part in ("amplitude", "phase")]


def judge_of(image: np.ndarray = TRUTH, *, truth: np.ndarray = TRUTH, ramp: bool = False) -> PatchJudge:
    """Of an arm whose stitched image that is."""
    settings = ScoringSettings(placing=PlacingSettings(coverage=0.0), free_ramp=ramp)
    weight = MASK.astype(float)
    scorecard = score_arms({"arm": ArmImage(image, weight, movable=False)}, truth, settings=settings)
    judge = PatchJudge.of(scorecard.arm("arm"), TruthView.build(truth, scorecard.mask))
    assert judge is not None
    return judge


JUDGE = judge_of()


def patch_at(row: int, column: int, image: np.ndarray = TRUTH) -> np.ndarray:
    return image[row : row + M, column : column + M].copy()


def score(patch: np.ndarray, judge: PatchJudge = JUDGE, place: tuple[int, int] = PLACE) -> PatchScore:
    return judge.score(patch, place)


def test_a_true_patch_is_perfect() -> None:
    found = score(patch_at(*PLACE))
    assert (found.pixels, found.note) == (M * M, "")
    assert set(found.numbers) == {"fienup", "gain", "phase", *(f"{g}_{s}" for g in GAUGES for s in SCORES)}
    assert found.numbers["fienup"] < 1e-12
    for gauge in GAUGES:
        for part in ("amplitude", "phase"):
            assert found.numbers[f"{gauge}_mae_{part}"] < 1e-12
            assert found.numbers[f"{gauge}_ssim_{part}"] == pytest.approx(1, abs=1e-9)
    assert found.numbers["gain"] == pytest.approx(1)
    assert found.numbers["phase"] == pytest.approx(0, abs=1e-12)


@given(size=st.floats(0.1, 10), angle=st.floats(-3, 3))
def test_a_gain_of_a_patch_goes_with_its_own_gauge_and_stays_in_that_of_the_image(
    size: float, angle: float
) -> None:
    """Only this patch has it: the image was stitched from others."""
    noise = 0.02 * np.random.default_rng(1).standard_normal((2, M, M))
    patch = patch_at(*PLACE) + noise[0] + 1j * noise[1]
    plain, found = score(patch).numbers, score(size * np.exp(1j * angle) * patch).numbers
    for name in ("fienup", *(f"own_{each}" for each in SCORES)):
        assert found[name] == pytest.approx(plain[name], abs=1e-9)
    assert found["gain"] == pytest.approx(plain["gain"] / size)
    turned = np.exp(1j * (found["phase"] - plain["phase"] + angle))
    assert turned == pytest.approx(1, abs=1e-9)
    if abs(angle) > 0.5:
        assert found["stitched_mae_phase"] == pytest.approx(abs(angle), abs=0.15)
    expected = np.abs(size * np.abs(patch) - np.abs(patch_at(*PLACE))).mean()
    assert found["stitched_mae_amplitude"] == pytest.approx(expected, rel=1e-6)


def test_a_gain_of_the_whole_image_is_in_neither() -> None:
    image = 0.3 * np.exp(2.5j) * TRUTH
    found = score(patch_at(*PLACE, image), judge_of(image)).numbers
    for name in ("fienup", *(f"{gauge}_mae_{part}" for gauge in GAUGES for part in ("amplitude", "phase"))):
        assert found[name] < 1e-9


def test_a_ramp_that_the_image_is_free_in_is_taken_out_of_its_patches() -> None:
    image = tilted(TRUTH, 0.02, -0.01)
    free, kept = (
        score(patch_at(*PLACE, image), judge_of(image, ramp=ramp)).numbers for ramp in (True, False)
    )
    assert free["fienup"] < 1e-6
    assert free["stitched_mae_phase"] < 1e-6
    assert kept["fienup"] > 0.05
    assert kept["stitched_mae_phase"] > kept["own_mae_phase"] > 0.05


def test_noise_of_a_known_size_gives_what_it_must() -> None:
    """White noise of deviation s in each part: |t - a|^2 adds up to 2 s^2 a pixel, and along the modulus
    it is s times a standard normal, whose mean modulus is sqrt(2 / pi)."""
    s, generator = 0.03, np.random.default_rng(5)
    places = [(row, column) for row in range(10, 60, 6) for column in range(10, 60, 6)]
    found, power = [], []
    for place in places:
        noise = s * generator.standard_normal((2, M, M))
        found.append(score(patch_at(*place) + noise[0] + 1j * noise[1], place=place).numbers)
        power.append(np.mean(np.abs(patch_at(*place)) ** 2))
    # sin of the angle between truth and truth with noise
    expected = np.mean([np.sqrt(2 * s**2 / (each + 2 * s**2)) for each in power])
    assert np.mean([each["fienup"] for each in found]) == pytest.approx(expected, rel=0.01)
    for gauge in GAUGES:
        measured = np.mean([each[f"{gauge}_mae_amplitude"] for each in found])
        assert measured == pytest.approx(s * np.sqrt(2 / np.pi), rel=0.02)
    inverse = np.mean(1 / np.abs(TRUTH[10:84, 10:84]))
    assert np.mean([each["stitched_mae_phase"] for each in found]) == pytest.approx(
        s * np.sqrt(2 / np.pi) * inverse, rel=0.03
    )


def test_only_pixels_that_the_image_is_scored_on_count() -> None:
    """The mask begins at row and column 8; what lies beyond may hold anything, and be off the grid."""
    whole = np.pad(TRUTH, M, constant_values=np.nan)
    for place, pixels in (((0, 20), 16 * 24), ((-10, -10), 36), ((76, 76), 144)):
        row, column = place[0] + M, place[1] + M
        found = score(whole[row : row + M, column : column + M], place=place)
        assert (found.pixels, found.note) == (pixels, "")
        assert found.numbers["fienup"] < 1e-12
        assert ("own_ssim_phase" in found.numbers) == (pixels >= 121)
    for place in ((-40, 20), (-17, 20), (90, 20), (200, 200)):
        assert score(np.ones((M, M)), place=place) == PatchScore(0, {}, "none of its pixels is scored")


def test_a_dead_patch_says_so_and_has_no_numbers() -> None:
    for value, said in ((0, "no complex gain fits"), (np.nan, "image is not finite in 576 of 576")):
        found = score(np.full((M, M), value, complex))
        assert (found.pixels, found.numbers) == (576, {})
        assert said in found.note


def test_what_the_image_has_no_number_of_its_patches_have_neither() -> None:
    image = np.exp(1j * np.angle(TRUTH))  # of a network for the phase alone
    found = score(patch_at(*PLACE, image), judge_of(image)).numbers
    assert {name for name in found if "_" in name} == {
        f"{gauge}_{metric}_phase" for gauge in GAUGES for metric in ("mae", "ssim")
    }
    assert found["own_mae_phase"] < 0.1


def test_an_arm_without_scores_has_no_judge_of_its_patches() -> None:
    scorecard = score_arms({"arm": ArmImage(0 * TRUTH, MASK.astype(float), movable=False)}, TRUTH)
    assert PatchJudge.of(scorecard.arm("arm"), JUDGE.view) is None
