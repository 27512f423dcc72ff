"""Any two arrays through the one public call; and how well the whole gauge is removed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.errors import ScoringError
from ptycho_compare.scoring.metrics.estimate import Resampling
from ptycho_compare.scoring.metrics.ptychopinn import PtychoPinnSettings, ptychopinn_metrics
from ptycho_compare.scoring.pair import PAIR_SETTINGS, score_pair
from ptycho_compare.scoring.placement import PlacingSettings
from ptycho_compare.scoring.settings import ScoringSettings
from thorough import examples

from .objects import displaced_pair, make_object, noisy, tilted

TRUTH = make_object((96, 104))
NO_DRAWS = Resampling(draws=0)
QUICK = replace(PAIR_SETTINGS, resampling=NO_DRAWS)
PINN = ScoringSettings(metrics="ptychopinn")


def numbers(scored):
    assert scored.status == "ok", scored.reason
    return {row.name: (row.amplitude, row.phase, row.value) for row in scored.metrics}


def gauged_pair(shift, cycles, noise, *, size=200, seed=0):
    """A truth and its image under a shift, a ramp in cycles over the image, phase 2.5 and scale 1.7."""
    truth, image = displaced_pair(*shift, seed=seed, size=size + 48)
    rng = np.random.default_rng([seed, 5])
    white = rng.standard_normal(image.shape) + 1j * rng.standard_normal(image.shape)
    image = image + noise * np.sqrt(np.mean(np.abs(image) ** 2) / 2) * white
    slopes = [2 * np.pi * each / size for each in cycles]
    return truth, tilted(image, *slopes) * np.exp(2.5j) * 1.7


@pytest.mark.parametrize("cycles", [(0.0, 0.0), (0.5, -0.3)])
@pytest.mark.parametrize("seed", range(3))
def test_the_whole_gauge_is_removed_from_a_clean_image(cycles, seed):
    truth, image = gauged_pair((1.3, -2.7), cycles, 0.0, seed=seed)
    scored = score_pair(image, truth, settings=QUICK).arms[0]
    # the bar is 0.008; what is left (1.3e-4) is the interpolation at the image's edge
    assert numbers(scored)["fienup"][2] < 3e-4
    assert (scored.shift.dy, scored.shift.dx) == pytest.approx((1.3, -2.7), abs=1e-5)
    expected = [-2 * np.pi * each / 200 for each in cycles]
    assert scored.gauge.ramp == pytest.approx(expected, abs=1e-6)
    assert abs(scored.gauge.scale) == pytest.approx(1 / 1.7, rel=1e-4)


GAUGES = [
    ((1.3, -2.7), (2, -1), 0.05, 8.0),
    ((6.2, -9.4), (1, 1), 0.1, 12.0),
    ((1.3, -2.7), (5, -3), 0.1, 8.0),
]


@pytest.mark.parametrize(
    ("shift", "cycles", "noise", "radius", "seed"),
    [
        # each gauge once with every push
        pytest.param(*gauge, seed, marks=[] if seed == number else pytest.mark.slow)
        for number, gauge in enumerate(GAUGES)
        for seed in range(3)
    ],
)
def test_under_noise_nothing_but_the_noise_is_left(shift, cycles, noise, radius, seed):
    truth, image = gauged_pair(shift, cycles, noise, seed=seed)
    chosen = replace(QUICK, placing=PlacingSettings(search_radius_px=radius))
    scored = score_pair(image, truth, settings=chosen).arms[0]
    floor = noise / np.sqrt(1 + noise**2)
    assert numbers(scored)["fienup"][2] == pytest.approx(floor, rel=0.01)
    assert np.hypot(scored.shift.dy - shift[0], scored.shift.dx - shift[1]) < 0.03


@examples(15)
@given(st.floats(-3, 3), st.floats(-3, 3), st.floats(-0.4, 0.4), st.floats(-0.4, 0.4), st.floats(-3.1, 3.1))
def test_no_gauge_changes_what_a_pair_scores(dy, dx, ky, kx, phase):
    truth, image = displaced_pair(dy, dx, size=144)
    there = noisy(image, 0.3)
    plain = numbers(score_pair(there, truth, settings=QUICK).arms[0])
    other = numbers(score_pair(tilted(there, ky, kx) * 3 * np.exp(1j * phase), truth, settings=QUICK).arms[0])
    for name, row in plain.items():
        expected = tuple(each if each is None else pytest.approx(each, rel=1e-5) for each in row)
        assert other[name] == expected or name == "fienup_ramp_kept", name


def test_an_image_is_perfect_against_itself():
    card = score_pair(TRUTH, TRUTH)
    assert [each.arm for each in card.arms] == ["reconstruction"]
    assert card.mask.all()
    found = numbers(card.arms[0])
    assert found["fienup"][2] < 1e-9
    assert found["frc50"] == (0.5, 0.5, 0.5)


@pytest.mark.parametrize("shape", [(80, 104), (96, 88), (120, 90), (111, 131), (95, 103)])
def test_middles_are_laid_on_each_other_where_shapes_differ(shape):
    whole = make_object((140, 140), 3)
    height, width = shape
    inside = whole[70 - height // 2 :, 70 - width // 2 :][:height, :width]
    truth = whole[70 - 48 : 70 + 48, 70 - 52 : 70 + 52]
    card = score_pair(inside, truth, name="other code", settings=QUICK)
    assert card.arms[0].arm == "other code"
    assert numbers(card.arms[0])["fienup"][2] < 1e-6
    assert card.mask.shape == truth.shape
    assert card.mask.sum() == min(height, 96) * min(width, 104)


def test_a_reconstruction_without_a_frame_is_moved_and_an_aligned_one_is_not():
    truth, image = displaced_pair(2.4, -1.1)
    free = score_pair(image, truth).arms[0]
    held = score_pair(image, truth, aligned=True).arms[0]
    assert free.moved
    assert not held.moved
    assert (held.shift.dy, held.shift.dx) == pytest.approx((2.4, -1.1), abs=1e-3)
    assert numbers(free)["fienup"][2] < 0.01 < numbers(held)["fienup"][2]


def test_a_ramp_is_free_between_two_codes_and_counts_between_aligned_arrays():
    image = tilted(TRUTH, 0.02, -0.01)
    assert score_pair(image, TRUTH).arms[0].gauge.ramp == pytest.approx((-0.02, 0.01), abs=1e-6)
    held = score_pair(image, TRUTH, aligned=True).arms[0]
    assert held.gauge.ramp == (0.0, 0.0)
    assert numbers(held)["phase_rmse"][1] > 0.3
    freed = score_pair(image, TRUTH, aligned=True, settings=ScoringSettings(free_ramp=True)).arms[0]
    assert numbers(freed)["phase_rmse"][1] < 1e-6


def test_a_mask_says_which_pixels_of_the_truth_count():
    mask = np.zeros(TRUTH.shape, dtype=bool)
    mask[10:80, 20:90] = True
    image = np.where(mask, TRUTH, 7.0)
    card = score_pair(image, np.where(mask, TRUTH, np.nan), aligned=True, mask=mask)
    assert np.array_equal(card.mask, mask)
    assert numbers(card.arms[0])["fienup"][2] < 1e-9


def test_a_dead_array_fails_and_says_why():
    scored = score_pair(np.zeros_like(TRUTH), TRUTH, aligned=True).arms[0]
    assert scored.status == "failed"
    assert scored.reason.startswith("zero: ")


@pytest.mark.parametrize(
    ("image", "truth", "text"),
    [
        (TRUTH[0], TRUTH, r"^reconstruction has shape \(104,\); an image has two dimensions$"),
        (TRUTH, TRUTH[None], r"^truth has shape \(1, 96, 104\); an image has two dimensions$"),
        (TRUTH[:0], TRUTH, r"^reconstruction has shape \(0, 104\)"),
        (
            TRUTH[1:],
            TRUTH,
            r"^reconstruction has shape \(95, 104\) and the truth \(96, 104\); aligned images",
        ),
    ],
)
def test_what_is_no_pair_of_images_is_refused_in_one_line(image, truth, text):
    with pytest.raises(ScoringError, match=text) as caught:
        score_pair(image, truth, aligned=True)
    assert "\n" not in str(caught.value)


NEEDED = r"; needed: an array of complex numbers, \(h, w\); from amplitude and phase: amplitude \* exp"


@pytest.mark.parametrize(
    ("image", "found"),
    [
        ("truth.npy", "is a str"),
        (Path("truth.npy"), "is a PosixPath"),
        (None, "is a NoneType"),
        ([[1j, 2j], [3j]], "is a list of no one shape"),
        (np.full(TRUTH.shape, "1"), r"is <U1 of shape \(96, 104\)"),
        (np.angle(TRUTH), r"is float64 of shape \(96, 104\)"),
        (np.array(TRUTH, object), r"is object of shape \(96, 104\)"),
    ],
)
@pytest.mark.parametrize("of", ["reconstruction", "truth"])
def test_what_is_no_complex_array_is_named_by_its_kind(image, found, of):
    pair = (image, TRUTH) if of == "reconstruction" else (TRUTH, image)
    with pytest.raises(ScoringError, match=rf"^{of} {found}{NEEDED}"):
        score_pair(*pair)


def test_what_gives_its_numbers_as_an_array_is_scored_as_one():
    class Tensor:
        """As torch's: no array, but numpy can take one from it."""

        def __array__(self, dtype=None, copy=None):
            return np.array(noisy(TRUTH, 0.1), dtype=dtype)

    aligned = replace(QUICK, free_ramp=False)
    expected, *others = (
        numbers(score_pair(image, truth, aligned=True, settings=aligned).arms[0])
        for image, truth in [
            (noisy(TRUTH, 0.1), TRUTH),
            (noisy(TRUTH, 0.1).tolist(), TRUTH.tolist()),
            (Tensor(), TRUTH),
        ]
    )
    assert all(other == expected for other in others)


