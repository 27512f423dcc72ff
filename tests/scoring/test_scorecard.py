import math
from dataclasses import replace

import numpy as np
import pytest

from ptycho_compare.errors import ScoringError
from ptycho_compare.reporting.terminal import summary_lines
from ptycho_compare.scoring.collapse import CollapseLimits
from ptycho_compare.scoring.metrics.estimate import Resampling
from ptycho_compare.scoring.placement import ArmImage, PlacingSettings
from ptycho_compare.scoring.scorecard import score_arms as scored_by_default
from ptycho_compare.scoring.settings import METRIC_VERSION, ScoringSettings

from .objects import displaced_pair, inner_mask, make_object, noisy

TRUTH = make_object((112, 120))
COVER = inner_mask(TRUTH.shape).astype(float)
QUICK = ScoringSettings(resampling=Resampling(draws=20))
BOTH = ("mae", "mse", "psnr", "ssim", "ms_ssim", "frc50")


def arm(values, weight=COVER, *, movable=False):
    return ArmImage(values, weight, movable)


def score_arms(images, truth, *, settings=QUICK, **options):
    return scored_by_default(images, truth, settings=settings, **options)


def score(values, **options):
    return score_arms({"arm": arm(values)}, TRUTH, **options).arm("arm")


def numbers(scored):
    assert scored.status == "ok", scored.reason
    return {row.name: (row.amplitude, row.phase, row.value) for row in scored.metrics}


def assert_same_numbers(one, other):
    first, second = numbers(one), numbers(other)
    for name, row in first.items():
        for mine, yours in zip(row, second[name], strict=True):
            assert (mine is None) == (yours is None), name
            assert mine is None or yours == pytest.approx(mine, rel=1e-9), name


def test_identity_is_perfect():
    scored = score(TRUTH)
    found = numbers(scored)
    rings, ramps = ("frc1over7", "frc_half_bit", "frc_auc", "frt50"), ("fienup_ramp_kept", "fienup_ramp_free")
    assert list(found) == [*BOTH, *rings, "fienup", "phase_rmse", *ramps]
    assert found["mae"][:2] == pytest.approx((0, 0), abs=1e-15)
    assert min(found["psnr"][:2]) > 290  # the fitted gain is 1 up to rounding
    assert found["ssim"][:2] == found["ms_ssim"][:2] == pytest.approx((1, 1), abs=1e-12)
    assert found["frc50"][:2] == (0.5, 0.5)
    assert found["fienup"][2] < 1e-7
    notes = {row.name: (row.unit, row.note) for row in scored.metrics}
    assert notes["frc50"] == (
        "cycles/px",
        "amplitude beyond Nyquist; phase beyond Nyquist; complex beyond Nyquist",
    )
    assert notes["ms_ssim"] == ("", "levels=4")
    assert notes["psnr"][0] == "dB"
    assert scored.shift.registered
    assert not scored.moved
    assert set(scored.curves) == {"amplitude", "phase", "complex"}
    assert scored.image.dtype == np.complex64
    assert all(type(each) is float for row in found.values() for each in row if each is not None)


@pytest.mark.parametrize("gain", [40 * np.exp(-1.3j)])
def test_no_complex_gain_changes_a_metric(gain):
    image = noisy(TRUTH, 0.2)
    plain, gained = score(image), score(image * gain)
    assert_same_numbers(plain, gained)
    assert gained.gauge.scale * gain == pytest.approx(plain.gauge.scale, rel=1e-9)


def test_a_global_phase_of_the_truth_changes_nothing_either():
    image = noisy(TRUTH, 0.2)
    turned = score_arms({"arm": arm(image)}, TRUTH * np.exp(2.9j)).arm("arm")
    assert_same_numbers(score(image), turned)


@pytest.mark.parametrize("garbage", [np.nan, np.inf, 1e6])
def test_values_outside_the_mask_never_matter(garbage):
    image = noisy(TRUTH, 0.2)
    dirty = np.where(COVER > 0, image, garbage)
    # the truth is told to end with the mask: its values beyond must not matter then
    wrong = np.where(COVER > 0, TRUTH, garbage)
    found = score_arms({"arm": arm(dirty)}, wrong, area=COVER).arm("arm")
    assert numbers(found) == numbers(score(image))


def between(values):
    """Score what covers less than two living arms, and lies between them."""
    weight = COVER.copy()
    weight[:, :40] = 0
    first, last = arm(noisy(TRUTH, 0.2, 1)), arm(noisy(TRUTH, 0.4, 2), movable=True)
    return score_arms({"first": first, "x": arm(values, weight), "last": last}, TRUTH)


@pytest.fixture(scope="module")
def with_live():
    return between(noisy(TRUTH, 0.1))


@pytest.mark.parametrize("dead", [np.nan, 0.0, 0.5 + 0.5j, np.inf])
def test_a_dead_arm_fails_alone_and_leaves_the_others_bit_identical(dead, with_live):
    with_dead = between(np.full_like(TRUTH, dead))
    assert [each.arm for each in with_dead.failed] == ["x"]
    assert with_dead.arm("x").metrics == ()
    assert np.array_equal(with_live.mask, with_dead.mask)
    for name in ("first", "last"):
        one, other = with_live.arm(name), with_dead.arm(name)
        assert one.metrics == other.metrics
        assert (one.shift, one.gauge) == (other.shift, other.gauge)
        assert np.array_equal(one.image, other.image)


