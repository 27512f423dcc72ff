"""Operators that move, cut, join and repeat tensors: where sizes are computed from numbers in the graph."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ptycho_compare.untrusted.onnx.contents import OnnxNode, OnnxTensor
from ptycho_compare.untrusted.onnx.sized import (
    MOST_KNOWN,
    Sized,
    broadcast,
    given,
    known_of,
    numbers,
    of_values,
    rule,
)
from ptycho_compare.untrusted.onnx.wire import RefusedError

Inputs = Sequence[Sized | None]


def _needed(inputs: Inputs, number: int, what: str) -> list[Any]:
    found = numbers(inputs, number, what)
    if found is None:
        raise RefusedError(f"its {what} are missing")
    return found


def _small(sized: Sized) -> bool:
    return sized.size <= MOST_KNOWN


@rule("Shape")
def _shape(node: OnnxNode, inputs: Inputs) -> list[Sized]:
    shape = given(inputs, 0).shape
    stop = node.attributes.get("end", len(shape))
    return [of_values(np.array(shape[node.attributes.get("start", 0) : stop], np.int64))]


@rule("Size")
def _size(_node: OnnxNode, inputs: Inputs) -> list[Sized]:
    return [of_values(np.array(given(inputs, 0).size, np.int64))]


@rule("Reshape")
def _reshape(node: OnnxNode, inputs: Inputs) -> list[Sized]:
    tensor, wanted = given(inputs, 0), [int(side) for side in _needed(inputs, 1, "shape")]
    if not node.attributes.get("allowzero", 0):
        wanted = [tensor.shape[n] if side == 0 else side for n, side in enumerate(wanted)]
    if wanted.count(-1) == 1:
        rest = math.prod(side for side in wanted if side != -1)
        wanted[wanted.index(-1)] = tensor.size // rest if rest else 0
    if math.prod(wanted) != tensor.size or any(side < 0 for side in wanted):
        raise RefusedError(f"it makes {wanted} of {tensor.shape}")
    known = None if tensor.known is None else tensor.known.reshape(wanted)
    return [Sized(tensor.dtype, tuple(wanted), known)]


@rule("Flatten")
def _flatten(node: OnnxNode, inputs: Inputs) -> list[Sized]:
    tensor, axis = given(inputs, 0), node.attributes.get("axis", 1)
    axis = axis if axis == len(tensor.shape) else tensor.axis(axis)
    return [Sized(tensor.dtype, (math.prod(tensor.shape[:axis]), math.prod(tensor.shape[axis:])))]


@rule("Unsqueeze", "Squeeze")
def _squeeze(node: OnnxNode, inputs: Inputs) -> list[Sized]:
    tensor, axes = given(inputs, 0), numbers(inputs, 1, "axes")
    shape = list(tensor.shape)
    if node.operator == "Unsqueeze":
        rank = len(shape) + len(axes or ())
        for axis in sorted(int(each) % max(rank, 1) for each in axes or ()):
            shape.insert(axis, 1)
    else:
        gone = (
            {tensor.axis(int(each)) for each in axes}
            if axes is not None
            else {number for number, side in enumerate(shape) if side == 1}
        )
        shape = [side for number, side in enumerate(shape) if number not in gone]
    if math.prod(shape) != tensor.size:
        raise RefusedError(f"it makes {shape} of {tensor.shape}")
    return [Sized(tensor.dtype, tuple(shape), None if tensor.known is None else tensor.known.reshape(shape))]


@rule("Transpose")
def _transpose(node: OnnxNode, inputs: Inputs) -> list[Sized]:
    tensor = given(inputs, 0)
    order = list(node.attributes.get("perm", range(len(tensor.shape))[::-1]))
    if sorted(order) != list(range(len(tensor.shape))):
        raise RefusedError(f"its perm is {order[:8]} for {tensor.shape}")
    known = None if tensor.known is None else tensor.known.transpose(order)
    return [Sized(tensor.dtype, tuple(tensor.shape[axis] for axis in order), known)]


@rule("Concat")
def _concat(node: OnnxNode, inputs: Inputs) -> list[Sized]:
    parts = [given(inputs, number) for number in range(len(inputs))]
    if not parts or "axis" not in node.attributes:
        raise RefusedError("it joins nothing")
    axis = parts[0].axis(node.attributes["axis"])
    shapes = [list(each.shape) for each in parts]
    total = sum(shape[axis] for shape in shapes)
    rests = {(len(shape), *shape[:axis], *shape[axis + 1 :]) for shape in shapes}
    if len(rests) != 1:
        raise RefusedError(f"it joins the shapes {', '.join(map(str, shapes[:4]))}")
    made = Sized(parts[0].dtype, (*shapes[0][:axis], total, *shapes[0][axis + 1 :]))
    values = known_of(*parts)
    return [made if values is None or not _small(made) else of_values(np.concatenate(values, axis))]


@rule("Split")
def _split(node: OnnxNode, inputs: Inputs) -> list[Sized]:
    tensor, count = given(inputs, 0), len(node.outputs)
    axis = tensor.axis(node.attributes.get("axis", 0))
    side, sizes = tensor.shape[axis], numbers(inputs, 1, "sizes")
    if node.attributes.get("num_outputs", count) != count:  # ONNX Runtime is brought down by it
        raise RefusedError(f"it splits into {node.attributes['num_outputs']} and names {count}")
    if sizes is None:
        part = -(-side // count)
        sizes = [min(part, max(side - part * number, 0)) for number in range(count)]
    if len(sizes) != count or sum(sizes) != side or min(sizes) < 0:
        raise RefusedError(f"it splits {side} into {sizes[:8]}")
    return [
        Sized(tensor.dtype, (*tensor.shape[:axis], int(each), *tensor.shape[axis + 1 :])) for each in sizes
    ]


@rule("Slice")
def _slice(_node: OnnxNode, inputs: Inputs) -> list[Sized]:
    tensor = given(inputs, 0)
    starts, ends = _needed(inputs, 1, "starts"), _needed(inputs, 2, "ends")
    axes, steps = numbers(inputs, 3, "axes"), numbers(inputs, 4, "steps")
    cuts = [slice(None)] * len(tensor.shape)
    axes = list(range(len(starts))) if axes is None else axes
    for axis, start, end, step in zip(axes, starts, ends, steps or [1] * len(starts), strict=True):
        side = tensor.shape[tensor.axis(axis)]
        # going down, ONNX begins inside and may end before the first, for which -1 would mean the last
        begin = max(start, -side) if step < 0 else start
        cuts[tensor.axis(axis)] = slice(begin, None if step < 0 and end < -side else end, step)
    shape = tuple(len(range(*cut.indices(side))) for cut, side in zip(cuts, tensor.shape, strict=True))
    return [Sized(tensor.dtype, shape, None if tensor.known is None else tensor.known[tuple(cuts)])]


@rule("Gather")
def _gather(node: OnnxNode, inputs: Inputs) -> list[Sized]:
    tensor, chosen = given(inputs, 0), given(inputs, 1)
    axis = tensor.axis(node.attributes.get("axis", 0))
    made = Sized(tensor.dtype, (*tensor.shape[:axis], *chosen.shape, *tensor.shape[axis + 1 :]))
    values = known_of(tensor, chosen)
    return [
        made if values is None or not _small(made) else of_values(np.take(values[0], values[1], axis=axis))
    ]


@rule("Expand", "Tile")
def _repeated(node: OnnxNode, inputs: Inputs) -> list[Sized]:
    tensor, wanted = given(inputs, 0), tuple(int(side) for side in _needed(inputs, 1, "repeats"))
    if node.operator == "Expand":
        made = Sized(tensor.dtype, broadcast(tensor.shape, wanted))
        if tensor.known is not None and _small(made):
            return [of_values(np.broadcast_to(tensor.known, made.shape))]
        return [made]
    if len(wanted) != len(tensor.shape):
        raise RefusedError(f"it repeats {tensor.shape} by {wanted}")
    return [
        Sized(tensor.dtype, tuple(side * times for side, times in zip(tensor.shape, wanted, strict=True)))
    ]


@rule("ConstantOfShape")
def _filled(node: OnnxNode, inputs: Inputs) -> list[Sized]:
    value = node.attributes.get("value")
    fill = value.values.reshape(-1)[:1] if isinstance(value, OnnxTensor) else np.zeros(1, np.float32)
    made = Sized(fill.dtype, tuple(int(side) for side in _needed(inputs, 0, "shape")))
    return [of_values(np.full(made.shape, fill[0], fill.dtype)) if _small(made) else made]


@rule("Range")
def _range(_node: OnnxNode, inputs: Inputs) -> list[Sized]:
    start, limit, step = (_needed(inputs, number, "limits")[0] for number in range(3))
    dtype = given(inputs, 0).dtype
    if not step:
        raise RefusedError("its step is 0")
    made = Sized(dtype, (max(math.ceil((limit - start) / step), 0),))
    return [of_values((start + step * np.arange(made.size)).astype(dtype)) if _small(made) else made]


@rule("Pad")
def _pad(_node: OnnxNode, inputs: Inputs) -> list[Sized]:
    tensor, pads, axes = given(inputs, 0), _needed(inputs, 1, "pads"), numbers(inputs, 3, "axes")
    padded = list(range(len(tensor.shape))) if axes is None else [tensor.axis(int(each)) for each in axes]
    if len(pads) != 2 * len(padded):
        raise RefusedError(f"its pads are {pads[:8]} for {tensor.shape}")
    shape = list(tensor.shape)
    for number, axis in enumerate(padded):
        shape[axis] += int(pads[number]) + int(pads[len(padded) + number])
    return [Sized(tensor.dtype, tuple(shape))]


@rule("Resize")
def _resize(node: OnnxNode, inputs: Inputs) -> list[Sized]:
    image, scales, sizes = given(inputs, 0), numbers(inputs, 2, "scales"), numbers(inputs, 3, "sizes")
    if "axes" in node.attributes or node.attributes.get("keep_aspect_ratio_policy", b"stretch") != b"stretch":
        raise RefusedError("it resizes some axes only; needed: scales or sizes of all")
    if sizes is None:
        if not scales or len(scales) != len(image.shape) or not all(0 < each < 1e4 for each in scales):
            raise RefusedError(f"its scales are {scales and scales[:8]} for {image.shape}")
        sizes = [math.floor(side * scale) for side, scale in zip(image.shape, scales, strict=True)]
    if len(sizes) != len(image.shape):
        raise RefusedError(f"its sizes are {sizes[:8]} for {image.shape}")
    return [Sized(image.dtype, tuple(int(side) for side in sizes))]


@rule("DepthToSpace", "SpaceToDepth")
def _depth(node: OnnxNode, inputs: Inputs) -> list[Sized]:
    image, block = given(inputs, 0), node.attributes.get("blocksize", 0)
    if len(image.shape) != 4 or block < 1:
        raise RefusedError(f"it takes {image.shape} in blocks of {block}")
    rows, channels, height, width = image.shape
    if node.operator == "DepthToSpace":
        return [Sized(image.dtype, (rows, channels // block**2, height * block, width * block))]
    return [Sized(image.dtype, (rows, channels * block**2, height // block, width // block))]


@rule("ScatterND", "ScatterElements", "Trilu")
def _as_first(_node: OnnxNode, inputs: Inputs) -> list[Sized]:
    first = given(inputs, 0)
    return [Sized(first.dtype, first.shape)]