@pytest.mark.parametrize("aligned", [True, False])
@pytest.mark.parametrize("of", ["reconstruction", "truth", "mask"])
def test_what_a_masked_array_masks_is_not_scored(of, aligned):
    block = np.zeros(TRUTH.shape, bool)
    block[40:50, 30:40] = True
    image = noisy(TRUTH, 0.1)
    left_out = np.ma.array(np.ones(TRUTH.shape, bool), mask=block)
    bad = np.where(block, 100, image if of == "reconstruction" else TRUTH)
    image, truth, mask = {
        "reconstruction": (np.ma.array(bad, mask=block), TRUTH, None),
        "truth": (image, np.ma.array(bad, mask=block), None),
        "mask": (image, TRUTH, left_out),
    }[of]
    scored = score_pair(image, truth, aligned=aligned, mask=mask, settings=QUICK)
    assert not scored.mask[block].any()
    expected = score_pair(noisy(TRUTH, 0.1), TRUTH, aligned=aligned, mask=~block, settings=QUICK)
    fienup = [numbers(each.arms[0])["fienup"][2] for each in (scored, expected)]
    assert fienup[0] == pytest.approx(fienup[1], rel=0.02)


@pytest.mark.parametrize(
    ("mask", "found"),
    [
        (np.where(np.eye(96, 104), 1, np.nan), "holds 9888 of 9984 values that are not finite"),
        (TRUTH, r"is complex128 of shape \(96, 104\)"),
        ("mask.npy", "is a str"),
    ],
)
def test_a_mask_that_says_nothing_of_a_pixel_is_refused(mask, found):
    with pytest.raises(ScoringError, match=f"^the mask {found}; needed: a mask, "):
        score_pair(TRUTH, TRUTH, aligned=True, mask=mask)


