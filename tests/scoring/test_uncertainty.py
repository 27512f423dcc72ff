"""Intervals: of one number, of a difference, and what they do not depend on."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.records.measures import HIGHER_IS_BETTER
from ptycho_compare.scoring.alignment.gauge import fienup_error, fit_gauge
from ptycho_compare.scoring.collapse import CollapseLimits
from ptycho_compare.scoring.metrics.arm_metrics import measure
from ptycho_compare.scoring.metrics.estimate import LEAST_BLOCKS, Blocks, Draws, Estimate, Resampling, Sample
from ptycho_compare.scoring.metrics.image_metrics import mae, ms_ssim, mse, psnr, ssim
from ptycho_compare.scoring.metrics.metric import Difference, Interval
from ptycho_compare.scoring.metrics.ring_estimate import Patches
from ptycho_compare.scoring.metrics.ring_rows import CRITERIA
from ptycho_compare.scoring.metrics.truth_view import TruthView
from ptycho_compare.scoring.placement import ArmImage, PlacingSettings
from ptycho_compare.scoring.scorecard import score_arms
from ptycho_compare.scoring.settings import ScoringSettings
from ptycho_compare.scoring.uncertainty import with_uncertainty
from thorough import examples

from .objects import blurred, inner_mask, make_object, noisy, smooth_noise

TRUTH = make_object((112, 120))
MASK = inner_mask(TRUTH.shape)
COVER = MASK.astype(float)
HOW = Resampling(draws=300)
GAUSSIAN_HALF = np.sqrt(np.log(2) / 2) / np.pi
"""Frequency at which a Gaussian blur of 1 px leaves a half, cycles/px."""
bounded = examples(15)


def arms(**images):
    return {name: ArmImage(values, COVER, False) for name, values in images.items()}


def score(images, how=HOW, **options):
    return score_arms(images, TRUTH, settings=ScoringSettings(resampling=how, **options))


def rows(scored):
    return {row.name: row for row in scored.metrics}


def difference(card, metric, component):
    (found,) = (each for each in card.differences if (each.metric, each.component) == (metric, component))
    return found


def gauged(image, truth, mask):
    return fit_gauge(image, truth, mask).apply(image)


# one definition: the number of a score, of its metric's function, and of its block sums


def holed_mask():
    mask = MASK.copy()
    mask[40:46, 50:70] = False
    return mask


@pytest.mark.parametrize("mask", [MASK, holed_mask()], ids=["full", "hole"])
def test_a_score_is_the_number_of_its_function(mask):
    image = gauged(noisy(TRUTH, 0.3), TRUTH, mask)
    view = TruthView.build(TRUTH, mask)
    found = {row.name: row for row in measure(image, view).metrics}
    strong, weak = np.abs(TRUTH)[mask], np.abs(image)[mask]
    amplitudes = np.abs(TRUTH), np.abs(image) * np.vdot(strong, weak) / np.vdot(weak, weak)
    phase = view.parts["phase"]
    phases = phase, phase + np.angle(image * np.conj(TRUTH))
    for part, pair in (("amplitude", amplitudes), ("phase", phases), ("value", (TRUTH, image))):
        assert found["mae"].number(part) == pytest.approx(mae(*pair, mask), rel=1e-9)
        assert found["mse"].number(part) == pytest.approx(mse(*pair, mask), rel=1e-9)
        wide = view.ranges[part]
        assert found["psnr"].number(part) == pytest.approx(psnr(*pair, mask, data_range=wide), rel=1e-9)
        if part != "value":
            assert found["ssim"].number(part) == pytest.approx(ssim(*pair, mask, data_range=wide), rel=1e-9)
            many = ms_ssim(*pair, mask, data_range=wide).value
            assert found["ms_ssim"].number(part) == pytest.approx(many, rel=1e-9)
    assert found["fienup"].value == pytest.approx(fienup_error(image, TRUTH, mask), rel=1e-9)
    assert found["phase_rmse"].phase == pytest.approx(np.sqrt(found["mse"].phase), rel=1e-12)


@bounded
@given(st.integers(0, 10_000), st.floats(0.01, 2.0), st.sampled_from([0.0, 1.5]))
def test_the_sums_a_number_is_drawn_from_give_that_number(seed, level, sigma):
    image = gauged(noisy(TRUTH, level, seed), TRUTH, MASK)
    measured = measure(image, TruthView.build(TRUTH, MASK), frc_sigma=sigma)
    for name, parts in measured.estimates.items():
        for part, estimate in parts.items():
            again = estimate.combine(estimate.sums.sum(axis=0)[np.newaxis])
            assert again == pytest.approx([estimate.value], rel=1e-9), (name, part)
    for name, criterion in CRITERIA.items():
        for part, full in (("amplitude", "amplitude"), ("phase", "phase"), ("value", "complex")):
            cutoff = measured.curves[full].cutoff(criterion).frequency
            assert measured.estimates[name][part].value == (0.5 if cutoff is None else cutoff)
            if name == "frc50":
                transfer = measured.curves[full].transfer_cutoff().read
                assert measured.estimates["frt50"][part].value == transfer


def test_every_number_has_an_interval_around_it():
    (scored,) = score(arms(one=noisy(TRUTH, 0.4))).arms
    for row in scored.metrics:
        for part in ("amplitude", "phase", "value"):
            number = row.number(part)
            if row.name == "frt50":
                continue  # a bound that the noise sets
            assert (number is None) == (part not in row.intervals), (row.name, part)
            if number is not None:
                ends = row.intervals[part]
                assert ends.low < number < ends.high, (row.name, part)


def test_a_cut_off_that_no_draw_crosses_is_certain_and_an_area_stays_in_its_range():
    found = rows(score(arms(one=noisy(TRUTH, 1e-7))).arm("one"))
    assert found["frc50"].value == 0.5
    ends = found["frc50"].intervals["value"]
    assert (ends.low, ends.high) == (0.5, 0.5)
    assert found["frc_auc"].intervals["value"].high <= 1.0


def test_a_transfer_has_an_interval_where_it_falls_and_none_where_noise_ends_it():
    card = score(arms(blurred=noisy(blurred(TRUTH, 1.5), 0.02), noisy=noisy(TRUTH, 0.4)))
    found, bound = (rows(card.arm(name))["frt50"] for name in ("blurred", "noisy"))
    for part in ("amplitude", "phase", "value"):
        ends = found.intervals[part]
        assert ends.low < found.number(part) < ends.high
        assert ends.low < GAUSSIAN_HALF / 1.5 < ends.high
    assert bound.note == "; ".join(
        f"{name} above as far as it is measured" for name in ("amplitude", "phase", "complex")
    )
    assert not bound.intervals
    # how far apart a number is from a bound is not known
    assert not [each for each in card.differences if each.metric == "frt50"]


# differences


def test_a_paired_difference_is_sharper_than_two_numbers_side_by_side():
    # both arms carry the same errors; one has a little more of its own
    common = smooth_noise(TRUTH.shape, 3, blur_px=1.5) * 0.4 * np.std(TRUTH)
    extra = smooth_noise(TRUTH.shape, 4) * 0.1 * np.std(TRUTH)
    card = score(arms(one=TRUTH + common, other=TRUTH + common + extra))
    for metric, part in (("mae", "phase"), ("mse", "value"), ("ssim", "phase"), ("fienup", "value")):
        paired = difference(card, metric, part).interval
        widths = [
            rows(each)[metric].intervals[part].high - rows(each)[metric].intervals[part].low
            for each in card.arms
        ]
        assert paired.high - paired.low < 0.7 * np.hypot(*widths), (metric, part)


def test_equal_arms_cannot_be_told_apart_in_anything():
    image = noisy(TRUTH, 0.3)
    card = score(arms(one=image, other=image.copy()))
    assert len(card.differences) > 20
    for each in card.differences:
        assert each.value == 0.0
        assert each.told_apart is False
        assert (each.interval.low, each.interval.high) == (0.0, 0.0)


@bounded
@given(st.floats(1e-3, 1e3), st.floats(-3.1, 3.1))
def test_arms_equal_up_to_a_gain_are_not_told_apart_by_rounding(gain, phase):
    image = noisy(TRUTH, 0.3)
    card = score(arms(one=image, other=image * gain * np.exp(1j * phase)))
    assert [each.value for each in card.differences] == [0.0] * len(card.differences)
    assert not any(each.told_apart for each in card.differences)


@pytest.mark.parametrize(
    ("low", "high", "apart"),
    [(-0.04, -1e-9, False), (1e-9, 0.04, False), (-0.04, -1e-6, True), (0.0, 0.0, False), (-1.0, 1.0, False)],
)
def test_an_end_that_is_zero_but_for_rounding_leaves_nothing_out(low, high, apart):
    """Another number of cores moved such an end across zero, and with it the verdict."""
    difference = Difference("A", "B", "frc50", "phase", -0.02, Interval(low, high))
    assert difference.told_apart is apart


def test_arms_with_noise_of_one_kind_are_seldom_told_apart():
    view, told = TruthView.build(TRUTH, MASK), []
    for seed in range(12):
        images = {"one": noisy(TRUTH, 0.3, 2 * seed), "other": noisy(TRUTH, 0.3, 2 * seed + 1)}
        measured = {arm: measure(gauged(image, TRUTH, MASK), view) for arm, image in images.items()}
        _, differences = with_uncertainty(measured, HOW)
        (found,) = (each for each in differences if (each.metric, each.component) == ("mse", "phase"))
        told.append(found.told_apart)
    assert np.mean(told) < 0.3


def test_a_clearly_worse_arm_is_told_apart_in_every_row():
    card = score(arms(good=noisy(TRUTH, 0.1, 1), poor=noisy(TRUTH, 0.8, 2)))
    for each in card.differences:
        assert each.told_apart, (each.metric, each.component)
        better = (each.value > 0) == HIGHER_IS_BETTER[each.metric]
        assert better, (each.metric, each.component)
    assert {(each.first, each.second) for each in card.differences} == {("good", "poor")}


def test_two_perfect_arms_have_no_difference_though_their_psnr_is_infinite():
    truth = np.abs(TRUTH) + 0j  # real, so that the fitted gain is 1 to the last bit
    card = score_arms(arms(one=truth, other=truth), truth, settings=ScoringSettings(resampling=HOW))
    assert rows(card.arm("one"))["psnr"].value == np.inf
    assert rows(card.arm("one"))["psnr"].intervals == {}
    found = difference(card, "psnr", "value")
    assert found.value == 0.0
    assert found.interval is None
    assert found.told_apart is None


def test_what_the_truth_hardly_shows_is_no_difference():
    truth = np.exp(1j * np.angle(TRUTH))  # a phase object
    images = {"one": noisy(truth, 0.1, 1), "other": noisy(truth, 0.5, 2)}
    chosen = ScoringSettings(
        resampling=HOW, placing=PlacingSettings(limits=CollapseLimits(min_relative_contrast=0.0))
    )
    card = score_arms(arms(**images), truth, settings=chosen)
    assert {each.component for each in card.differences if each.metric == "mae"} == {"phase", "value"}


# what an interval does and does not depend on


def test_the_same_seed_gives_the_same_intervals_and_another_one_others():
    images = arms(one=noisy(TRUTH, 0.3, 1), other=noisy(TRUTH, 0.4, 2))
    first, again = score(images), score(images)
    assert [each.metrics for each in first.arms] == [each.metrics for each in again.arms]
    assert first.differences == again.differences
    other = score(images, replace(HOW, seed=1))
    assert difference(first, "mae", "phase").interval != difference(other, "mae", "phase").interval
    assert difference(first, "mae", "phase").value == difference(other, "mae", "phase").value


def test_no_result_depends_on_which_other_arms_are_there():
    one, other, third = noisy(TRUTH, 0.3, 1), noisy(TRUTH, 0.4, 2), noisy(TRUTH, 0.2, 3)
    many = score(arms(third=third, one=one, dead=0 * TRUTH, other=other))
    few = score(arms(one=one, other=other))
    for name in ("one", "other"):
        assert many.arm(name).metrics == few.arm(name).metrics
    kept = [each for each in many.differences if (each.first, each.second) == ("one", "other")]
    assert tuple(kept) == few.differences
    assert score(arms(one=one)).arm("one").metrics == few.arm("one").metrics


def test_no_draws_give_no_intervals_and_the_same_numbers():
    images = arms(one=noisy(TRUTH, 0.3, 1), other=noisy(TRUTH, 0.4, 2))
    none, some = score(images, Resampling(draws=0)), score(images)
    assert all(row.intervals == {} for each in none.arms for row in each.metrics)
    assert all(each.interval is None and each.told_apart is None for each in none.differences)
    assert [each.value for each in none.differences] == [each.value for each in some.differences]
    plain = [replace(row, intervals={}) for each in some.arms for row in each.metrics]
    assert plain == [row for each in none.arms for row in each.metrics]


def test_a_higher_level_is_wider():
    images = arms(one=noisy(TRUTH, 0.3))
    wide, narrow = score(images, replace(HOW, level=0.99)), score(images, replace(HOW, level=0.5))
    for one, other in zip(wide.arm("one").metrics, narrow.arm("one").metrics, strict=True):
        for part, ends in one.intervals.items():
            assert ends.low <= other.intervals[part].low <= other.intervals[part].high <= ends.high


def test_too_few_blocks_give_no_interval():
    small = np.zeros(TRUTH.shape)
    small[20:56, 20:56] = 1.0
    assert Blocks.of(small > 0).independent < LEAST_BLOCKS
    card = score_arms(
        {"one": ArmImage(noisy(TRUTH, 0.3), small, False)}, TRUTH, settings=ScoringSettings(resampling=HOW)
    )
    found = rows(card.arm("one"))
    assert found["mae"].intervals == found["ssim"].intervals == found["fienup"].intervals == {}
    assert found["mae"].phase is not None
    # the user may take smaller blocks, and answers for it
    smaller = ScoringSettings(resampling=replace(HOW, block_px=12))
    card = score_arms({"one": ArmImage(noisy(TRUTH, 0.3), small, False)}, TRUTH, settings=smaller)
    assert set(rows(card.arm("one"))["mae"].intervals) == {"amplitude", "phase", "value"}


# blocks and patches


@bounded
@given(st.integers(20, 90), st.integers(20, 90), st.integers(5, 40), st.integers(0, 99))
def test_every_pixel_of_a_mask_is_in_four_blocks(height, width, side, seed):
    rng = np.random.default_rng(seed)
    mask = rng.random((height, width)) < 0.7
    mask[0, 0] = mask[-1, -1] = True  # the mask's box is the grid
    blocks = Blocks.of(mask, side)
    values = rng.standard_normal(mask.shape)
    sums = blocks.sums(values, mask)
    assert sums.sum() == pytest.approx(4 * values[mask].sum(), abs=1e-9)
    assert blocks.sums(np.ones(mask.shape), mask).min() > 0
    assert blocks.independent == len(sums) // 4


@pytest.mark.parametrize(
    ("shape", "side"), [((40, 40), 16), ((112, 112), 32), ((280, 280), 80), ((900, 900), 80)]
)
def test_the_side_of_a_block_follows_from_the_mask(shape, side):
    assert Blocks.of(np.ones(shape, dtype=bool)).side_px == side


def test_an_empty_part_of_the_box_makes_no_blocks():
    mask = np.zeros((128, 128), dtype=bool)
    mask[:32] = mask[:, :32] = True
    whole = Blocks.of(np.ones(mask.shape, dtype=bool), 32)
    assert whole.independent == 16
    assert Blocks.of(mask, 32).independent < 14


@pytest.mark.parametrize("shape", [(64, 64), (61, 84), (120, 47)])
def test_patches_hold_every_pixel_of_every_ring_once_with_its_mirror_image(shape):
    patches = Patches.of(shape)
    rng = np.random.default_rng(0)
    image = rng.standard_normal(shape)
    spectrum = patches.spectrum(image)
    sums = patches.sums(spectrum, spectrum)
    cross, power1, power2 = np.split(sums, 3, axis=1)
    np.testing.assert_allclose(cross, power1, rtol=1e-12)
    np.testing.assert_allclose(power1, power2, rtol=1e-12)
    expected = np.bincount(patches.rings, weights=np.abs(spectrum) ** 2)
    np.testing.assert_allclose(power1.sum(axis=0), expected, rtol=1e-12)
    assert np.array_equal(patches.pixels, np.bincount(patches.rings))
    grid = np.full(shape, -1)
    grid[patches.kept] = patches.labels
    mirrored = np.roll(grid[::-1, ::-1], (1, 1), (0, 1))
    # on the line of Nyquist itself -k is k's own image, which numpy keeps on one side only
    inner = np.ones(shape, dtype=bool)
    for axis, length in enumerate(shape):
        if length % 2 == 0:
            np.moveaxis(inner, axis, 0)[length // 2] = False
    assert np.array_equal(grid[inner], mirrored[inner])


def test_large_images_have_no_more_patches_than_are_useful():
    counts = {side: int(Patches.of((side, side)).labels.max()) + 1 for side in (32, 128, 600)}
    assert 30 < counts[32] < counts[128] < 2300
    assert 1000 < counts[600] < 2300


# draws


def test_draws_of_one_thing_are_made_once_and_weigh_every_block():
    draws = Draws(Resampling(draws=50))
    sums = np.eye(12)
    weights = draws.of(sums, 12)
    assert draws.of(sums, 12) is weights
    assert weights.shape == (50, 12)
    assert weights.min() > 0
    assert np.array_equal(weights, Draws(Resampling(draws=50)).of(np.eye(12), 12))


def test_a_number_that_is_not_one_is_not_drawn():
    estimate = Estimate(np.inf, np.ones((20, 1)), lambda sums: sums[:, 0], 20)
    assert estimate.sample(Draws(HOW)) is None
    assert Sample(np.array([1.0, np.nan]), 20).interval(0.95) is None


def test_few_blocks_widen_an_interval():
    values = np.random.default_rng(0).standard_normal(20_000)
    wide, narrow = Sample(values, 8).interval(0.95), Sample(values, 2000).interval(0.95)
    assert narrow.high - narrow.low == pytest.approx(2 * 1.96, rel=0.03)
    # Student's t with 7 degrees of freedom over sqrt(7 / 8)
    assert wide.high - wide.low == pytest.approx(2 * 2.365 * np.sqrt(8 / 7), rel=0.05)
    fewer = Sample(values, 8).minus(Sample(values / 2, 2000))
    assert fewer.independent == 8
    np.testing.assert_array_equal(fewer.values, values / 2)
