import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.errors import ScoringError
from ptycho_compare.scoring.alignment import registration
from ptycho_compare.scoring.alignment.matching import Region, Scene
from ptycho_compare.scoring.alignment.registration import continued, register, shift_image, shift_weight
from thorough import examples

from .objects import blurred, displaced_pair, inner_mask, make_object, moved, noisy, random_field, tilted

bounded = examples(25)
seeds = st.integers(0, 10_000)
small = st.floats(-3.0, 3.0)
slopes = st.floats(-0.4, 0.4)
SHIFTS = [(0.0, 0.0), (2.3, -1.7), (-3.0, 3.0), (0.5, -1.5), (0.04, 0.9)]


def found_error(image, truth, shift, *, radius_px=8.0, margin=4):
    found = register(image, truth, inner_mask(truth.shape, margin), radius_px=radius_px)
    assert found.registered, found.reason
    return np.hypot(found.dy - shift[0], found.dx - shift[1])


@pytest.mark.parametrize("shift", SHIFTS)
@pytest.mark.parametrize("cutoff", [0.2, 0.05, 0.03])
def test_an_injected_shift_is_found_on_sharp_and_on_smooth_images(shift, cutoff):
    truth, image = displaced_pair(*shift, cutoff=cutoff)
    assert found_error(image, truth, shift) < 1e-3


@pytest.mark.parametrize("seed", range(10))
def test_forty_percent_noise_costs_a_twentieth_of_a_pixel(seed):
    shift = SHIFTS[seed % len(SHIFTS)]
    truth, image = displaced_pair(*shift, seed=seed, cutoff=0.1)
    assert found_error(noisy(image, 0.4, seed), truth, shift) < 0.05


@bounded
@given(seeds, small, small, slopes, slopes, st.floats(1e-3, 1e3), st.floats(-3.1, 3.1))
def test_any_small_shift_is_found_under_any_ramp_and_gain(seed, dy, dx, ky, kx, gain, phase):
    truth, image = displaced_pair(dy, dx, seed=seed, size=152)
    mask = inner_mask(truth.shape, 4)
    gauge = gain * np.exp(1j * phase)
    clean = register(tilted(image, ky, kx) * gauge, truth, mask, radius_px=4)
    assert clean.registered, clean.reason
    assert (clean.dy, clean.dx) == pytest.approx((dy, dx), abs=0.01)
    assert clean.ramp == pytest.approx((-ky, -kx), abs=1e-4)
    assert clean.confidence > 0.999


@bounded
@given(seeds, small, small, slopes, slopes)
def test_any_small_shift_is_found_in_forty_percent_noise_under_any_ramp(seed, dy, dx, ky, kx):
    truth, image = displaced_pair(dy, dx, seed=seed)
    mask = inner_mask(truth.shape, 4)
    found = register(tilted(noisy(image, 0.4, seed), ky, kx), truth, mask, radius_px=4)
    assert found.registered, found.reason
    assert (found.dy, found.dx) == pytest.approx((dy, dx), abs=0.05)
    assert found.ramp == pytest.approx((-ky, -kx), abs=1e-3)


@pytest.mark.parametrize("shift", SHIFTS)
def test_a_blurred_image_is_found_all_the_same(shift):
    truth, image = displaced_pair(*shift, cutoff=0.1)
    assert found_error(blurred(image, 3.0), truth, shift) < 0.05


def test_a_far_shift_is_found_within_a_wide_radius():
    truth, image = displaced_pair(-13.4, 9.6, cutoff=0.05)
    assert found_error(image, truth, (-13.4, 9.6), radius_px=16) < 1e-3


def test_a_pure_phase_object_is_found_too():
    truth, image = displaced_pair(1.2, -2.6)
    truth, image = np.exp(1j * np.abs(truth)), np.exp(1j * np.abs(image))
    assert found_error(image, truth, (1.2, -2.6)) < 0.01


def test_a_gain_changes_nothing():
    truth, image = displaced_pair(1.3, 0.4)
    mask = inner_mask(truth.shape)
    plain = register(image, truth, mask, radius_px=4)
    gained = register(image * 0.3 * np.exp(2.5j), truth, mask, radius_px=4)
    assert (gained.dy, gained.dx) == pytest.approx((plain.dy, plain.dx), abs=1e-8)


