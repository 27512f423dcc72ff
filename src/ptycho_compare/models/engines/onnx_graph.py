"""The checked graph of a Keras bundle as an ONNX graph, weights and all, written without Keras.

Maps are (B, C, rows, columns), as ONNX Runtime likes them; both ends are as in the bundle. Complex numbers
are two maps, because ONNX Runtime computes with real ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from onnx import TensorProto, ValueInfoProto, helper, numpy_helper

from ptycho_compare.errors import BundleError
from ptycho_compare.models.engines.onnx_layers import LAYERS
from ptycho_compare.models.engines.onnx_parts import OnnxParts, Signal
from ptycho_compare.models.graph import Graph, Node
from ptycho_compare.models.weights import Weights

OPSET, IR_VERSION = 17, 8
BATCH_AXIS = "groups"
IMAGES, OFFSETS = "diffraction", "local_offsets"
"""Inputs: k * amplitude, (B, N, N, C); px, [x, y], (B, 1, 2, C)."""
REAL, IMAGINARY = "real", "imaginary"
"""Outputs: the parts of the patches, (B, N, N)."""


def write_onnx(
    graph: Graph,
    weights: Weights,
    *,
    kind: Literal["ptychopinn", "supervised"],
    input_scale: float,
    label: str,
    rows: int | None = None,
) -> bytes:
    """Return a network as a serialised ONNX model.

    Parameters
    ----------
    kind : {"ptychopinn", "supervised"}
        As in `ModelFile`.
    input_scale : float
        s: images are multiplied by it, and the bundle's `IntensityScaler` divides by it.
    rows : int or None
        Groups in a batch; None for any number.

    Raises
    ------
    BundleError
        A layer is given complex numbers that takes real ones, or the other way round.
    """
    parts = OnnxParts()
    scale = parts.constant(np.float32(input_scale))
    ends = [IMAGES, OFFSETS][: len(graph.inputs)]
    signals: dict[str, Signal] = {}
    for name, end in zip(graph.inputs, ends, strict=True):
        fed = parts.node("Transpose", end, perm=[0, 3, 1, 2])
        if kind == "ptychopinn" and end == IMAGES:
            fed = parts.node("Mul", fed, scale)
        signals[name] = Signal((fed,), graph.shape(name))
    for node in graph.nodes:
        if node.name not in signals:
            signals[node.name] = _signal(parts, node, signals, weights, scale, label=label)
    outputs = [signals[name] for name in graph.outputs]
    real, imaginary = _complex_patch(parts, outputs, kind, label=label)
    for name, part in ((REAL, real), (IMAGINARY, imaginary)):
        parts.node("Squeeze", part, parts.constant(np.array([1], np.int64)), output=name)
    shapes = {end: graph.shape(name) for name, end in zip(graph.inputs, ends, strict=True)}
    patch = outputs[0].shape[:2]
    return serialised(parts, shapes, {REAL: patch, IMAGINARY: patch}, rows=rows)


def _signal(
    parts: OnnxParts, node: Node, signals: Mapping[str, Signal], weights: Weights, scale: str, *, label: str
) -> Signal:
    inputs = [signals[name] for name in node.inputs]
    if node.kind == "IntensityScaler" and not inputs[0].is_complex:
        return Signal((parts.node("Div", *inputs[0].parts, scale),), node.shape)
    write = LAYERS.get(node.kind)
    made = None if write is None else write(parts, node, inputs, weights.get(node.name, []))
    if made is None:
        found = " and ".join("complex" if each.is_complex else "real" for each in inputs)
        raise BundleError(
            f"{label}: layer '{node.name}' ({node.kind}) is given {found} numbers; "
            "ONNX Runtime cannot build this network"
        )
    return Signal(made, node.shape)


def _complex_patch(
    parts: OnnxParts, outputs: list[Signal], kind: Literal["ptychopinn", "supervised"], *, label: str
) -> tuple[str, str]:
    if kind == "supervised" and not any(each.is_complex for each in outputs):
        amplitude, phase = (each.parts[0] for each in outputs)
        return parts.polar(amplitude, phase)
    if kind == "supervised" or not outputs[0].is_complex:
        found = "float32" if kind == "ptychopinn" else "complex64"
        raise BundleError(f"{label}: the network yields {found} maps; needed: complex patches")
    real, imaginary = outputs[0].parts
    return real, imaginary


def serialised(
    parts: OnnxParts,
    inputs: Mapping[str, tuple[int, ...]],
    outputs: Mapping[str, tuple[int, ...]],
    *,
    rows: int | None = None,
) -> bytes:
    """Return what was written as a model; shapes of inputs and outputs are given without their rows."""

    def end(name: str, shape: tuple[int, ...]) -> ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, [rows or BATCH_AXIS, *shape])

    nodes = [
        helper.make_node(kind, sources, [output], name=output, **attributes)
        for kind, sources, output, attributes in parts.nodes
    ]
    constants = [numpy_helper.from_array(values, name=name) for name, values in parts.constants.items()]
    graph = helper.make_graph(
        nodes,
        "network",
        [end(name, shape) for name, shape in inputs.items()],
        [end(name, shape) for name, shape in outputs.items()],
        constants,
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="ptycho"
    )
    return bytes(model.SerializeToString())
