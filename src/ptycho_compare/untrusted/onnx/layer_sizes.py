"""Layers of networks: convolutions, pools, products of matrices, sums over axes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ptycho_compare.untrusted.onnx.contents import OnnxNode
from ptycho_compare.untrusted.onnx.sized import Sized, broadcast, given, numbers, optional, rule
from ptycho_compare.untrusted.onnx.wire import RefusedError

Inputs = Sequence[Sized | None]


def _ints(node: OnnxNode, name: str, count: int, default: int) -> list[int]:
    values = list(node.attributes.get(name, ())) or [default] * count
    if len(values) != count or any(type(value) is not int for value in values):
        raise RefusedError(f"its {name} are {values[:8]}; needed: {count} numbers")
    return values


def _windows(node: OnnxNode, sides: Sequence[int], kernel: Sequence[int]) -> list[int]:
    """Sides of what a sliding window gives."""
    count = len(sides)
    strides, dilations = _ints(node, "strides", count, 1), _ints(node, "dilations", count, 1)
    if min([*strides, *dilations, *kernel]) < 1:
        raise RefusedError(
            f"its kernel is {list(kernel)}, strides {strides}, dilations {dilations}; needed: from 1 on"
        )
    auto = node.attributes.get("auto_pad", b"NOTSET")
    if auto in (b"SAME_UPPER", b"SAME_LOWER"):
        return [-(-side // stride) for side, stride in zip(sides, strides, strict=True)]
    pads = [0] * 2 * count if auto == b"VALID" else _ints(node, "pads", 2 * count, 0)
    if min(pads, default=0) < 0:
        raise RefusedError(f"its pads are {pads}")
    made = []
    for number, (side, size, stride, dilation) in enumerate(
        zip(sides, kernel, strides, dilations, strict=True)
    ):
        free = side + pads[number] + pads[count + number] - dilation * (size - 1) - 1
        made.append((-(-free // stride) if node.attributes.get("ceil_mode", 0) else free // stride) + 1)
    if min(made, default=1) < 1:
        raise RefusedError(f"its kernel {list(kernel)} does not fit into {list(sides)}")
    return made


@rule("Conv")
def _conv(node: OnnxNode, inputs: Inputs) -> list[Sized]:
    image, weights = given(inputs, 0), given(inputs, 1)
    rank, group = len(image.shape), node.attributes.get("group", 1)
    if rank not in (3, 4, 5) or len(weights.shape) != rank or group < 1:
        raise RefusedError(f"it takes {image.shape} with weights {weights.shape}")
    if image.shape[1] != weights.shape[1] * group or weights.shape[0] % group:
        raise RefusedError(f"it takes {image.shape} with weights {weights.shape} in {group} groups")
    made = _windows(node, image.shape[2:], weights.shape[2:])
    return [Sized(image.dtype, (image.shape[0], weights.shape[0], *made))]


@rule("ConvTranspose")
def _conv_transpose(node: OnnxNode, inputs: Inputs) -> list[Sized]:
    image, weights = given(inputs, 0), given(inputs, 1)
    count, group = len(image.shape) - 2, node.attributes.get("group", 1)
    if (
        count not in (1, 2)
        or len(weights.shape) != count + 2
        or weights.shape[0] != image.shape[1]
        or group < 1
    ):
        raise RefusedError(f"it takes {image.shape} with weights {weights.shape}")
    strides, dilations = _ints(node, "strides", count, 1), _ints(node, "dilations", count, 1)
    pads, more = _ints(node, "pads", 2 * count, 0), _ints(node, "output_padding", count, 0)
    if "output_shape" in node.attributes or node.attributes.get("auto_pad", b"NOTSET") != b"NOTSET":
        raise RefusedError("it states its output; needed: pads")
    sides = []
    for number, (side, size) in enumerate(zip(image.shape[2:], weights.shape[2:], strict=True)):
        grown = strides[number] * (side - 1) + more[number] + (size - 1) * dilations[number] + 1
        sides.append(grown - pads[number] - pads[count + number])
    if min([*sides, *strides, *dilations]) < 1:
        raise RefusedError(f"it would give {sides}")
    return [Sized(image.dtype, (image.shape[0], weights.shape[1] * group, *sides))]


@rule("MaxPool", "AveragePool", "LpPool")
def _pool(node: OnnxNode, inputs: Inputs) -> list[Sized]:
    image = given(inputs, 0)
    if len(node.outputs) > 1 or len(image.shape) < 3:
        raise RefusedError("only its first output is read")
    kernel = _ints(node, "kernel_shape", len(image.shape) - 2, 0)
    return [Sized(image.dtype, (*image.shape[:2], *_windows(node, image.shape[2:], kernel)))]


@rule("GlobalAveragePool", "GlobalMaxPool")
def _global_pool(_node: OnnxNode, inputs: Inputs) -> list[Sized]:
    image = given(inputs, 0)
    return [Sized(image.dtype, (*image.shape[:2], *(1 for _ in image.shape[2:])))]


@rule("MatMul")
def _matmul(_node: OnnxNode, inputs: Inputs) -> list[Sized]:
    one, other = given(inputs, 0), given(inputs, 1)
    left, right = one.shape, other.shape
    if not left or not right:
        raise RefusedError("it takes a number; needed: matrices")
    rows, columns = left if len(left) > 1 else (1, *left), right if len(right) > 1 else (*right, 1)
    if rows[-1] != columns[-2]:
        raise RefusedError(f"it takes {left} and {right}")
    shape = [*broadcast(rows[:-2], columns[:-2]), rows[-2], columns[-1]]
    if len(right) == 1:
        shape.pop()
    if len(left) == 1:
        shape.pop(-1 if len(right) == 1 else -2)
    return [Sized(one.dtype, tuple(shape))]


@rule("Gemm")
def _gemm(node: OnnxNode, inputs: Inputs) -> list[Sized]:
    one, other, added = given(inputs, 0), given(inputs, 1), optional(inputs, 2)
    left = one.shape[::-1] if node.attributes.get("transA", 0) else one.shape
    right = other.shape[::-1] if node.attributes.get("transB", 0) else other.shape
    if len(left) != 2 or len(right) != 2 or left[1] != right[0]:
        raise RefusedError(f"it takes {one.shape} and {other.shape}")
    shape = (left[0], right[1])
    if added is not None and broadcast(shape, added.shape) != shape:
        raise RefusedError(f"it adds {added.shape} to {shape}")
    return [Sized(one.dtype, shape)]


@rule("ReduceMean", "ReduceMax", "ReduceMin", "ReduceSum", "ReduceL2", "ReduceSumSquare", "ReduceProd")
def _reduced(node: OnnxNode, inputs: Inputs) -> list[Sized]:
    image = given(inputs, 0)
    named = numbers(inputs, 1, "axes")
    axes = list(node.attributes.get("axes", ())) if named is None else named
    if not axes:
        if node.attributes.get("noop_with_empty_axes", 0):
            return [Sized(image.dtype, image.shape)]
        axes = list(range(len(image.shape)))
    gone = {image.axis(int(each)) for each in axes}
    if node.attributes.get("keepdims", 1) == 1:
        return [Sized(image.dtype, tuple(1 if n in gone else side for n, side in enumerate(image.shape)))]
    return [Sized(image.dtype, tuple(side for n, side in enumerate(image.shape) if n not in gone))]


def work_of(node: OnnxNode, inputs: Inputs, made: Sequence[Sized]) -> int:
    """Multiplications and additions of a node, roughly."""
    size = sum(each.size for each in made)
    if node.operator == "Conv":
        return size * math.prod(given(inputs, 1).shape[1:])
    if node.operator == "ConvTranspose":
        return given(inputs, 0).size * math.prod(given(inputs, 1).shape[1:])
    if node.operator in ("MatMul", "Gemm"):
        left = given(inputs, 0).shape
        summed: int = left[0 if node.attributes.get("transA", 0) else -1]
        return size * summed
    if node.operator.endswith("Pool"):
        kernel: tuple[int, ...] = node.attributes.get("kernel_shape", ())
        return size * math.prod(kernel) + given(inputs, 0).size
    return max([size, *(each.size for each in inputs if each is not None)])