def test_values_outside_the_mask_never_matter():
    truth, image = displaced_pair(1.3, 0.4)
    mask = inner_mask(truth.shape)
    dirty = register(np.where(mask, image, np.nan), np.where(mask, truth, np.inf), mask, radius_px=4)
    assert dirty == register(image, truth, mask, radius_px=4)


def test_identity_needs_no_move():
    truth = make_object((80, 96))
    found = register(truth, truth, inner_mask(truth.shape), radius_px=3)
    assert found.registered
    assert found.confidence == pytest.approx(1.0, abs=1e-12)
    assert abs(found.dy) + abs(found.dx) < 1e-9


@pytest.mark.parametrize("shift", SHIFTS)
def test_the_result_is_smooth_in_the_input(shift):
    truth, image = displaced_pair(*shift, cutoff=0.1)
    image = noisy(image, 0.3)
    mask = inner_mask(truth.shape)
    calm = register(image, truth, mask, radius_px=8)
    for seed in range(3):
        nudged = register(noisy(image, 1e-7, seed), truth, mask, radius_px=8)
        assert (nudged.dy, nudged.dx) == pytest.approx((calm.dy, calm.dx), abs=1e-5)


def refusal(image, truth, *, radius_px=3.0, mask=None):
    found = register(image, truth, inner_mask(truth.shape) if mask is None else mask, radius_px=radius_px)
    assert not found.registered
    assert (found.dy, found.dx) == (0.0, 0.0)
    return found


@pytest.mark.parametrize("shift", [(3.3, 0.0), (-1.0, 5.0), (9.0, 9.0)])
def test_a_shift_beyond_the_radius_is_refused_with_the_radius(shift):
    truth, image = displaced_pair(*shift)
    assert "search radius of 3 px" in refusal(image, truth).reason


@bounded
@given(seeds, st.floats(3.2, 9.0), st.floats(-9.0, 9.0), st.booleans(), slopes, slopes)
def test_any_shift_beyond_the_radius_is_refused_under_any_ramp(seed, far, other, down, ky, kx):
    shift = (far, other) if down else (other, -far)
    truth, image = displaced_pair(*shift, seed=seed)
    refusal(tilted(image, ky, kx), truth)


@examples(40)
@given(
    seeds,
    slopes,
    slopes,
    st.sampled_from([(64, 0.2), (64, 0.1), (96, 0.2), (96, 0.1), (96, 0.07), (96, 0.05)]),
)
def test_unrelated_images_are_refused_under_any_ramp(seed, ky, kx, kind):
    # a ramp is one more thing to fit by chance: on smooth images of 64 px this took one in ten
    (side, cutoff), others = kind, seed + 20_000
    truth = make_object((side, side), seed, cutoff=cutoff)
    refusal(tilted(make_object((side, side), others, cutoff=cutoff), ky, kx), truth, radius_px=8)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("cutoff", [0.2, 0.1])
def test_unrelated_images_are_refused(seed, cutoff):
    truth, other = make_object(seed=seed, cutoff=cutoff), make_object(seed=seed + 50, cutoff=cutoff)
    found = refusal(other, truth, radius_px=8)
    assert found.confidence < 0.3


def test_the_refusal_of_an_unrelated_image_tells_both_overlaps():
    reasons = [refusal(make_object(seed=seed + 50), make_object(seed=seed)).reason for seed in range(8)]
    assert any("is not above the 0.300 of unrelated images" in reason for reason in reasons), reasons


def test_a_mask_too_small_to_tell_is_refused():
    truth, image = displaced_pair(1.0, 0.0)
    mask = np.zeros(truth.shape, bool)
    mask[40:44, 40:44] = True
    found = register(image, truth, mask, radius_px=3)
    assert not found.registered


def test_a_grating_is_not_moved_along_its_lines():
    rows = 0.5 + 0.3 * random_field((144, 1), 4, cutoff=0.1)
    truth = np.broadcast_to(rows, (144, 144)).astype(complex)
    found = register(moved(truth, -1.25, 0.0), truth, inner_mask(truth.shape, 24), radius_px=3)
    assert (found.dy, found.dx) == pytest.approx((1.25, 0.0), abs=0.01)