def test_the_reason_of_a_dead_arm_is_its_kind_and_number():
    scored = score(np.zeros_like(TRUTH))
    assert scored.status == "failed"
    assert scored.reason == "zero: |object| = 0 in 9984 of 9984 mask pixels"
    assert scored.gauge is None


def test_arms_keep_their_order_and_share_one_mask():
    left, right = COVER.copy(), COVER.copy()
    left[:, 100:], right[:30] = 0, 0
    card = score_arms({"b": arm(TRUTH, left), "a": arm(TRUTH, right)}, TRUTH)
    assert [each.arm for each in card.arms] == ["b", "a"]
    assert np.array_equal(card.mask, (left > 0) & (right > 0))
    assert card.metric_version == METRIC_VERSION
    assert card.ranges["amplitude"] == pytest.approx(np.ptp(np.abs(TRUTH)[card.mask]))
    with pytest.raises(ScoringError, match="no arm 'c' in this scorecard: b, a"):
        card.arm("c")


def displaced(dy, dx):
    truth, image = displaced_pair(dy, dx, size=176)
    weight = inner_mask(truth.shape, 10).astype(float)
    return truth, np.where(weight > 0, image, np.nan) * np.exp(1j), weight


def test_a_movable_arm_is_found_moved_and_scored_well():
    truth, image, weight = displaced(2.3, -1.7)
    fixed = arm(noisy(truth, 0.1), np.ones(truth.shape))
    card = score_arms({"ours": fixed, "theirs": arm(image, weight, movable=True)}, truth)
    scored = card.arm("theirs")
    assert scored.moved
    assert (scored.shift.dy, scored.shift.dx) == pytest.approx((2.3, -1.7), abs=0.01)
    assert numbers(scored)["fienup"][2] < 0.005
    assert numbers(scored)["ssim"][1] > 0.99
    expected = np.zeros(truth.shape, bool)
    expected[13:-9, 9:-13] = True  # 10 px in, moved by (2, -2), one pixel lost to the fraction
    assert np.array_equal(card.mask, expected)


def test_an_arm_with_a_frame_is_measured_but_never_moved():
    truth, image, weight = displaced(2.3, -1.7)
    scored = score_arms({"ours": arm(image, weight)}, truth).arm("ours")
    assert not scored.moved
    assert (scored.shift.dy, scored.shift.dx) == pytest.approx((2.3, -1.7), abs=0.01)
    assert numbers(scored)["fienup"][2] > 0.05


def test_a_measurement_that_fails_is_no_failure():
    truth, image, weight = displaced(4.5, 0.0)
    scored = score_arms({"ours": arm(image, weight)}, truth).arm("ours")
    assert scored.status == "ok"
    assert not scored.shift.registered
    assert "search radius of 3 px" in scored.shift.reason


def test_an_arm_that_cannot_be_registered_fails_and_does_not_shrink_the_mask():
    truth, image, weight = displaced(12.0, 0.0)
    fixed = arm(noisy(truth, 0.1), np.ones(truth.shape))
    card = score_arms({"theirs": arm(image, weight, movable=True), "ours": fixed}, truth)
    assert card.mask.all()
    assert card.arm("ours").metrics == score_arms({"ours": fixed}, truth).arm("ours").metrics
    scored = card.arm("theirs")
    assert scored.status == "failed"
    assert scored.reason.startswith("not registered: ")
    assert "8 px" in scored.reason
    assert np.array_equal(np.isnan(scored.image), np.isnan(image))


def test_registration_can_be_skipped():
    truth, image, weight = displaced(4.0, 0.0)
    settings = replace(QUICK, placing=PlacingSettings(skip_registration=True), diagnostic_radius_px=6.0)
    scored = score_arms({"theirs": arm(image, weight, movable=True)}, truth, settings=settings).arm("theirs")
    assert scored.status == "ok"
    assert not scored.moved
    assert scored.shift.dy == pytest.approx(4.0, abs=0.01)


def test_a_dead_movable_arm_is_named_as_dead_not_as_misplaced():
    card = score_arms({"x": arm(0 * TRUTH, movable=True), "y": arm(TRUTH)}, TRUTH)
    assert card.arm("x").reason == "zero: |object| = 0 in 9984 of 9984 mask pixels"


def test_a_movable_arm_beside_the_others_fails_alone():
    west, east = COVER.copy(), COVER.copy()
    west[:, 60:], east[:, :60] = 0, 0
    card = score_arms({"x": arm(TRUTH, east, movable=True), "y": arm(TRUTH, west)}, TRUTH)
    assert card.arm("x").reason.startswith("not registered: no pixel is covered by every array")
    assert card.arm("y").status == "ok"


