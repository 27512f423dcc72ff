"""Weights to start from: drawn by numpy, so that a seed means the same with every TensorFlow.

He's scale keeps a signal alive through a dozen layers with relu [1]_; with Glorot's, PtychoPINN's
choice, half of each layer's variance is lost and the first epochs go into winning it back.

References
----------
.. [1] He et al., ICCV 2015, doi:10.1109/ICCV.2015.123
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ptycho_compare.models.layers import MASK_FLOOR
from ptycho_compare.models.training.design import MEAN_AMPLITUDE
from ptycho_compare.models.training.networks import Networks

_HEAD_GAIN = 0.1


def set_initial_weights(networks: Networks, seed: int) -> None:
    """Draw the weights.

    The inner part of a patch begins as nearly constant: amplitude `MEAN_AMPLITUDE`, phase 0. So is the outer
    part, where the probe is dark, and there it stays: the merge divides what lies outside of
    all centres by 0.001, and no optimiser steps that finely.
    """
    generator = np.random.default_rng(seed)
    heads = [*networks.centre.values(), *networks.border.values()]
    for layer in networks.measure.layers:
        if not layer.weights:
            continue
        shape = layer.kernel.shape
        gain = _HEAD_GAIN if any(layer is head for head in heads) else np.sqrt(2.0)
        kernel = gain / np.sqrt(np.prod(shape[:-1])) * generator.standard_normal(shape)
        _set(layer, kernel, 0.0)
    centre, border = networks.centre["amp"], networks.border
    _set(centre, centre.kernel.numpy(), np.log(MEAN_AMPLITUDE / (1 - MEAN_AMPLITUDE)))
    for name, layer in border.items():
        # silu(x) is x / 2 near 0
        bias = 2 * MASK_FLOOR * MEAN_AMPLITUDE if name == "amp" else 0.0
        _set(layer, np.zeros(layer.kernel.shape), bias)
        layer.trainable = False


def _set(layer: Any, kernel: Any, bias: float) -> None:
    layer.set_weights([np.asarray(kernel, np.float32), np.full(layer.bias.shape, bias, np.float32)])