def test_an_image_that_is_masked_everywhere_is_refused():
    with pytest.raises(ScoringError, match=r"^truth: every pixel is masked"):
        score_pair(TRUTH, np.ma.array(TRUTH, mask=True), aligned=True)


def with_holes(values):
    holed = values.copy()
    holed[20:50, 30:60] = 0.0  # 9 % of the image: more than a living arm may leave empty
    holed[:4] = 0.0
    return holed


def test_ptychopinns_definitions_count_holes_as_zeros():
    image = with_holes(noisy(TRUTH, 0.2)).astype(np.complex64)
    truth = TRUTH.astype(np.complex64)
    card = score_pair(image, truth, aligned=True, settings=PINN)
    assert card.metric_version == "ptychopinn-1"
    expected, curves = ptychopinn_metrics(image, truth)
    assert card.arms[0].metrics == expected
    assert set(card.arms[0].curves) == set(curves)
    standard = score_pair(image, truth, aligned=True).arms[0]
    assert standard.reason.startswith("mostly_empty: ")


def test_ptychopinns_settings_reach_its_definitions():
    image, chosen = noisy(TRUTH, 0.2), PtychoPinnSettings(phase_align="mean", frc_sigma=1.0, trim_px=5)
    scored = score_pair(image, TRUTH, aligned=True, settings=replace(PINN, ptychopinn=chosen)).arms[0]
    assert scored.metrics == ptychopinn_metrics(image, TRUTH, settings=chosen)[0]
    assert scored.metrics != ptychopinn_metrics(image, TRUTH)[0]


def test_a_constant_is_no_image_for_ptychopinns_definitions_either():
    scored = score_pair(np.full_like(TRUTH, 0.7), TRUTH, aligned=True, settings=PINN).arms[0]
    assert scored.status == "failed"
    assert scored.reason.startswith("constant: ")


def test_settings_may_ask_for_no_intervals():
    plain = score_pair(noisy(TRUTH, 0.2), TRUTH).arms[0]
    quick = score_pair(noisy(TRUTH, 0.2), TRUTH, settings=QUICK).arms[0]
    assert any(row.intervals for row in plain.metrics)
    assert not any(row.intervals for row in quick.metrics)
    assert numbers(plain) == numbers(quick)
