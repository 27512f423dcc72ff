"""Losses: misfit to measured photon counts, or to true patches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.models.bare_tensorflow import tf
from ptycho_compare.models.training.design import Design

Loss = Callable[[Any, Any], Any]
"""Outputs of a network and targets (B, ...) to one loss per group, (B,) float32."""

DARK_SHARE = 0.04
"""Counts added to measurement and model, as a part of the mean counts per pixel: in the dark a
logarithm would weigh without bound what is neither measured nor modelled well."""


def poisson_loss(design: Design) -> Loss:
    """Misfit of the counts that `Networks.measure` predicts to those measured.

    The Poisson negative log-likelihood less its smallest possible value, per photon of the
    exposures: sum over pixels and images of m - n + n log(n / m), n measured and m
    modelled, over C times the photons per exposure [1]_. Zero for perfect agreement, and of one
    scale at every dose.

    Targets are the network's input, roots of counts (B, N, N, C) float32.

    References
    ----------
    .. [1] Thibault and Guizar-Sicairos, New J. Phys. 14, 063004 (2012), doi:10.1088/1367-2630/14/6/063004
    """
    dark = DARK_SHARE * design.photons / design.patch_px**2
    photons = design.images * design.photons

    def loss(outputs: Any, roots: Any) -> Any:
        measured, modelled = tf.square(roots) + dark, outputs[-1] + dark
        misfit = modelled - measured + measured * tf.math.log(measured / modelled)
        return tf.reduce_sum(misfit, axis=(1, 2, 3)) / photons

    return loss


def patch_loss(weights: NDArray[np.float32]) -> Loss:
    """Mean absolute difference of the complex patches of `Networks.reconstruct` and the true ones.

    Targets are patches (B, N, N) complex64. Pixels weigh as `weights` (N, N) says; 0 where nothing is
    asked of the network.
    """
    share = tf.constant(weights / weights.sum(), tf.float32)

    def loss(outputs: Any, patches: Any) -> Any:
        difference = outputs[0][..., 0] - patches
        return tf.reduce_sum(share * tf.math.abs(difference), axis=(1, 2))

    return loss
