"""Our ring curve and its cut-offs against ptychodus and cdtools.

Both of them cut the spectrum into rings [k, k + 1) and name a ring by its lower edge; ours
are [k - 1/2, k + 1/2) and named by their centre. So a curve is compared where the rings
can be made the same, and the cut-offs of curves on different rings where the noise of a
single ring averages out.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from ptycho_compare.scoring.alignment.gauge import fit_gauge
from ptycho_compare.scoring.metrics.frc import ring_correlation
from ptycho_compare.scoring.metrics.ring_curve import RingCurve

from .pairs import half_data_pair, reconstructed_pair

HALF_BIT = "half_bit"
SHAPES = [(128, 128), (200, 200), (300, 300), (256, 180), (151, 224)]
BASIS = np.array([[0.0, -1.0], [-1.0, 0.0], [0.0, 0.0]])
"""Pixels of 1 m, so that cdtools' frequencies are cycles/px."""


def window_without_zeros(shape):
    rows, cols = (np.hanning(side + 2)[1:-1] for side in shape)
    return np.outer(rows, cols)


def regrouped(metrics, one, two):
    """ptychodus' curve on our rings.

    It bins in half rings, and its power spectra on the same bins turn correlations back into
    sums, so two half rings add up to one of ours.
    """
    options = {"window": window_without_zeros(one.shape), "num_bins": max(one.shape)}
    halves = metrics.compute_fourier_ring_correlation(one, two, 1.0, 1.0, **options)
    spectra = [metrics.compute_power_spectral_density(each, 1.0, 1.0, **options) for each in (one, two)]
    power1, power2 = (each.power_spectral_density_m2 * each.pixels_per_ring for each in spectra)
    cross = halves.correlation * np.sqrt(power1 * power2)
    correlation = in_pairs(cross) / np.sqrt(in_pairs(power1) * in_pairs(power2))
    frequency = np.arange(1, len(correlation) + 1) / max(one.shape)
    return metrics.FourierRingCorrelation(frequency, correlation, in_pairs(halves.pixels_per_ring))


def in_pairs(halves):
    """Sums over half rings 1 and 2, 3 and 4, ...; those without a pixel are NaN and add nothing."""
    whole = (len(halves) - 1) // 2
    return np.nansum(halves[1 : 2 * whole + 1].reshape(whole, 2), axis=1)


def their_period(curve, threshold):
    """The full period in px at which ptychodus says a curve falls below a threshold."""
    if threshold == HALF_BIT:
        return curve.get_resolution_m_at_bit_threshold(0.5)
    return curve.get_resolution_m(threshold)


@pytest.fixture(params=[*SHAPES, "reconstruction"], ids=str)
def pair(request):
    if request.param != "reconstruction":
        return half_data_pair(request.param, seed=1, level=0.6)
    truth, image = reconstructed_pair(request.getfixturevalue("reference"))
    return truth, fit_gauge(image, truth, np.ones(truth.shape, bool)).apply(image)


def test_the_curve_is_that_of_ptychodus_ring_by_ring(ptychodus, pair):
    found, expected = ring_correlation(*pair), regrouped(ptychodus, *pair)
    rings = slice(len(expected.correlation))  # it drops what reaches beyond Nyquist in the last ring
    np.testing.assert_array_equal(found.frequency[rings], expected.spatial_frequency_per_m)
    np.testing.assert_array_equal(found.pixels[rings], expected.pixels_per_ring)
    np.testing.assert_allclose(found.correlation[rings], expected.correlation, atol=1e-9)


def test_the_half_bit_curve_is_that_of_both(ptychodus, cdtools):
    noise = np.random.default_rng(3).standard_normal((2, 97, 97))
    theirs = ptychodus.compute_fourier_ring_correlation(
        *noise, 1.0, 1.0, window=ptychodus.ApodizationWindow.NONE
    )
    found = RingCurve(np.arange(1, 49) / 97, np.zeros(48), theirs.pixels_per_ring[1:]).threshold(HALF_BIT)
    # both count every pixel of a ring on the whole plane, mirrored halves and all
    np.testing.assert_allclose(found, theirs.get_bit_threshold_curve(0.5)[1:], rtol=1e-4)
    # rounding moves a few pixels on the edge of cdtools' rings
    _, _, half_bit = cdtools.calc_frc(*noise, BASIS, nbins=48, snr=0.4142)
    np.testing.assert_allclose(found[:47], half_bit[1:], rtol=0.01)


