"""What training makes small."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import poisson

from later import later
from ptycho_compare.models.training.design import Design

tf, losses = later("tensorflow"), later("ptycho_compare.models.training.losses")
DESIGN = Design(patch_px=64, gridsize=2, filters_scale=1, photons=1e5)
SHAPE = (3, 64, 64, 4)


def counts(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).poisson(1e5 / 64**2, SHAPE).astype(np.float32)


def test_the_loss_of_counts_is_the_likelihood_lost_per_photon() -> None:
    measured, modelled = counts(0), counts(1)
    dark = losses.DARK_SHARE * 1e5 / 64**2
    lost = poisson.logpmf(measured + round(dark), measured + round(dark)) - poisson.logpmf(
        measured + round(dark), modelled + round(dark)
    )
    assert round(dark) == pytest.approx(dark, abs=0.03)  # scipy's law has whole numbers only
    loss = losses.poisson_loss(DESIGN)([None, None, modelled], np.sqrt(measured))
    np.testing.assert_allclose(loss, lost.sum(axis=(1, 2, 3)) / 4e5, rtol=0.01)


def test_perfect_counts_lose_nothing_and_others_something() -> None:
    measured = counts(0)
    loss = losses.poisson_loss(DESIGN)
    np.testing.assert_allclose(loss([measured], np.sqrt(measured)), 0, atol=1e-6)
    assert (np.asarray(loss([measured * 1.1], np.sqrt(measured))) > 1e-3).all()


def test_the_loss_is_of_one_scale_at_every_dose() -> None:
    lost = []
    for photons in (1e3, 1e9):
        pattern = np.random.default_rng(0).random(SHAPE)
        pattern *= photons / 64**2
        loss = losses.poisson_loss(Design(64, 2, 1, photons))
        lost.append(
            loss([np.roll(pattern, 1, axis=1).astype(np.float32)], np.sqrt(pattern, dtype=np.float32))
        )
    np.testing.assert_allclose(lost[0], lost[1], rtol=1e-4)
    assert (np.asarray(lost[0]) > 0.01).all()


def test_no_photon_at_all_leaves_the_gradient_finite() -> None:
    modelled = tf.Variable(np.zeros(SHAPE, np.float32))
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(losses.poisson_loss(DESIGN)([modelled], np.sqrt(counts(0))))
    assert np.isfinite(np.asarray(tape.gradient(total, modelled))).all()


def test_the_loss_of_patches_counts_weighted_pixels_only() -> None:
    weights = np.zeros((64, 64), np.float32)
    weights[20:40, 20:40] = 1
    truth = np.ones((2, 64, 64), np.complex64)
    found = truth.copy()
    found[:, :20] = 9  # where nothing is asked of the network
    found[1, 30, 30] += 4j
    loss = losses.patch_loss(weights)([found[..., None]], truth)
    np.testing.assert_allclose(loss, [0, 4 / 400], rtol=1e-6)
