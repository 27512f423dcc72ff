"""The operation of each kind of node: what the Keras layer of that name computes, in TensorFlow alone.

Keras itself is not loaded to run a network. The operations are those that it issues, in its order, so that
TensorFlow fuses them alike and each bit is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.models import operations
from ptycho_compare.models.bare_tensorflow import tf
from ptycho_compare.models.graph import Node

Operation = Callable[[list[Any]], Any]
"""From the tensors that a node takes to the one that it yields."""


def operation_of(node: Node, weights: list[NDArray[np.float32]], input_scale: float) -> Operation:
    """Return the operation of a node.

    Parameters
    ----------
    node : Node
        Any but an ``InputLayer``, which computes nothing.
    weights : list of ndarray
        In Keras' order; their shapes are checked.
    input_scale : float
        The scale s of the bundle, by which its `IntensityScaler` divides.
    """
    if node.kind == "IntensityScaler":
        return lambda inputs: inputs[0] / input_scale
    if node.kind in _WEIGHTED:
        # variables, and no constants: those TensorFlow would fold into each other, which changes bits
        variables = [tf.Variable(values, trainable=False) for values in weights]
        return _WEIGHTED[node.kind](node.settings, variables)
    return _PLAIN[node.kind](node.settings)


def activation(name: str) -> Callable[[Any], Any]:
    """Return one of `node_settings.ACTIVATIONS` as Keras computes it."""
    return _ACTIVATIONS[name]


def _gelu(x: Any) -> Any:
    return tf.nn.gelu(x, approximate=False)


def _leaky_relu(x: Any) -> Any:
    return tf.nn.leaky_relu(x, alpha=0.2)


_ACTIVATIONS: Mapping[str, Callable[[Any], Any]] = {
    "linear": lambda x: x,
    "relu": tf.nn.relu,
    "sigmoid": tf.nn.sigmoid,
    "tanh": tf.nn.tanh,
    "softplus": tf.math.softplus,
    "swish": tf.nn.silu,
    "silu": tf.nn.silu,
    "elu": tf.nn.elu,
    "selu": tf.nn.selu,
    "gelu": _gelu,
    "leaky_relu": _leaky_relu,
}


def _convolution(settings: Mapping[str, Any], variables: list[Any]) -> Operation:
    activate, padding = activation(settings["activation"]), settings["padding"].upper()

    def convolve(inputs: list[Any]) -> Any:
        kernel, *bias = variables
        x = tf.nn.convolution(inputs[0], kernel, settings["strides"], padding, data_format="NHWC")
        if bias and settings["filters"] > 1:
            x = tf.nn.bias_add(x, bias[0], data_format="NHWC")
        elif bias:
            x = tf.add(x, bias[0])
        return activate(x)

    return convolve


def _batch_normalization(settings: Mapping[str, Any], variables: list[Any]) -> Operation:
    def normalize(inputs: list[Any]) -> Any:
        left = [tf.convert_to_tensor(variable) for variable in variables]
        scale = left.pop(0) if settings["scale"] else None
        offset = left.pop(0) if settings["center"] else None
        mean, variance = left
        return tf.nn.batch_normalization(inputs[0], mean, variance, offset, scale, settings["epsilon"])

    return normalize


def _max_pooling(settings: Mapping[str, Any]) -> Operation:
    size, strides, padding = settings["pool_size"], settings["strides"], settings["padding"].upper()
    return lambda inputs: tf.nn.max_pool(inputs[0], size, strides, padding, "NHWC")


def _up_sampling(settings: Mapping[str, Any]) -> Operation:
    rows, columns = settings["size"]
    if settings["interpolation"] == "nearest":
        return lambda inputs: tf.repeat(tf.repeat(inputs[0], rows, axis=1), columns, axis=2)

    def resize(inputs: list[Any]) -> Any:
        _, height, width, _ = inputs[0].shape
        return tf.image.resize(inputs[0], (height * rows, width * columns), settings["interpolation"])

    return resize


def _zero_padding(settings: Mapping[str, Any]) -> Operation:
    return lambda inputs: tf.pad(inputs[0], ((0, 0), *settings["padding"], (0, 0)))


def _activation(settings: Mapping[str, Any]) -> Operation:
    activate = activation(settings["activation"])
    return lambda inputs: activate(inputs[0])


def scaled_activation(name: str, scale: float) -> Callable[[Any], Any]:
    """Return ``scale * activation``: what an `ActivationLayer` computes."""
    activate = operations.silu if name in ("silu", "swish") else activation(name)
    return lambda x: scale * activate(x)


def _activation_layer(settings: Mapping[str, Any]) -> Operation:
    activate = scaled_activation(settings["activation_name"], settings["scale"])
    return lambda inputs: activate(inputs[0])


def _get_item(settings: Mapping[str, Any]) -> Operation:
    part = slice(settings["start"], settings["stop"])
    return lambda inputs: inputs[0][..., part]


def _product(inputs: list[Any]) -> Any:
    result = inputs[0]
    for item in inputs[1:]:
        result = result * item
    return result


_WEIGHTED: Mapping[str, Callable[[Mapping[str, Any], list[Any]], Operation]] = {
    "Conv2D": _convolution,
    "BatchNormalization": _batch_normalization,
}
_PLAIN: Mapping[str, Callable[[Mapping[str, Any]], Operation]] = {
    "MaxPooling2D": _max_pooling,
    "UpSampling2D": _up_sampling,
    "ZeroPadding2D": _zero_padding,
    "Activation": _activation,
    "Concatenate": lambda _: lambda inputs: tf.concat(inputs, axis=-1),
    "Add": lambda _: lambda inputs: sum(inputs[1:], start=inputs[0]),
    "Multiply": lambda _: _product,
    "Dropout": lambda _: lambda inputs: inputs[0],  # nothing is dropped at inference
    "GetItem": _get_item,
    "Silu": lambda _: lambda inputs: operations.silu(inputs[0]),
    "ActivationLayer": _activation_layer,
    "CenterMaskLayer": lambda settings: (
        lambda inputs: operations.center_mask(inputs[0], settings["N"], settings["c"], settings["kind"])
    ),
    "CombineComplexLayer": lambda settings: (
        lambda inputs: operations.combine_complex(*inputs, polar=settings["use_polar"])
    ),
    "ReassemblePatchesLayer": lambda settings: (
        lambda inputs: operations.reassemble(*inputs, side=settings["N"], canvas_px=settings["padded_size"])
    ),
    "PadReconstructionLayer": lambda settings: (
        lambda inputs: operations.pad_reconstruction(inputs[0], settings["padded_size"])
    ),
    "TrimReconstructionLayer": lambda settings: (
        lambda inputs: operations.trim_reconstruction(inputs[0], settings["output_size"])
    ),
}
