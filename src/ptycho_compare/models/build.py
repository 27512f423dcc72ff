"""An inspected model as a compiled function. Importing this module imports TensorFlow.

The network is rebuilt from the checked graph, node by node: Keras never sees the
configuration or the weights file, so nothing in them can reach its deserialisation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ptycho_compare.errors import BundleError
from ptycho_compare.models import layers
from ptycho_compare.models.device import fitting_memory
from ptycho_compare.models.graph import Graph, Node
from ptycho_compare.models.weights import Weights

Network = Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.complex64]]

_STOCK = ("Conv2D", "MaxPooling2D", "UpSampling2D", "ZeroPadding2D", "BatchNormalization", "Activation")
_CUSTOM = {name.rpartition(">")[2]: cls for name, cls in layers.CUSTOM_OBJECTS.items()}
_COMPLEX = ("ReassemblePatchesLayer", "PadReconstructionLayer", "TrimReconstructionLayer")


def compile_network(
    graph: Graph,
    weights: Weights,
    *,
    kind: Literal["ptychopinn", "supervised"],
    input_scale: float,
    rows: int,
    label: str,
) -> Network:
    """Build a network and trace it once, for batches of exactly `rows`.

    Returns
    -------
    callable
        (rows, N, N, C) float32 = k * amplitude and (rows, 1, 2, C) float32 px to
        (rows, N, N) complex64. Multiplying by s happens inside.

    Raises
    ------
    BundleError
        TensorFlow cannot build what the file describes.
    OutOfMemoryError
        Not even the network itself fits.
    """
    if keras.backend.backend() != "tensorflow":
        raise BundleError(f"{label}: Keras runs on {keras.backend.backend()}; set KERAS_BACKEND=tensorflow")
    side, _, channels = graph.shape(graph.inputs[0])
    signature = [
        tf.TensorSpec((rows, side, side, channels), tf.float32),
        tf.TensorSpec((rows, 1, 2, channels), tf.float32),
    ]
    try:
        with fitting_memory("the network"):
            forward = _forward(graph, _operations(graph, weights, input_scale))

        @tf.function(input_signature=signature, autograph=False)  # type: ignore[untyped-decorator]
        def run(images: Any, offsets: Any) -> Any:
            if kind == "supervised":
                amplitude, phase = forward(images)
                return tf.complex(amplitude * tf.cos(phase), amplitude * tf.sin(phase))[..., 0]
            (patch,) = forward(images * tf.constant(input_scale, tf.float32), offsets)
            return patch[..., 0]

        traced = run.get_concrete_function()
    except (ValueError, TypeError, tf.errors.OpError) as error:
        raise BundleError(
            f"{label}: TensorFlow cannot build this network ({str(error).splitlines()[0]})"
        ) from error
    if traced.output_dtypes != tf.complex64:
        raise BundleError(f"{label}: the network yields {traced.output_dtypes}; needed: complex patches")

    def predict(images: NDArray[np.float32], offsets: NDArray[np.float32]) -> NDArray[np.complex64]:
        with fitting_memory(f"a batch of {rows}"):
            return np.asarray(traced(tf.constant(images), tf.constant(offsets)))

    return predict


def _operations(graph: Graph, weights: Weights, input_scale: float) -> dict[str, Callable[[list[Any]], Any]]:
    return {
        node.name: _operation(node, weights.get(node.name, []), graph, input_scale)
        for node in graph.nodes
        if node.kind != "InputLayer"
    }


def _operation(
    node: Node, weights: list[NDArray[np.float32]], graph: Graph, input_scale: float
) -> Callable[[list[Any]], Any]:
    """The function of one node: a list of tensors to a tensor."""
    match node.kind:
        case "Dropout":  # nothing is dropped at inference
            return lambda inputs: inputs[0]
        case "Silu":
            return lambda inputs: layers.silu(inputs[0])
        case "GetItem":
            part = slice(node.settings["start"], node.settings["stop"])
            return lambda inputs: inputs[0][..., part]
        case "Add" | "Multiply" | "Concatenate":
            return _JOINS[node.kind]
    layer = _layer(node, input_scale)
    layer.build((None, *graph.shape(node.inputs[0])))
    if weights:
        layer.set_weights(weights)
    many = node.kind in ("CombineComplexLayer", "ReassemblePatchesLayer")
    return lambda inputs: layer(inputs if many else inputs[0], training=False)


def _layer(node: Node, input_scale: float) -> Any:
    # dtype and data format are said outright: Keras' defaults are process-wide and changeable
    if node.kind in _STOCK:
        settings = {**node.settings, "dtype": "float32"}
        if node.kind not in ("BatchNormalization", "Activation"):
            settings["data_format"] = "channels_last"
        if node.kind == "Conv2D":
            settings["kernel_initializer"] = "zeros"  # replaced at once; draws no random numbers
        return getattr(keras.layers, node.kind)(**settings)
    settings = {**node.settings, "dtype": "complex64" if node.kind in _COMPLEX else "float32"}
    if node.kind == "IntensityScaler":
        settings["scale"] = input_scale
    return _CUSTOM[node.kind](**settings)


def _product(inputs: list[Any]) -> Any:
    result = inputs[0]
    for item in inputs[1:]:
        result = result * item
    return result


_JOINS: dict[str, Callable[[list[Any]], Any]] = {
    "Add": lambda inputs: sum(inputs[1:], start=inputs[0]),
    "Multiply": _product,
    "Concatenate": lambda inputs: tf.concat(inputs, axis=-1),
}


def _forward(graph: Graph, operations: dict[str, Callable[[list[Any]], Any]]) -> Callable[..., list[Any]]:
    def forward(*images: Any) -> list[Any]:
        values = dict(zip(graph.inputs, images, strict=True))
        for node in graph.nodes:
            if node.name not in values:
                values[node.name] = operations[node.name]([values[name] for name in node.inputs])
        return [values[name] for name in graph.outputs]

    return forward