@pytest.fixture(scope="module")
def both_curves(ptychodus):
    """Our curve of two halves of a shape and level of noise, and that of ptychodus on our rings."""

    @cache
    def curves(shape, level):
        pair = half_data_pair(shape, seed=2, level=level)
        return ring_correlation(*pair), regrouped(ptychodus, *pair)

    return curves


@pytest.mark.parametrize("threshold", [0.5, 1 / 7, HALF_BIT])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("level", [0.3, 0.6, 1.0])
def test_the_first_crossing_of_a_curve_is_that_of_ptychodus(both_curves, shape, level, threshold):
    """The first is its definition of a cut-off; ours of record (`agreeing_rings`) is another crossing."""
    ours, theirs = both_curves(shape, level)
    # its constants of the half-bit curve are not rounded to four digits
    first = ours.cutoff(threshold).first_crossing
    assert first == pytest.approx(1 / their_period(theirs, threshold), rel=1e-3)


@pytest.fixture(scope="module")
def noisy_pairs():
    """Halves of a shape with ten noises, as one moves a cut-off by several percent, and our curves."""

    @cache
    def pairs(shape):
        made = [half_data_pair(shape, seed, level=0.5) for seed in range(10)]
        return made, [ring_correlation(*each) for each in made]

    return pairs


@pytest.fixture(scope="module")
def ptychodus_curves(ptychodus, noisy_pairs):
    """Its own of such halves, its rings named by their centres."""

    def curve(one, two):
        found = ptychodus.compute_fourier_ring_correlation(
            one, two, 1.0, 1.0, window=ptychodus.ApodizationWindow.HANN, num_bins=max(one.shape) // 2
        )
        edges = found.spatial_frequency_per_m
        return replace(found, spatial_frequency_per_m=edges + edges[1] / 2)

    return curves_by(curve, noisy_pairs)


@pytest.fixture(scope="module")
def cdtools_curves(cdtools, noisy_pairs):
    """The same of cdtools: frequencies, correlation and half-bit threshold."""

    def curve(one, two):
        window = np.outer(*(np.hanning(side) for side in one.shape))
        one, two = ((each - np.sum(each * window) / window.sum()) * window for each in (one, two))
        edges, correlation, half_bit = cdtools.calc_frc(
            one, two, BASIS, nbins=(max(one.shape) - 1) // 2, snr=0.4142, limit="side"
        )
        return edges + edges[1] / 2, correlation.real, half_bit

    return curves_by(curve, noisy_pairs)


def curves_by(curve: Callable, noisy_pairs: Callable) -> Callable:
    """A program's curves of the noisy pairs of a shape, computed once for all thresholds."""
    return cache(lambda shape: [curve(*each) for each in noisy_pairs(shape)[0]])


@pytest.mark.parametrize("threshold", [0.5, 1 / 7, HALF_BIT])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_cutoffs_are_those_of_ptychodus_on_its_own_rings_and_window(
    ptychodus_curves, noisy_pairs, shape, threshold
):
    expected = [1 / their_period(each, threshold) for each in ptychodus_curves(shape)]
    compare_means(noisy_pairs(shape)[1], threshold, expected)


@pytest.mark.parametrize("threshold", [0.5, 1 / 7, HALF_BIT])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_cutoffs_are_those_of_cdtools_on_its_own_rings(cdtools_curves, noisy_pairs, shape, threshold):
    expected = [
        first_fall(frequency, correlation - (half_bit if threshold == HALF_BIT else threshold))
        for frequency, correlation, half_bit in cdtools_curves(shape)
    ]
    compare_means(noisy_pairs(shape)[1], threshold, expected)


def compare_means(curves, threshold, expected):
    """Compare cut-off frequencies in the mean over noises."""
    found = [each.cutoff(threshold).frequency for each in curves]
    assert np.mean(found) == pytest.approx(np.mean(expected), rel=0.02)


def first_fall(frequency, excess):
    """The first frequency at which a curve falls below its threshold, between rings."""
    right = int(np.flatnonzero(excess[1:] < 0)[0]) + 1  # ring 0 is the removed mean: rounding
    part = excess[right - 1] / (excess[right - 1] - excess[right])
    return frequency[right - 1] + part * (frequency[right] - frequency[right - 1])
