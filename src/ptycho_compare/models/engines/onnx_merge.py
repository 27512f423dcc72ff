"""The merge of a group's patches as ONNX operators: see `operations.reassemble` for what it computes."""

from __future__ import annotations

import numpy as np

from ptycho_compare.models.engines.onnx_parts import OnnxParts
from ptycho_compare.models.ptycho_rules import MASK_FLOOR


def merge_patches(
    parts: OnnxParts, patches: tuple[str, ...], offsets: str, *, side: int, canvas_px: int
) -> tuple[str, ...]:
    """Add the merge; return real and imaginary part of the canvas, (B, 1, P, P).

    Parameters
    ----------
    patches : tuple of str
        Real and imaginary part, (B, C, N, N).
    offsets : str
        (B, C, 1, 2) px, [x, y].
    side, canvas_px : int
        N and P, px.
    """
    along_x, along_y = (
        _interpolation(parts, offsets, axis, side=side, canvas_px=canvas_px) for axis in (0, 1)
    )
    across = parts.node("Transpose", along_x, perm=[0, 1, 3, 2])
    quarter = side // 4
    # the mask is a product of two intervals, so is its shifted image
    inside_y = parts.sum_over(parts.cut(along_y, (3,), (quarter,), (side - quarter,)), 3)
    inside_x = parts.sum_over(parts.cut(across, (2,), (quarter,), (side - quarter,)), 2)
    masks = parts.sum_over(parts.node("Mul", inside_y, inside_x), 1)
    coverage = parts.node("Add", masks, parts.constant(np.float32(MASK_FLOOR)))
    moved = (parts.node("MatMul", parts.node("MatMul", along_y, part), across) for part in patches)
    return tuple(parts.node("Div", parts.sum_over(each, 1), coverage) for each in moved)


def _interpolation(parts: OnnxParts, offsets: str, axis: int, *, side: int, canvas_px: int) -> str:
    """Add the weights (B, C, P, N) of a bilinear move by minus the offset along an axis, zeros outside."""
    margin = (canvas_px - side) // 2
    shift = parts.cut(offsets, (3,), (axis,), (axis + 1,))
    canvas = np.arange(canvas_px, dtype=np.float32).reshape(1, 1, canvas_px, 1)
    source = parts.node("Add", parts.constant(canvas), shift)
    below = parts.node("Floor", source)
    fraction = parts.node("Sub", source, below)
    one = parts.constant(np.float32(1))
    pixel = parts.constant(np.arange(margin, margin + side, dtype=np.float32).reshape(1, 1, 1, side))
    weights = []
    for place, weight in (
        (below, parts.node("Sub", one, fraction)),
        (parts.node("Add", below, one), fraction),
    ):
        hit = parts.node("Cast", parts.node("Equal", pixel, place), to=_FLOAT)
        weights.append(parts.node("Mul", hit, weight))
    return parts.node("Add", *weights)


_FLOAT = 1  # onnx.TensorProto.FLOAT
