"""Intervals hold what they say: simulations repeated with noise that is alike over 0, 3 and 6 px."""

import numpy as np
import pytest

from ptycho_compare.scoring.alignment.gauge import fit_gauge
from ptycho_compare.scoring.metrics.arm_metrics import measure
from ptycho_compare.scoring.metrics.estimate import Draws, Resampling
from ptycho_compare.scoring.metrics.truth_view import TruthView

from .objects import make_object, smooth_noise

HOW = Resampling(draws=300)


def held(level, white, blur_px, *, names, repetitions, side=160):
    """How often an interval holds the median of all repetitions, by metric and component.

    The median, because the first crossing of a curve that dips has two places.
    """
    truth = make_object((side, side), 1, cutoff=0.1)
    mask = np.ones(truth.shape, dtype=bool)
    view = TruthView.build(truth, mask)
    found = {}
    for seed in range(repetitions):
        noise = level * smooth_noise(truth.shape, seed, blur_px=blur_px)
        noise = noise + white * smooth_noise(truth.shape, 50_000 + seed)
        image = truth + np.std(truth) * noise
        measured = measure(fit_gauge(image, truth, mask).apply(image), view)
        draws = Draws(HOW)
        for name in names:
            for part, estimate in measured.estimates[name].items():
                ends = estimate.sample(draws).interval(0.95)
                found.setdefault((name, part), []).append((estimate.value, ends.low, ends.high))
    shares = {}
    for key, each in found.items():
        values, low, high = np.array(each).T
        true = np.median(values)
        shares[key] = float(np.mean((low <= true) & (true <= high)))
    return shares


@pytest.mark.slow
@pytest.mark.parametrize("blur_px", [0.0, 3.0, 6.0])
def test_intervals_of_averages_hold_the_true_value(blur_px):
    names = ("mae", "mse", "psnr", "ssim", "fienup", "phase_rmse")
    shares = held(0.4, 0.0, blur_px, names=names, repetitions=120, side=224)
    assert min(shares.values()) >= 0.88, shares


@pytest.mark.slow
@pytest.mark.parametrize("blur_px", [0.0, 3.0, 6.0])
def test_intervals_of_ring_correlations_hold_the_true_value(blur_px):
    # some white noise, so that there is one clear crossing
    names = ("frc50", "frc1over7", "frc_half_bit", "frc_auc")
    shares = held(0.2, 0.3, blur_px, names=names, repetitions=100)
    assert min(shares.values()) >= 0.80, shares