@pytest.mark.parametrize("bad", [0.0, np.nan])
def test_an_arm_without_coverage_fails_alone(bad):
    card = score_arms({"x": arm(TRUTH, np.full(TRUTH.shape, bad)), "y": arm(TRUTH)}, TRUTH)
    assert card.arm("x").reason.startswith("no usable coverage: 0 of 13440 pixels covered")
    assert card.arm("y").status == "ok"
    alone = score_arms({"x": arm(TRUTH, np.full(TRUTH.shape, bad))}, TRUTH)
    assert alone.arm("x").reason.startswith("no usable coverage")
    assert not alone.mask.any()


def test_without_a_truth_the_dead_are_named_and_nothing_is_scored():
    card = score_arms({"a": arm(TRUTH, movable=True), "b": arm(0 * TRUTH)}, None)
    assert card.reference == "none"
    assert card.arm("a").status == "unscored"
    assert card.arm("a").reason.startswith("no true object, no residual and no other arm")
    assert card.arm("b").reason.startswith("zero: ")
    assert card.ranges == {}
    assert card.arm("a").metrics == card.agreements == card.differences == ()


@pytest.mark.parametrize("shown", ["amplitude", "phase", "nothing"])
def test_a_component_the_truth_does_not_show_gets_no_number(shown):
    truth = {
        "amplitude": np.abs(TRUTH) + 0j,
        "phase": np.exp(1j * np.angle(TRUTH)),
        "nothing": np.full_like(TRUTH, 0.7j),
    }[shown]
    limits = CollapseLimits(min_contrast=0.0, min_relative_contrast=0.0)
    image = noisy(truth, 0.1) + 1e-3 * TRUTH
    scored = score_arms(
        {"arm": arm(image)}, truth, settings=replace(QUICK, placing=PlacingSettings(limits=limits))
    ).arm("arm")
    found = numbers(scored)
    notes = {row.name: row.note for row in scored.metrics}
    for index, component in enumerate(("amplitude", "phase")):
        for name in ("psnr", "ssim", "ms_ssim", "frc50"):
            assert (found[name][index] is None) == (component != shown)
            assert (f"{component}: no contrast in the truth" in notes[name]) == (component != shown)
        assert found["mae"][index] is not None
    assert set(scored.curves) == (set() if shown == "nothing" else {shown, "complex"})


def test_a_mask_without_a_window_fails_the_arm_with_the_reason():
    narrow = np.zeros(TRUTH.shape)
    narrow[20:29, 20:60] = 1
    scored = score_arms({"arm": arm(noisy(TRUTH, 0.1), narrow)}, TRUTH).arm("arm")
    assert scored.status == "failed"
    assert "no 11 x 11 window fits into the mask (360 pixels in a box of 9 x 40)" in scored.reason


def test_a_diagnosis_that_cannot_be_made_says_why():
    pixel = np.full_like(TRUTH, 0.5)
    pixel[8, 8] = 0.9  # contrast on the rim of the mask alone
    settings = replace(
        QUICK, placing=PlacingSettings(limits=CollapseLimits(min_contrast=0.0, min_relative_contrast=0.0))
    )
    scored = score_arms({"arm": arm(pixel)}, TRUTH, settings=settings).arm("arm")
    assert scored.status == "ok"
    assert not scored.shift.registered


@pytest.mark.parametrize(
    ("images", "truth", "text"),
    [
        ({}, TRUTH, "no arm to score"),
        ({"a": arm(TRUTH[1:])}, TRUTH, r"one grid: a \(111, 120\), weight of a \(112, 120\)"),
        ({"a": arm(TRUTH)}, TRUTH[:, 1:], r"truth \(112, 119\)"),
        ({"a": arm(TRUTH)}, TRUTH * np.nan, "no pixel is covered by every array"),
    ],
)
def test_what_has_no_common_grid_is_refused(images, truth, text):
    with pytest.raises(ScoringError, match=text):
        score_arms(images, truth)


def test_smoothed_curves_are_the_ones_that_are_read():
    image = noisy(TRUTH, 0.5)
    rough, smooth = score(image), score(image, settings=replace(QUICK, frc_sigma=2.0))
    assert np.std(np.diff(smooth.curves["phase"].correlation)) < np.std(
        np.diff(rough.curves["phase"].correlation)
    )
    cutoff = smooth.curves["phase"].cutoff(0.5).frequency
    assert numbers(smooth)["frc50"][1] == (0.5 if cutoff is None else cutoff)


def test_settings_and_images_are_values():
    settings = ScoringSettings()
    assert replace(settings) == settings
    assert settings.placing.limits == CollapseLimits()
    assert math.isclose(settings.placing.coverage, 0.1)


def test_arms_too_small_to_compare_say_so():
    narrow = np.zeros(TRUTH.shape)
    narrow[20:29, 20:60] = 1
    card = score_arms({"a": arm(noisy(TRUTH, 0.1), narrow), "b": arm(noisy(TRUTH, 0.2), narrow)}, None)
    (pair,) = card.agreements
    assert pair.metrics == ()
    assert "no 11 x 11 window fits into the mask" in pair.reason
    assert any(line.startswith("b and a were not compared: no 11 x 11") for line in summary_lines(card))
