"""Each node computes what Keras' layer of that name does: in TensorFlow to the last bit, as ONNX nearly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bundles import diffraction_like
from later import later
from ptycho_compare.models.engines import open_onnx
from ptycho_compare.models.engines.onnx_graph import serialised
from ptycho_compare.models.engines.onnx_layers import LAYERS
from ptycho_compare.models.engines.onnx_parts import OnnxParts, Signal
from ptycho_compare.models.graph import Node
from ptycho_compare.models.node_rules import STOCK_RULES
from ptycho_compare.models.node_settings import ACTIVATIONS
from ptycho_compare.models.ptycho_rules import PTYCHO_RULES

keras, tf = later("keras"), later("tensorflow")
node_operations = later("ptycho_compare.models.node_operations")
ROWS, SIDE, CHANNELS = 5, 16, 3

CASES: list[tuple[str, dict[str, Any]]] = [
    *(
        ("Conv2D", {"filters": filters, "kernel_size": [3, 3], "padding": padding, "use_bias": bias})
        for filters in (1, 8)
        for padding in ("same", "valid")
        for bias in (True, False)
    ),
    ("Conv2D", {"filters": 4, "kernel_size": [5, 3], "strides": [2, 1], "padding": "same"}),
    *(("Conv2D", {"filters": 4, "kernel_size": 3, "activation": name}) for name in sorted(ACTIVATIONS)),
    *(("Activation", {"activation": name}) for name in sorted(ACTIVATIONS)),
    ("MaxPooling2D", {}),
    ("MaxPooling2D", {"pool_size": [3, 2], "strides": [2, 3], "padding": "same"}),
    ("UpSampling2D", {}),
    ("UpSampling2D", {"size": [3, 2]}),
    ("UpSampling2D", {"size": [2, 3], "interpolation": "bilinear"}),
    ("ZeroPadding2D", {"padding": [[1, 2], [3, 4]]}),
    ("BatchNormalization", {"epsilon": 0.01}),
    ("BatchNormalization", {"center": False}),
    ("BatchNormalization", {"scale": False}),
    ("Dropout", {"rate": 0.3}),
]


@pytest.mark.parametrize(
    ("kind", "settings"), CASES, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_node_computes_what_keras_does(kind: str, settings: dict[str, Any]) -> None:
    images = diffraction_like(ROWS, SIDE, CHANNELS) - 0.5
    layer = getattr(keras.layers, kind)(**settings)
    layer.build(images.shape)
    generator = np.random.default_rng(3)
    weights = [generator.uniform(0.1, 1, weight.shape).astype(np.float32) for weight in layer.weights]
    layer.set_weights(weights)
    found = STOCK_RULES[kind](settings, [images.shape[1:]], [])
    assert found.weights == tuple(weight.shape for weight in weights)
    node = Node("it", kind, found.settings, ("input",), found.shape, found.weights)
    operation = node_operations.operation_of(node, weights, 1.0)
    traced, expected = (
        np.asarray(tf.function(compute)(tf.constant(images)))
        for compute in (lambda x: operation([x]), lambda x: layer(x, training=False))
    )
    assert traced.shape == (ROWS, *found.shape)
    np.testing.assert_array_equal(traced, expected)
    scale = np.max(np.abs(expected))
    np.testing.assert_allclose(as_onnx(node, weights, images), expected, rtol=0, atol=2e-6 * scale)


def as_onnx(node: Node, weights: list[np.ndarray], images: np.ndarray) -> np.ndarray:
    parts = OnnxParts()
    fed = Signal((parts.node("Transpose", "x", perm=[0, 3, 1, 2]),), images.shape[1:])
    written = LAYERS[node.kind](parts, node, [fed], weights)
    assert written is not None
    parts.node("Transpose", *written, output="y", perm=[0, 2, 3, 1])
    graph = serialised(parts, {"x": images.shape[1:]}, {"y": node.shape})
    return open_onnx(graph, label=node.kind, threads=1).run({"x": images})["y"]


def test_every_kind_of_node_can_be_written_as_onnx() -> None:
    computed = {*STOCK_RULES, *PTYCHO_RULES} - {"InputLayer", "IntensityScaler"}
    assert set(LAYERS) == computed


REAL_ONLY = {"Conv2D", "MaxPooling2D", "Activation", "ActivationLayer", "Silu", "BatchNormalization"}


@pytest.mark.parametrize("kind", sorted(REAL_ONLY | {"CombineComplexLayer", "Multiply"}))
def test_what_takes_real_numbers_only_does_not_take_complex_ones(kind: str) -> None:
    given = [Signal(("real", "imaginary"), (4, 4, 1))] * (1 if kind in REAL_ONLY else 2)
    node = Node("it", kind, {"pool_size": (1, 1), "strides": (1, 1)}, ("a",), (4, 4, 1), ())
    assert LAYERS[kind](OnnxParts(), node, given, []) is None


@pytest.mark.parametrize("kind", ["Add", "Concatenate"])
def test_real_and_complex_maps_are_not_joined(kind: str) -> None:
    node = Node("it", kind, {}, ("a", "b"), (4, 4, 1), ())
    real, both = Signal(("x",), node.shape), Signal(("real", "imaginary"), node.shape)
    assert LAYERS[kind](OnnxParts(), node, [real, both], []) is None
    written = LAYERS[kind](OnnxParts(), node, [both, both], [])
    assert written is not None
    assert len(written) == 2
