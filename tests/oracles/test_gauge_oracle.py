"""What no metric may count, removed by us and by ptychodus: shift, phase ramp, phase, scale.

A shift biases a ramp that is fitted without it and the other way round, so we fit both in
one; ptychodus alternates and stops at half a pixel. On the same pairs ours must leave
nothing but the noise, and not more than ptychodus leaves.
"""

from dataclasses import dataclass

import numpy as np
import pytest

from ptycho_compare.scoring.alignment.gauge import fienup_error, fit_gauge
from ptycho_compare.scoring.alignment.registration import register, shift_image
from scoring.objects import inner_mask, make_object, moved, noisy

SIDE = 260
BORDER_PX = 30
SCORED = inner_mask((SIDE, SIDE), 20)


@dataclass(frozen=True)
class Freedom:
    """What a pair differs by: px, cycles over the image, and complex noise over the spread."""

    shift: tuple[float, float]
    cycles: tuple[float, float] = (0.0, 0.0)
    noise: float = 0.0

    def pair(self):
        """A truth, the image, and the image as it would be without the freedom."""
        inside = slice(BORDER_PX, SIDE + BORDER_PX)
        whole = make_object((SIDE + 2 * BORDER_PX,) * 2, 0, cutoff=0.15)
        truth = whole[inside, inside]
        rows, cols = np.indices(truth.shape) / SIDE
        ramp = np.exp(2j * np.pi * (self.cycles[0] * rows + self.cycles[1] * cols))
        image = noisy(moved(whole, *self.shift), self.noise)[inside, inside]
        return truth, 1.7 * np.exp(2.5j) * ramp * image, noisy(whole, self.noise)[inside, inside]


@pytest.fixture(
    params=[
        Freedom((1.3, -2.7)),
        Freedom((1.3, -2.7), (0.5, -0.3)),
        Freedom((1.3, -2.7), (2.0, -1.0), 0.05),
        Freedom((6.2, -9.4), (1.0, 1.0), 0.1),
        Freedom((1.3, -2.7), (5.0, -3.0), 0.1),
    ],
    ids=str,
)
def freedom(request):
    return request.param


def left_by_us(truth, image):
    """The Fienup error once shift and ramp, found together, are taken out."""
    everywhere = np.ones(truth.shape, bool)
    shift = register(image, truth, everywhere, radius_px=12.0)
    assert shift.registered, shift.reason
    placed = shift_image(image, shift.dy, shift.dx)
    return fienup_error(fit_gauge(placed, truth, SCORED, ramp=True).apply(placed), truth, SCORED)


def left_by_ptychodus(metrics, truth, image):
    """The same, of its own comparison."""
    found = metrics.compute_object_comparison(product(metrics, truth), product(metrics, image))
    return fienup_error(found.test_complex, found.reference_complex, SCORED)


def product(metrics, values):
    """An object of ptychodus with pixels of 1 m; the probe plays no part."""
    from ptychodus.api.object import Object
    from ptychodus.api.probe import ProbeSequence

    pixel = metrics.PixelGeometry(1.0, 1.0)
    probes = ProbeSequence(np.ones((8, 8), complex), None, pixel)
    return metrics.Product(None, (), probes, Object(values, pixel, metrics.ObjectCenter(0.0, 0.0)), ())


def test_nothing_is_left_but_the_noise(freedom):
    truth, image, only_noise = freedom.pair()
    noise = fienup_error(only_noise, truth, SCORED)
    left = left_by_us(truth, image)
    assert np.sqrt(max(left**2 - noise**2, 0.0)) <= 0.008


def test_no_more_is_left_than_by_ptychodus(ptychodus, freedom):
    truth, image, _ = freedom.pair()
    assert left_by_us(truth, image) <= left_by_ptychodus(ptychodus, truth, image)


def test_ptychodus_finds_the_same_gauge_where_there_is_no_shift(ptychodus):
    truth, image, _ = Freedom((0.0, 0.0), (0.5, -0.3)).pair()
    theirs = ptychodus.estimate_reconstruction_ambiguities(
        product(ptychodus, image), reference=product(ptychodus, truth)
    )
    ours = fit_gauge(image, truth, np.ones(truth.shape, bool), ramp=True)
    assert abs(ours.scale) == pytest.approx(1 / theirs.object_scale_factor, rel=1e-6)
    # theirs is what is in the image, ours what takes it out
    np.testing.assert_allclose(
        ours.ramp, [-theirs.phase_ramp_y_rad_per_m, -theirs.phase_ramp_x_rad_per_m], atol=1e-6
    )