@pytest.mark.parametrize("radius", [0.0, -1.0, np.inf])
def test_a_radius_is_positive_and_finite(radius):
    truth = make_object((32, 32))
    with pytest.raises(ScoringError, match="search radius"):
        register(truth, truth, inner_mask(truth.shape, 2), radius_px=radius)


@pytest.mark.parametrize("which", ["image", "truth"])
def test_a_constant_cannot_be_registered(which):
    pair = {"image": make_object((48, 48)), "truth": make_object((48, 48))}
    pair[which] = np.full((48, 48), 2 + 1j)
    with pytest.raises(ScoringError, match=f"{which} is constant on 1024 mask pixels"):
        register(**pair, mask=inner_mask((48, 48)), radius_px=3)


def with_texture_at_the_rim_alone():
    values = np.ones((64, 64), complex)
    values[8] = 2.0  # the outermost row of the mask, where no window reaches
    return values


def test_texture_at_the_rim_alone_is_no_texture():
    truth, mask = with_texture_at_the_rim_alone(), inner_mask((64, 64))
    scene = Scene.build(make_object((64, 64)), truth, mask, radius_px=3)
    with pytest.raises(ScoringError, match="truth is constant where the two overlap"):
        Region.build(scene, scene.window(np.zeros(4)))


def test_an_image_with_texture_at_its_rim_alone_is_refused():
    refusal(with_texture_at_the_rim_alone(), make_object((64, 64)), mask=inner_mask((64, 64)))


def test_a_move_that_makes_things_worse_is_refused(monkeypatch):
    # the refinement never ends in such a place on these objects, so it is led there
    truth, image = displaced_pair(0.0, 0.0)
    monkeypatch.setattr(
        registration, "refine", lambda scene: (np.array([0.8, 0, 0, 0]), scene.window(np.zeros(4)))
    )
    assert "does not improve the overlap (1.000000 to 0.9" in refusal(image, truth).reason


@pytest.mark.parametrize("shape", [(96, 96), (61, 84)])
def test_an_image_moves_by_any_fraction(shape):
    whole = make_object((shape[0] + 40, shape[1] + 40), cutoff=0.08)
    inner = (slice(20, -20), slice(20, -20))
    expected = moved(whole, 2.3, -1.7)[inner]
    found = shift_image(whole[inner], 2.3, -1.7)
    np.testing.assert_allclose(found[6:-6, 6:-6], expected[6:-6, 6:-6], atol=5e-3)


def test_whole_pixels_move_exactly_and_real_images_stay_real():
    values = np.random.default_rng(0).standard_normal((12, 15)).astype(complex)
    found = shift_image(values, 2, -3)
    np.testing.assert_allclose(found[2:, :-3], values[:-2, 3:], atol=1e-12)
    assert np.abs(shift_image(values, 0.3, 0.4).imag).max() < 1e-12


def test_a_moved_weight_knows_what_came_from_outside():
    weight = np.full((6, 7), 3.0)
    moved_weight = shift_weight(weight, 2, -1)
    expected = np.zeros((6, 7))
    expected[2:, :-1] = 3.0
    assert np.array_equal(moved_weight, expected)


def test_a_fraction_of_a_pixel_costs_the_pixels_beside_uncovered_ones():
    weight = np.ones((8, 8))
    weight[4, 4] = 0.0
    expected = np.zeros((8, 8))
    expected[2:7, 1:7] = 1.0
    expected[4:7, 3:6] = 0.0
    assert np.array_equal(shift_weight(weight, 1.2, 0.3), expected)


def test_a_weight_moved_out_of_sight_is_gone():
    assert not shift_weight(np.ones((4, 5)), 9.0, 0.0).any()


def test_unknown_pixels_take_the_nearest_known_value():
    values = np.array([[1, np.nan, np.nan, 4j]])
    known = np.isfinite(values)
    assert continued(values, known).tolist() == [[1, 1, 4j, 4j]]
