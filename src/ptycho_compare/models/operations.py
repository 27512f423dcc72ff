"""What PtychoPINN's own layers compute, as functions of tensors.

Rows of a batch are independent: a row is one group of images. `node_operations` runs them, and `layers`
gives them to Keras.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ptycho_compare.models.bare_tensorflow import tf
from ptycho_compare.models.ptycho_rules import MASK_FLOOR


def silu(x: Any) -> Any:
    """Return x sigmoid(x), elementwise.

    Not tf.nn.silu: TensorFlow fuses x * sigmoid(x) into one of two oneDNN kernels by the
    size of the tensor, and a row's result then depends on how many rows there are (4e-7).
    """
    return x / (1.0 + tf.exp(-x))


def center_mask(like: Any, side: int, channels: int, kind: str) -> Any:
    """Return (B, N, N, channels) float32: 1 inside the central N/2 square and 0 outside, or inverted.

    `like` gives the batch size B; `kind` is "center", or "border" for the inverse.
    """
    quarter = side // 4
    mask = np.zeros((1, side, side, channels), np.float32)
    mask[:, quarter:-quarter, quarter:-quarter] = 1.0
    if kind == "border":
        mask = 1.0 - mask
    return tf.tile(tf.constant(mask), [tf.shape(like)[0], 1, 1, 1])


def combine_complex(first: Any, second: Any, *, polar: bool) -> Any:
    """Return A exp(i phi) when `polar`, else A + i phi: complex64 from two float32 maps of one shape."""
    if not polar:
        return tf.complex(first, second)
    return tf.complex(first * tf.cos(second), first * tf.sin(second))


def reassemble(patches: Any, offsets: Any, *, side: int, canvas_px: int) -> Any:
    """Merge the C patches of each group on one canvas: (B, P, P, 1) complex64.

    Patch c is moved by minus its local offset (bilinear, zeros outside); so is a mask of
    its central N/2 square. The result is sum(patches) / (sum(masks) + 0.001), per group.

    Parameters
    ----------
    patches : tensor, (B, N, N, C) complex64
    offsets : tensor, (B, 1, 2, C) float32, or the same as complex numbers
        px, [x, y].
    side, canvas_px : int
        N and P, px.
    """
    if offsets.dtype.is_complex:
        offsets = tf.math.real(offsets)
    shift_x, shift_y = -offsets[:, 0, 0, :], -offsets[:, 0, 1, :]
    margin = (canvas_px - side) // 2
    along_x, along_y = (
        interpolation(shift, canvas_px, first=margin, count=side) for shift in (shift_x, shift_y)
    )
    stacked = tf.transpose(patches, [0, 3, 1, 2])
    real = _move_and_sum(along_y, tf.math.real(stacked), along_x)
    imag = _move_and_sum(along_y, tf.math.imag(stacked), along_x)
    # the mask is a product of two intervals, so is its shifted image
    quarter = side // 4
    mask_y = tf.reduce_sum(along_y[..., quarter : side - quarter], -1)
    mask_x = tf.reduce_sum(along_x[..., quarter : side - quarter], -1)
    coverage = tf.reduce_sum(mask_y[..., :, None] * mask_x[..., None, :], axis=1) + MASK_FLOOR
    return tf.complex(real / coverage, imag / coverage)[..., None]


def pad_reconstruction(patch: Any, canvas_px: int) -> Any:
    """Return (B, P, P, Q) with the patch (B, N, N, Q) in the middle of zeros."""
    before = (canvas_px - patch.shape[1]) // 2
    after = canvas_px - patch.shape[1] - before
    return tf.pad(patch, [[0, 0], [before, after], [before, after], [0, 0]])


def trim_reconstruction(canvas: Any, side: int) -> Any:
    """Return the middle (B, side, side, Q) of a canvas (B, P, P, Q)."""
    start = (canvas.shape[1] - side) // 2
    return canvas[:, start : start + side, start : start + side, :]


def interpolation(shift: Any, canvas_px: int, *, first: int, count: int) -> Any:
    """Return weights (B, C, P, count) float32 of a bilinear move, zeros outside: a factor per axis.

    How much of pixel `first` + j lands in canvas pixel i when the content moves by `shift`,
    (B, C) float32 px.
    """
    canvas = tf.range(canvas_px, dtype=tf.float32)
    source = canvas[None, None, :] - shift[:, :, None]
    # floor() pins the order of the float32 operations. Written as max(0, 1 - |(i - d) - j|), grappler
    # reassociates the subtractions inside a tf.function and the result is off by 2.6e-5.
    below = tf.floor(source)
    fraction = (source - below)[..., None]
    pixel = tf.range(first, first + count, dtype=tf.float32)
    at_below = tf.cast(tf.equal(pixel, below[..., None]), tf.float32)
    at_above = tf.cast(tf.equal(pixel, below[..., None] + 1.0), tf.float32)
    return at_below * (1.0 - fraction) + at_above * fraction


def _move_and_sum(along_y: Any, images: Any, along_x: Any) -> Any:
    """Return sum over c of Wy image Wx^T: (B, C, P, N), (B, C, N, N), (B, C, P, N) -> (B, P, P)."""
    moved = tf.linalg.matmul(tf.linalg.matmul(along_y, images), along_x, transpose_b=True)
    return tf.reduce_sum(moved, axis=1)
