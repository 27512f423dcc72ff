"""What each kind of node becomes in an ONNX graph: the arithmetic of `node_operations`, in ONNX operators.

A writer returns the names of the parts that it yields, or None where it cannot take what it is given:
real numbers in place of complex ones, or the other way round.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.models.engines.onnx_merge import merge_patches
from ptycho_compare.models.engines.onnx_parts import OnnxParts, Signal
from ptycho_compare.models.graph import Node

Parts = tuple[str, ...]
Writer = Callable[[OnnxParts, Node, list[Signal], list[NDArray[np.float32]]], Parts | None]
_Settings = Mapping[str, Any]


def activation(parts: OnnxParts, name: str, source: str) -> str:
    """Add one of `node_settings.ACTIVATIONS`."""
    if name == "linear":
        return source
    if name in ("swish", "silu"):
        return parts.node("Mul", source, parts.node("Sigmoid", source))
    if name == "gelu":  # x (1 + erf(x / sqrt 2)) / 2; the operator of that name came with opset 20
        half = parts.node("Mul", source, parts.constant(np.float32(0.5)))
        inner = parts.node("Erf", parts.node("Mul", source, parts.constant(np.float32(math.sqrt(0.5)))))
        return parts.node("Mul", half, parts.node("Add", inner, parts.constant(np.float32(1))))
    if name == "leaky_relu":
        return parts.node("LeakyRelu", source, alpha=0.2)
    # the constants of Elu and Selu are Keras' own
    return parts.node(name.capitalize(), source)


def _each(write: Callable[[OnnxParts, Node, str], str]) -> Writer:
    """Make a writer of one that treats real and imaginary part alike."""
    return lambda parts, node, inputs, _: tuple(write(parts, node, part) for part in inputs[0].parts)


def _real(write: Callable[[OnnxParts, Node, str, list[NDArray[np.float32]]], str]) -> Writer:
    """Make a writer of one that takes one real map."""

    def only_real(
        parts: OnnxParts, node: Node, inputs: list[Signal], weights: list[NDArray[np.float32]]
    ) -> Parts | None:
        return None if inputs[0].is_complex else (write(parts, node, inputs[0].parts[0], weights),)

    return only_real


def _pads(node: Node, source: Signal, size: tuple[int, int], strides: tuple[int, int]) -> list[int]:
    """Top, left, bottom, right, as TensorFlow divides them: the odd pixel comes after."""
    if node.settings["padding"] == "valid":
        return [0, 0, 0, 0]
    needed = [
        max((-(-side // stride) - 1) * stride + width - side, 0)
        for side, width, stride in zip(source.shape[:2], size, strides, strict=True)
    ]
    before = [each // 2 for each in needed]
    return [*before, *(each - first for each, first in zip(needed, before, strict=True))]


def _convolution(
    parts: OnnxParts, node: Node, inputs: list[Signal], weights: list[NDArray[np.float32]]
) -> Parts | None:
    if inputs[0].is_complex:
        return None
    settings = node.settings
    kernel, *bias = weights
    arrays = [np.ascontiguousarray(kernel.transpose(3, 2, 0, 1)), *bias]
    convolved = parts.node(
        "Conv",
        *inputs[0].parts,
        *(parts.constant(each) for each in arrays),
        kernel_shape=list(settings["kernel_size"]),
        strides=list(settings["strides"]),
        pads=_pads(node, inputs[0], settings["kernel_size"], settings["strides"]),
    )
    return (activation(parts, settings["activation"], convolved),)


def _max_pooling(parts: OnnxParts, node: Node, inputs: list[Signal], _: object) -> Parts | None:
    size, strides = node.settings["pool_size"], node.settings["strides"]
    if inputs[0].is_complex:
        return None
    pads = _pads(node, inputs[0], size, strides)
    return (
        parts.node("MaxPool", *inputs[0].parts, kernel_shape=list(size), strides=list(strides), pads=pads),
    )


def _batch_normalization(
    parts: OnnxParts, node: Node, source: str, weights: list[NDArray[np.float32]]
) -> str:
    left = list(weights)
    count = node.shape[2]
    scale = left.pop(0) if node.settings["scale"] else np.ones(count, np.float32)
    offset = left.pop(0) if node.settings["center"] else np.zeros(count, np.float32)
    arrays = [parts.constant(each) for each in (scale, offset, *left)]
    return parts.node("BatchNormalization", source, *arrays, epsilon=node.settings["epsilon"])


def _up_sampling(parts: OnnxParts, node: Node, source: str) -> str:
    factors = parts.constant(np.array([1, 1, *node.settings["size"]], np.float32))
    if node.settings["interpolation"] == "nearest":
        how = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    else:
        how = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
    return parts.node("Resize", source, "", factors, **how)


def _pad(parts: OnnxParts, source: str, padding: tuple[tuple[int, int], tuple[int, int]]) -> str:
    (top, bottom), (left, right) = padding
    return parts.node("Pad", source, parts.whole(0, 0, top, left, 0, 0, bottom, right))


def _pad_reconstruction(parts: OnnxParts, node: Node, inputs: list[Signal], _: object) -> Parts:
    padded, side = node.settings["padded_size"], inputs[0].shape[0]
    before = (padded - side) // 2
    around = (before, padded - side - before)
    return tuple(_pad(parts, part, (around, around)) for part in inputs[0].parts)


def _trim(parts: OnnxParts, node: Node, inputs: list[Signal], _: object) -> Parts:
    side = node.settings["output_size"]
    start = (inputs[0].shape[0] - side) // 2
    return tuple(parts.cut(part, (2, 3), (start,) * 2, (start + side,) * 2) for part in inputs[0].parts)


def _get_item(parts: OnnxParts, node: Node, inputs: list[Signal], _: object) -> Parts:
    chosen = slice(node.settings["start"], node.settings["stop"])
    start, stop, _step = chosen.indices(inputs[0].shape[2])
    return tuple(parts.cut(part, (1,), (start,), (stop,)) for part in inputs[0].parts)


def _joined(join: Callable[[OnnxParts, list[str]], str], *, of_complex: bool) -> Writer:
    """Make a writer of one that joins several maps, all real or (where that may be) all complex."""

    def joined(parts: OnnxParts, _node: Node, inputs: list[Signal], _: object) -> Parts | None:
        counts = {len(each.parts) for each in inputs}
        if len(counts) > 1 or (counts == {2} and not of_complex):
            return None
        return tuple(join(parts, list(same)) for same in zip(*(each.parts for each in inputs), strict=True))

    return joined


def _chain(kind: str) -> Callable[[OnnxParts, list[str]], str]:
    def chain(parts: OnnxParts, maps: list[str]) -> str:
        result = maps[0]
        for each in maps[1:]:
            result = parts.node(kind, result, each)
        return result

    return chain


def _activation_layer(parts: OnnxParts, node: Node, source: str, _: object) -> str:
    active = activation(parts, node.settings["activation_name"], source)
    scale = node.settings["scale"]
    return active if scale == 1 else parts.node("Mul", active, parts.constant(np.float32(scale)))


def _center_mask(parts: OnnxParts, node: Node, inputs: list[Signal], _: object) -> Parts:
    side, channels = node.settings["N"], node.settings["c"]
    quarter = side // 4
    mask = np.zeros((1, channels, side, side), np.float32)
    mask[:, :, quarter:-quarter, quarter:-quarter] = 1.0
    if node.settings["kind"] == "border":
        mask = 1.0 - mask
    rows = parts.node("Shape", inputs[0].parts[0], start=0, end=1)
    shape = parts.node("Concat", rows, parts.whole(channels, side, side), axis=0)
    return (parts.node("Expand", parts.constant(mask), shape),)


def _combine_complex(parts: OnnxParts, node: Node, inputs: list[Signal], _: object) -> Parts | None:
    if any(each.is_complex for each in inputs):
        return None
    first, second = (each.parts[0] for each in inputs)
    return parts.polar(first, second) if node.settings["use_polar"] else (first, second)


def _reassemble(parts: OnnxParts, node: Node, inputs: list[Signal], _: object) -> Parts | None:
    patches, offsets = inputs
    if not patches.is_complex or offsets.is_complex:
        return None
    side, canvas = node.settings["N"], node.settings["padded_size"]
    return merge_patches(parts, patches.parts, offsets.parts[0], side=side, canvas_px=canvas)


LAYERS: Mapping[str, Writer] = {
    "Conv2D": _convolution,
    "BatchNormalization": _real(_batch_normalization),
    "MaxPooling2D": _max_pooling,
    "UpSampling2D": _each(_up_sampling),
    "ZeroPadding2D": _each(lambda parts, node, source: _pad(parts, source, node.settings["padding"])),
    "Activation": _real(
        lambda parts, node, source, _: activation(parts, node.settings["activation"], source)
    ),
    "Concatenate": _joined(lambda parts, maps: parts.node("Concat", *maps, axis=1), of_complex=True),
    "Add": _joined(_chain("Add"), of_complex=True),
    "Multiply": _joined(_chain("Mul"), of_complex=False),
    "Dropout": lambda _parts, _node, inputs, _: inputs[0].parts,  # nothing is dropped at inference
    "GetItem": _get_item,
    "Silu": _real(lambda parts, _node, source, _: activation(parts, "silu", source)),
    "ActivationLayer": _real(_activation_layer),
    "CenterMaskLayer": _center_mask,
    "CombineComplexLayer": _combine_complex,
    "ReassemblePatchesLayer": _reassemble,
    "PadReconstructionLayer": _pad_reconstruction,
    "TrimReconstructionLayer": _trim,
}
"""By class name; an ``IntensityScaler`` divides by the bundle's own scale, see `write_onnx`."""
