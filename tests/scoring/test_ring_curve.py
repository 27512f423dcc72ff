"""Up to where a curve stands above a threshold: dips, blips, gaps, both ends."""

import numpy as np
import pytest
import scipy
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ptycho_compare.scoring.metrics.cutoff import agreeing_rings, cut
from ptycho_compare.scoring.metrics.frc import ring_correlation
from ptycho_compare.scoring.metrics.ring_curve import RingCurve
from thorough import examples

from .objects import blurred, make_object

bounded = examples(40)
criteria = st.sampled_from([0.5, 1 / 7, "half_bit"])
correlations = arrays(np.float64, (5, 24), elements=st.floats(-1, 1))
FREQUENCY, PIXELS = np.arange(1, 25) / 48, np.arange(1, 25) * 6


def curve(*values):
    """A curve up to Nyquist on rings of one size each."""
    size = len(values)
    return RingCurve(
        np.arange(1, size + 1) * 0.5 / size, np.array(values, dtype=float), np.ones(size, np.int64)
    )


def falling(rings=64, *, at=0.25, **changes):
    """A curve that falls through 0.5 at a frequency, with changed values by ring; rings as of an image."""
    number = np.arange(1, rings + 1)
    frequency = number * 0.5 / rings
    values = 1 / (1 + np.exp((frequency - at) / 0.02))
    for ring, value in changes.items():
        values[int(ring.removeprefix("ring")) - 1] = value
    return RingCurve(frequency, values, np.round(2 * np.pi * number).astype(np.int64))


def test_a_cutoff_lies_between_rings():
    cutoff = curve(1, 1, 0.75, 0.25, 0.0, 0.0).cutoff(0.5)
    assert cutoff.frequency == pytest.approx(0.25 + 0.5 / 12)
    assert cutoff.period_px == pytest.approx(1 / cutoff.frequency)
    assert cutoff.first_crossing == cutoff.last_crossing == pytest.approx(cutoff.frequency)
    assert not cutoff.beyond_nyquist
    assert not cutoff.below_first_ring
    assert cutoff.notes == ()


def test_of_several_falls_the_one_that_separates_best_counts():
    cutoff = curve(1, 1, 0.75, 0.25, 0.75, 0.0, 0.1, 0.1, 0.1, 0.1).cutoff(0.5)
    # one pixel each: 0.25 below in between, and 0.25 above behind it
    assert cutoff.frequency == cutoff.last_crossing == pytest.approx(0.25 + 0.05 / 3)
    assert cutoff.first_crossing == pytest.approx(0.175)
    lower = curve(1, 1, 0.75, 0.2, 0.75, 0.0, 0.1, 0.1, 0.1, 0.1).cutoff(0.5)
    assert lower.frequency == lower.first_crossing == pytest.approx(0.15 + 0.05 * 0.25 / 0.55)


@pytest.mark.parametrize("rings", [(1,), (2,), (1, 2), (2, 3), (1, 2, 3, 4)])
def test_a_dip_on_rings_of_a_handful_of_pixels_decides_nothing(rings):
    plain = falling().cutoff(0.5)
    dipping = falling(**{f"ring{ring}": -0.8 for ring in rings}).cutoff(0.5)
    assert dipping.frequency == plain.frequency == pytest.approx(0.25, abs=0.001)
    assert dipping.first_crossing < 0.02
    assert dipping.notes == (f"dips at {dipping.first_crossing:.4f} cycles/px",)


@pytest.mark.parametrize("ring", [50, 57, 64])
def test_a_blip_at_high_frequency_decides_nothing(ring):
    cutoff = falling(**{f"ring{ring}": 0.95}).cutoff(0.5)
    assert cutoff.frequency == pytest.approx(0.25, abs=0.001)
    assert cutoff.notes == ()
    if ring < 64:
        assert cutoff.last_crossing > ring * 0.5 / 64


def test_both_ends_are_declared():
    beyond = curve(1, 1, 0.9, 0.8).cutoff(0.5)
    assert (beyond.frequency, beyond.period_px, beyond.read) == (None, None, 0.5)
    assert beyond.notes == ("beyond Nyquist",)
    below = curve(0.2, 0.1, 0.1, 0.1).cutoff(0.5)
    assert below.frequency == below.first_crossing == pytest.approx(0.125)
    assert below.notes == ("below the first ring",)
    dipping = curve(0.2, 0.9, 0.9, 0.9).cutoff(0.5)
    assert dipping.beyond_nyquist
    assert dipping.notes == ("beyond Nyquist", "dips at 0.1250 cycles/px")
    # a blip that is not worth what stands below it
    assert curve(0.2, 0.6, 0.1, 0.1).cutoff(0.5).notes == ("below the first ring",)


def test_the_mean_sets_no_cutoff():
    zero = RingCurve(np.arange(4) / 8, np.array([-1.0, 0.9, 0.1, 0.1]), np.array([1, 8, 12, 16]))
    assert zero.cutoff(0.5).frequency == zero.cutoff(0.5).first_crossing == pytest.approx(0.1875)


def test_rings_without_signal_are_not_judged():
    assert curve(1, 1, np.nan, np.nan, 1, 1).cutoff(0.5).beyond_nyquist
    assert curve(1, 1, np.nan, 0.0).cutoff(0.5).frequency == pytest.approx((0.25 + 0.5) / 2)
    assert curve(np.nan, np.nan).cutoff(0.5).beyond_nyquist


