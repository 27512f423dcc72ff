"""The truth as the metrics see it: its range, and what it shows at all."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ptycho_compare.errors import ScoringError
from ptycho_compare.scoring.metrics.image_metrics import truth_range
from ptycho_compare.scoring.metrics.truth_phase import TruthPhase
from ptycho_compare.scoring.metrics.truth_view import WEAK_PART, TruthView, smooth_parts
from ptycho_compare.scoring.placement import ArmImage
from ptycho_compare.scoring.scorecard import score_arms
from thorough import examples

from .objects import inner_mask, make_object, noisy, random_field

SHAPE = (64, 72)
TRUTH = make_object(SHAPE)
MASK = inner_mask(SHAPE)
bounded = examples(40)
phases = st.floats(-3.1, 3.1)


def shown(truth, reference="truth"):
    return TruthView.build(truth, MASK, reference=reference).shown


def object_with(amplitude, phase):
    """An object of mean amplitude 1 with these contrasts on the mask: std / mean, and rad of structure."""
    one = random_field(SHAPE, 1)
    structure = TruthPhase.of(np.exp(1j * random_field(SHAPE, 2)), MASK)
    return (1 + (one - one[MASK].mean()) * amplitude / one[MASK].std()) * np.exp(
        1j * structure.values * phase / structure.contrast
    )


# what there is to see


def test_an_object_with_both_shows_both_and_a_constant_shows_nothing():
    assert shown(TRUTH) == {"amplitude", "phase", "value"}
    assert shown(np.full(SHAPE, 0.7j)) == set()


def test_a_phase_object_shows_no_amplitude_and_an_amplitude_object_no_phase():
    assert shown(np.exp(1j * np.angle(TRUTH))) == {"phase", "value"}
    assert shown(np.abs(TRUTH) * np.exp(2j)) == {"amplitude", "value"}
    single = (np.exp(1j * np.angle(TRUTH))).astype(np.complex64)  # |.| is 1 up to rounding
    assert shown(single) == {"phase", "value"}


@pytest.mark.parametrize("reference", ["truth", "same_data", "independent_half"])
def test_a_part_is_weak_by_what_the_other_shows(reference):
    limit = WEAK_PART[reference]
    for contrast in (0.02, 0.2):
        below, above = 0.9 * limit * contrast, 1.1 * limit * contrast
        assert shown(object_with(below, contrast), reference) == {"phase", "value"}
        assert shown(object_with(above, contrast), reference) == {"amplitude", "phase", "value"}
        assert shown(object_with(contrast, below), reference) == {"amplitude", "value"}
        assert shown(object_with(contrast, above), reference) == {"amplitude", "phase", "value"}


def test_more_is_asked_of_a_reference_that_has_noise_of_its_own():
    assert WEAK_PART["truth"] < WEAK_PART["same_data"] == WEAK_PART["independent_half"]
    faint = object_with(0.01, 0.1)
    assert "amplitude" in shown(faint, "truth")
    assert "amplitude" not in shown(faint, "same_data")


@bounded
@given(phases, st.floats(1e-6, 1e6))
def test_neither_the_gauge_of_a_truth_nor_its_unit_changes_what_it_shows(phase, unit):
    for amplitude, phase_contrast in ((0.1, 0.1), (0.001, 0.1), (0.1, 0.001)):
        truth = object_with(amplitude, phase_contrast)
        turned = TruthView.build(truth * unit * np.exp(1j * phase), MASK)
        plain = TruthView.build(truth, MASK)
        assert turned.shown == plain.shown
        assert turned.ranges["phase"] == pytest.approx(plain.ranges["phase"], rel=1e-6)
        assert turned.ranges["value"] == pytest.approx(unit * plain.ranges["value"], rel=1e-6)


def test_a_note_names_what_is_not_shown():
    view = TruthView.build(np.exp(1j * np.angle(TRUTH)), MASK)
    assert view.note("amplitude", "phase") == "amplitude: no contrast in the truth"
    assert view.note("phase", "value") == ""
    nothing = TruthView.build(np.ones(SHAPE, complex), MASK)
    assert nothing.note("amplitude", "phase") == (
        "amplitude: no contrast in the truth; phase: no contrast in the truth"
    )


def test_a_weak_part_of_an_agreement_is_not_scored_though_it_would_be_against_a_truth():
    faint = object_with(0.012, 0.12)
    cover = MASK.astype(float)
    images = {name: ArmImage(noisy(faint, 0.02, seed), cover, False) for seed, name in enumerate("ab")}
    (agreement,) = score_arms(images, None).agreements
    rows = {row.name: row for row in agreement.metrics}
    assert rows["ssim"].amplitude is None
    assert rows["ssim"].phase is not None
    assert "amplitude: no contrast in the truth" in rows["ssim"].note
    against_truth = score_arms(images, faint).arm("a").metrics
    assert next(row for row in against_truth if row.name == "ssim").amplitude is not None


# what is prepared


def test_phases_are_counted_from_the_least_and_the_mean_is_turned_to_zero():
    view = TruthView.build(TRUTH * np.exp(3.1j), MASK)  # across the cut at pi
    assert view.parts["phase"][MASK].min() == 0.0
    assert view.ranges["phase"] == pytest.approx(np.ptp(view.parts["phase"][MASK]), rel=1e-12)
    plain = TruthView.build(TRUTH, MASK)
    np.testing.assert_allclose(view.parts["phase"], plain.parts["phase"], atol=1e-9)
    assert np.angle(view.field[MASK].mean()) == pytest.approx(0.0, abs=1e-12)
    assert abs(view.rotation) == pytest.approx(1.0)
    assert not view.field[~MASK].any()
    assert view.reference == "truth"


def test_smooth_parts_are_those_with_contrast_on_the_masks_box():
    view = TruthView.build(np.exp(1j * np.angle(TRUTH)), MASK)
    assert set(view.smooth) == set(view.spectra) == {"phase", "value"}
    assert {part.shape for part in view.smooth.values()} == {(48, 56)}
    again = smooth_parts(view.parts, view.masks, view.shown)
    for name, part in view.smooth.items():
        np.testing.assert_array_equal(again[name], part)


def test_a_truth_on_another_grid_or_with_holes_of_nan_is_refused():
    with pytest.raises(ScoringError, match=r"truth has shape \(63, 72\), the mask \(64, 72\)"):
        TruthView.build(TRUTH[1:], MASK)
    with pytest.raises(ScoringError, match="truth is not finite in 2688 of 2688 mask pixels"):
        TruthView.build(np.full(SHAPE, np.nan + 0j), MASK)


# the range of complex values

WHOLE = np.ones((6, 7), dtype=bool)
values = arrays(np.complex128, (6, 7), elements=st.complex_numbers(max_magnitude=1e3, allow_nan=False))


@bounded
@given(values, phases, st.complex_numbers(max_magnitude=100))
def test_a_complex_range_is_the_largest_distance_whatever_the_gauge(image, phase, offset):
    flat = image.ravel()
    expected = np.abs(flat[:, np.newaxis] - flat).max()
    assert truth_range(image, WHOLE) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    turned = image * np.exp(1j * phase) + offset
    assert truth_range(turned, WHOLE) == pytest.approx(expected, rel=1e-6, abs=1e-6)


@bounded
@given(arrays(np.float64, (6, 7), elements=st.floats(-1e3, 1e3)), phases)
def test_of_real_values_times_a_phasor_it_is_their_range(image, phase):
    assert truth_range(image, WHOLE) == np.ptp(image)
    assert truth_range(image * np.exp(1j * phase), WHOLE) == pytest.approx(np.ptp(image), abs=1e-9)


def test_degenerate_values_have_a_range_too():
    assert truth_range(np.full((6, 7), 1 + 2j), WHOLE) == 0.0
    line = np.linspace(0, 1, 42).reshape(6, 7) * (3 + 4j) + 1j
    assert truth_range(line, WHOLE) == pytest.approx(5.0)
    one, two = np.zeros((6, 7), dtype=bool), np.zeros((6, 7), dtype=bool)
    one[2, 3] = two[2, 3] = two[4, 1] = True
    image = np.where(one, 1 + 1j, 4 + 5j)
    assert truth_range(image, one) == 0.0
    assert truth_range(image, two) == pytest.approx(5.0)


def test_only_the_mask_has_a_range():
    image = np.where(MASK, TRUTH, 1e6)
    assert truth_range(image, MASK) == truth_range(np.where(MASK, TRUTH, np.nan), MASK)
    with pytest.raises(ScoringError, match="truth is not finite in 1 of"):
        truth_range(np.where(np.arange(TRUTH.size).reshape(SHAPE) == 8 * 72 + 8, np.inf, TRUTH), MASK)


def test_the_values_of_a_phase_object_are_all_corners_and_cost_no_more():
    angles = np.random.default_rng(0).uniform(0, 2 * np.pi, (300, 300))
    whole = np.ones((300, 300), dtype=bool)
    assert truth_range(np.exp(1j * angles), whole) == pytest.approx(2.0, rel=1e-6)
    assert truth_range(np.exp(0.25j * angles), whole) == pytest.approx(np.sqrt(2), rel=1e-4)
