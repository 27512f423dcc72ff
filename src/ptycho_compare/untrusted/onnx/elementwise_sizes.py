"""Operators that work element by element."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.untrusted.onnx.contents import OnnxNode
from ptycho_compare.untrusted.onnx.schema import NUMBERS
from ptycho_compare.untrusted.onnx.sized import (
    MOST_KNOWN,
    Sized,
    broadcast,
    given,
    known_of,
    of_values,
    rule,
)
from ptycho_compare.untrusted.onnx.wire import RefusedError

Inputs = Sequence[Sized | None]
_BOOL = np.dtype(np.bool_)


def _divide(one: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
    if one.dtype.kind != "i":
        return np.asarray(one / other)
    if not other.all():
        raise RefusedError("it divides by 0")
    return np.asarray(np.trunc(one / other).astype(one.dtype))  # towards 0; sizes are exact in float64


def _remainder(one: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
    if not other.all():
        raise RefusedError("it divides by 0")
    return np.asarray(np.mod(one, other))


_SINGLE = [
    "Relu",
    "LeakyRelu",
    "Sigmoid",
    "Tanh",
    "Exp",
    "Log",
    "Sqrt",
    "Neg",
    "Abs",
    "Erf",
    "Gelu",
    "Cos",
    "Sin",
    "Tan",
    "Atan",
    "Acos",
    "Asin",
    "Floor",
    "Ceil",
    "Round",
    "Reciprocal",
    "Elu",
    "Selu",
    "Celu",
    "Softplus",
    "Softsign",
    "HardSigmoid",
    "HardSwish",
    "Mish",
    "ThresholdedRelu",
    "Sign",
    "Softmax",
    "LogSoftmax",
    "Clip",
    "Identity",
    "Dropout",
    "Not",
    "InstanceNormalization",
    "BatchNormalization",
    "LayerNormalization",
    "GroupNormalization",
    "LpNormalization",
    "MeanVarianceNormalization",
]
_FOLLOWED: dict[str, Callable[..., NDArray[Any]]] = {
    "Neg": np.negative,
    "Abs": np.abs,
    "Floor": np.floor,
    "Ceil": np.ceil,
    "Sqrt": np.sqrt,
    "Not": np.logical_not,
    "Identity": np.array,
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Div": _divide,
    "Mod": _remainder,
    "Max": np.maximum,
    "Min": np.minimum,
    "Equal": np.equal,
    "Less": np.less,
    "Greater": np.greater,
    "LessOrEqual": np.less_equal,
    "GreaterOrEqual": np.greater_equal,
    "And": np.logical_and,
    "Or": np.logical_or,
    "Where": np.where,
}
"""Operators whose numbers are followed: exporters compute shapes by them."""


@rule(*_SINGLE)
def _single(node: OnnxNode, inputs: Inputs) -> list[Sized]:
    first = given(inputs, 0)
    made = Sized(first.dtype, first.shape, _followed(node, [first]) if len(inputs) == 1 else None)
    if len(node.outputs) == 1:
        return [made]
    if node.operator == "Dropout":  # its mask: nothing is dropped
        return [made, Sized(_BOOL, first.shape)]
    raise RefusedError("only its first output is read")


@rule("Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Mod", "PRelu", "Sum", "Mean")
def _arithmetic(node: OnnxNode, inputs: Inputs) -> list[Sized]:
    parts = [given(inputs, number) for number in range(len(inputs))]
    shape = broadcast(*(each.shape for each in parts))
    # two at a time are followed: no exporter writes shapes with more
    return [Sized(given(inputs, 0).dtype, shape, _followed(node, parts) if len(parts) == 2 else None)]


@rule("Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual", "And", "Or")
def _comparison(node: OnnxNode, inputs: Inputs) -> list[Sized]:
    pair = [given(inputs, 0), given(inputs, 1)]
    return [Sized(_BOOL, broadcast(*(each.shape for each in pair)), _followed(node, pair))]


@rule("Where")
def _where(node: OnnxNode, inputs: Inputs) -> list[Sized]:
    parts = [given(inputs, number) for number in range(3)]
    return [Sized(parts[1].dtype, broadcast(*(each.shape for each in parts)), _followed(node, parts))]


@rule("Cast")
def _cast(node: OnnxNode, inputs: Inputs) -> list[Sized]:
    code = node.attributes.get("to", 0)
    if code not in NUMBERS:
        raise RefusedError(f"it casts to the element type {code}")
    first, dtype = given(inputs, 0), np.dtype(NUMBERS[code])
    return [Sized(dtype, first.shape, None if first.known is None else first.known.astype(dtype))]


@rule("Constant")
def _constant(node: OnnxNode, inputs: Inputs) -> list[Sized]:
    if inputs or len(node.attributes) != 1:
        raise RefusedError("it has not one value")
    (name, value), *_ = node.attributes.items()
    if name == "value":
        return [Sized(value.dtype, value.dims, value.values if value.values.size <= MOST_KNOWN else None)]
    kinds = {
        "value_float": np.float32,
        "value_floats": np.float32,
        "value_int": np.int64,
        "value_ints": np.int64,
    }
    if name not in kinds:
        raise RefusedError(f"it holds {name}")
    return [of_values(np.asarray(value, kinds[name]))]


def _followed(node: OnnxNode, parts: Sequence[Sized]) -> NDArray[Any] | None:
    function, values = _FOLLOWED.get(node.operator), known_of(*parts)
    if function is None or values is None:
        return None
    if np.prod(broadcast(*(each.shape for each in values)), dtype=float) > MOST_KNOWN:
        return None
    with np.errstate(all="ignore"):
        return np.asarray(function(*values))
