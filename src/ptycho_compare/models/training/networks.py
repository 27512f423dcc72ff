"""PtychoPINN's two networks as Keras models: one that reconstructs, one that also measures.

`reconstruct` is ``diffraction_to_obj``. `measure` is ``autoencoder``: the same layers, and behind them
the physics that turns a group's object into what the detector would have counted. Names of
layers and models are PtychoPINN's.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import InputError
from ptycho_compare.models import layers
from ptycho_compare.models.bare_keras import keras
from ptycho_compare.models.ptycho_rules import MASK_FLOOR
from ptycho_compare.models.training import physics
from ptycho_compare.models.training.design import DECODER_FILTERS, ENCODER_FILTERS, MEAN_AMPLITUDE, Design

_BORDER_CHANNELS = 4
_HEAD_GAIN = 0.1


@dataclass(frozen=True)
class Networks:
    """One set of weights, seen from both ends.

    Attributes
    ----------
    design : Design
    probe : ndarray, (N, N), complex64
        In the units of the network's object and input.
    reconstruct : keras.Model
        ``diffraction_to_obj``: images (B, N, N, C) float32 and offsets (B, 1, 2, C) float32 px to the
        group's object (B, N, N, 1) complex64.
    measure : keras.Model
        ``autoencoder``: the same inputs to that object, amplitudes and photon counts (B, N, N, C) float32.
    centre, border : dict of str to Conv2D
        Last convolution of the inner and the outer part of a patch, for ``amp`` and ``phi``.
    """

    design: Design
    probe: NDArray[np.complex64]
    reconstruct: Any
    measure: Any
    centre: dict[str, Any]
    border: dict[str, Any]


def build_networks(design: Design, probe: NDArray[np.complex64]) -> Networks:
    """Build both networks with untrained weights, around a probe (N, N), complex64.

    Raises
    ------
    InputError
        Keras runs on another library.
    """
    if keras.backend.backend() != "tensorflow":
        raise InputError(f"Keras runs on {keras.backend.backend()}; set KERAS_BACKEND=tensorflow")
    builder = _Builder(design)
    images = keras.Input((design.patch_px, design.patch_px, design.images), name="input")
    offsets = keras.Input((1, 2, design.images), name="input_positions")
    scaled = layers.IntensityScaler(design.input_scale, name="intensity_scaler")([images])
    halves = builder.halves(builder.encode(scaled))
    side, grid = design.patch_px, design.gridsize
    patches = layers.CombineComplexLayer(True, name="obj")(halves)
    merge = layers.ReassemblePatchesLayer(
        design.canvas_px, side, grid, name="padded_obj_2", dtype="complex64"
    )
    canvas = merge([patches, offsets])
    trim = layers.TrimReconstructionLayer(side, name="trimmed_obj", dtype="complex64")
    trimmed = trim(canvas)
    amplitudes = _amplitudes(design, probe, canvas, offsets)
    counts = physics.SquareLayer(name="pred_intensity")(amplitudes)
    measure = keras.Model([images, offsets], [trimmed, amplitudes, counts], name="functional")
    reconstruct = keras.Model([images, offsets], [trimmed], name="functional_1")
    return Networks(design, probe, reconstruct, measure, builder.centre, builder.border)


def _amplitudes(design: Design, probe: NDArray[np.complex64], canvas: Any, offsets: Any) -> Any:
    """Amplitudes on the detector of each image of a group: roots of photon counts."""
    side, grid = design.patch_px, design.gridsize
    extract = physics.ExtractPatchesPositionLayer(
        side, grid, name="padded_objs_with_offsets", dtype="complex64"
    )
    lit = physics.ProbeIllumination(side, probe, name="probe_illumination")([extract([canvas, offsets])])
    _wave, flat = physics.PadAndDiffractLayer(side, side, name="pred_amplitude")([lit])
    by_group = physics.FlatToChannelLayer(side, grid, name="pred_diff_channels")(flat)
    scale = physics.IntensityScaler_inv(design.input_scale, name="intensity_scaler_inv")
    return scale([by_group])


class _Builder:
    """Convolutions in the order in which PtychoPINN numbers them."""

    def __init__(self, design: Design) -> None:
        self._design = design
        self._made: Counter[str] = Counter()
        self.centre: dict[str, Any] = {}
        self.border: dict[str, Any] = {}

    def encode(self, x: Any) -> Any:
        """Stages of two convolutions, each half as wide as the one before."""
        for filters in ENCODER_FILTERS[self._design.patch_px]:
            x = self._two(x, filters * self._design.filters_scale)
            x = keras.layers.MaxPooling2D(2, padding="same", name=self._name("max_pooling2d"))(x)
        return x

    def halves(self, deep: Any) -> list[Any]:
        """Amplitude and phase of the patches, (B, N, N, C) each."""
        return [
            self._half(deep, "amp", "amp_padded", activation="sigmoid", scale=1.0),
            self._half(deep, "phi", "phase_padded", activation="tanh", scale=float(np.pi)),
        ]

    def _half(self, deep: Any, name: str, padded: str, *, activation: str, scale: float) -> Any:
        design = self._design
        centre = self.centre[name] = self._conv(design.images, "linear")
        border = self.border[name] = self._conv(design.images, "linear")
        x = deep
        for filters in DECODER_FILTERS[design.patch_px]:
            x = self._up(x, filters * design.filters_scale)
        inner = layers.ActivationLayer(activation, scale, name=name)(centre(x[..., :-_BORDER_CHANNELS]))
        inner = keras.layers.ZeroPadding2D(design.patch_px // 4, name=padded)(inner)
        outer = keras.ops.silu(border(self._up(x[..., -_BORDER_CHANNELS:], design.border_filters)))
        mask = layers.CenterMaskLayer(
            design.patch_px, c=1, kind="border", name=self._name("center_mask_layer")
        )
        return inner + outer * mask(outer)

    def _up(self, x: Any, filters: int) -> Any:
        return keras.layers.UpSampling2D(2, name=self._name("up_sampling2d"))(self._two(x, filters))

    def _two(self, x: Any, filters: int) -> Any:
        x = self._conv(filters, "relu")(x)
        return self._conv(filters, "relu")(x)

    def _conv(self, filters: int, activation: str) -> Any:
        name = self._name("conv2d")
        return keras.layers.Conv2D(filters, 3, padding="same", activation=activation, name=name)

    def _name(self, stem: str) -> str:
        number = self._made[stem]
        self._made[stem] += 1
        return f"{stem}_{number}" if number else stem


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