def sums(power, *, correlation=1.0):
    power = np.asarray(power, dtype=float)
    return np.stack([power * correlation, power, power])


def test_gaps_between_the_peaks_of_a_spectrum_are_not_judged_and_its_end_is():
    pixels = np.full(8, 1000)
    frequency = np.arange(1, 9) / 16
    power = np.array([100, 50, 0.1, 0.1, 40, 20, 1e-3, 1e-3])
    share = np.array([1, 1, 0.0, 0.0, 1, 1, 0.0, 0.0])
    found = RingCurve.of_sums(frequency, pixels, sums(power, correlation=share))
    np.testing.assert_array_equal(found.dark, [False, False, True, True, False, False, False, False])
    np.testing.assert_array_equal(found.ended, [False] * 6 + [True] * 2)
    cutoff = found.cutoff(0.5)
    assert cutoff.frequency == pytest.approx((6.5) / 16)
    assert cutoff.notes == ()
    assert found.transfer_cutoff().frequency == cutoff.frequency


@bounded
@given(correlations, criteria)
def test_the_cutoff_is_the_level_set_of_the_falling_curve_that_fits_best(curves, criterion):
    """Against scipy's isotonic regression."""
    each = [RingCurve(FREQUENCY, values, PIXELS) for values in curves]
    above = curves - each[0].threshold(criterion)
    kept = agreeing_rings(above, PIXELS)
    cutoffs = cut(FREQUENCY, above, PIXELS)
    for values, found, excess, rings in zip(each, cutoffs, above, kept, strict=True):
        fitted = scipy.optimize.isotonic_regression(excess, weights=PIXELS, increasing=False).x
        assert (fitted > 1e-9).sum() <= rings <= (fitted > -1e-9).sum()
        cutoff = values.cutoff(criterion)
        assert (cutoff.read, cutoff.beyond_nyquist) == (found, rings == 24)
        assert cutoff.below_first_ring == (rings == 0)


@bounded
@given(correlations, criteria)
def test_the_cutoff_is_one_of_the_crossings(curves, criterion):
    for values in curves:
        found = RingCurve(FREQUENCY, values, PIXELS)
        cutoff = found.cutoff(criterion)
        above = values >= found.threshold(criterion)
        if cutoff.frequency is None:
            assert above[-1]
            continue
        assert cutoff.first_crossing <= cutoff.frequency <= cutoff.last_crossing
        below = int(np.searchsorted(FREQUENCY, cutoff.frequency, side="left"))
        assert not above[below] or not above[min(below + 1, 23)]
        assert below == 0 or above[below - 1]


def test_agreement_beyond_the_end_of_a_spectrum_makes_up_for_nothing():
    """Edges of two smooth images agree there through the window."""
    truth = make_object((96, 104), cutoff=0.1)
    found = ring_correlation(np.abs(truth), np.abs(blurred(truth, 3.0)))
    assert found.ended[-20:].all()
    assert found.correlation[-20:].mean() > 0.5
    cutoff = found.cutoff(1 / 7)
    assert cutoff.frequency < 0.25
    # and an image that is the truth is right there, too
    assert ring_correlation(np.abs(truth), np.abs(truth)).cutoff(0.5).beyond_nyquist


def test_a_transfer_is_read_as_a_correlation_is():
    found = RingCurve(FREQUENCY, np.ones(24), PIXELS, np.linspace(1.2, -0.1, 24))
    cutoff = found.transfer_cutoff()
    assert cutoff.frequency == pytest.approx(np.interp(0.7, np.linspace(0, 1.3, 24), FREQUENCY))
    assert found.cutoff(0.5).beyond_nyquist
    assert RingCurve(FREQUENCY, np.ones(24), PIXELS).transfer_cutoff() is None


def test_a_transfer_that_noise_hides_everywhere_has_no_cut_off():
    assert RingCurve(FREQUENCY, np.ones(24), PIXELS, np.full(24, np.nan)).transfer_cutoff() is None


def test_a_transfer_that_is_noise_where_the_truth_is_weak_stands_for_nothing():
    transfer = np.ones(24)
    transfer[12:] = np.tile([900.0, -1100.0], 6)
    cutoff = RingCurve(FREQUENCY, np.ones(24), PIXELS, transfer).transfer_cutoff()
    assert cutoff.frequency < 0.3


def test_the_spectral_signal_to_noise_ratio_is_that_of_both_halves_together():
    np.testing.assert_allclose(
        curve(1 / 3, 0.5, 0.9, 0.0, -0.4, 1.0, np.nan).spectral_snr, [1, 2, 18, 0, 0, np.inf, np.nan]
    )
    # a half with a signal-to-noise ratio of s correlates by s / (1 + s) with the other; all have 2 s
    snr = np.array([0.1, 1.0, 7.0])
    np.testing.assert_allclose(curve(*(snr / (1 + snr))).spectral_snr, 2 * snr)


def test_smoothing_keeps_the_mean_level_and_the_gaps():
    rough = curve(1, 0, 1, 0, np.nan, 0, 1, 0, 1)
    smooth = rough.smoothed(2.0)
    assert np.isnan(smooth.correlation[4])
    assert np.nanstd(smooth.correlation) < 0.3 * np.nanstd(rough.correlation)
    assert np.nanmean(smooth.correlation) == pytest.approx(0.5, abs=0.1)
    assert rough.smoothed(0.0) is rough
