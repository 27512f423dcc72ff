"""Two independent halves of real data: every program says the same resolution, as it stands."""

import numpy as np
import pytest

from ptycho_compare.scoring.alignment.gauge import fit_gauge
from ptycho_compare.scoring.alignment.registration import register, shift_image
from ptycho_compare.scoring.metrics.frc import ring_correlation

from .test_frc_oracle import BASIS, first_fall

pytestmark = pytest.mark.slow

MARGIN = 90


@pytest.fixture(scope="module", params=["complex", "phase"])
def halves(request, star):
    """The middle of both halves of the Siemens star, one registered on the other and in its gauge."""
    one, other = (np.load(star / f"{name}.npz")["reconstructed_object"] for name in ("even", "odd"))
    inner = (slice(MARGIN, -MARGIN), slice(MARGIN, -MARGIN))
    mask = np.zeros(one.shape, bool)
    mask[inner] = True
    shift = register(other, one, mask, radius_px=4)
    assert shift.registered, shift.reason
    pair = one[inner], shift_image(other, shift.dy, shift.dx)[inner]
    everywhere = np.ones(pair[0].shape, bool)
    pair = pair[0], fit_gauge(pair[1], pair[0], everywhere, ramp=True).apply(pair[1])
    return pair if request.param == "complex" else tuple(np.angle(each) for each in pair)


def our_period(halves):
    period = 1 / ring_correlation(*halves).cutoff("half_bit").frequency
    assert 3.5 < period < 5.2
    return period


def test_half_bit_resolution_is_that_of_ptychodus(ptychodus, halves):
    window = ptychodus.ApodizationWindow.HANN
    theirs = ptychodus.compute_fourier_ring_correlation(*halves, 1.0, 1.0, window=window)
    assert our_period(halves) == pytest.approx(theirs.get_resolution_m_at_bit_threshold(0.5), rel=0.02)


def test_half_bit_resolution_is_that_of_cdtools(cdtools, halves):
    window = np.outer(*(np.hanning(side) for side in halves[0].shape))
    one, other = ((each - np.sum(each * window) / window.sum()) * window for each in halves)
    edges, correlation, half_bit = cdtools.calc_frc(
        one, other, BASIS, nbins=(max(one.shape) - 1) // 2, snr=0.4142, limit="side"
    )
    theirs = 1 / first_fall(edges + edges[1] / 2, correlation.real - half_bit)
    assert our_period(halves) == pytest.approx(theirs, rel=0.02)
