"""The custom layers of PtychoPINN's inference network, written anew.

Keras saves a network as the names and settings of its layers; these classes give those
names their meaning. Rows of a batch are independent: a row is one group of images.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

# keeps an uncovered pixel at zero instead of 0/0; the trained networks saw this value
MASK_FLOOR = 0.001


class PtychoLayer(keras.layers.Layer):  # type: ignore[misc]  # keras ships no types
    """A layer that Keras rebuilds from the attributes named in `stored`, its constructor's arguments."""

    stored: tuple[str, ...] = ()

    def get_config(self) -> dict[str, Any]:
        """Settings under Keras' names, then those in `stored`."""
        return {**super().get_config(), **{name: getattr(self, name) for name in self.stored}}


class IntensityScaler(PtychoLayer):
    """Divide the network input by the intensity scale s (one number, not stored by PtychoPINN)."""

    stored = ("scale",)

    def __init__(self, scale: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = float(scale)

    def call(self, inputs: Any) -> Any:
        """Return (B, N, N, C) float32 / s; the input may come as a list of one tensor."""
        return (inputs[0] if isinstance(inputs, list | tuple) else inputs) / self.scale

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the one input."""
        return input_shape[0] if isinstance(input_shape[0], list | tuple) else input_shape


class ActivationLayer(PtychoLayer):
    """A named activation times a constant: the amplitude (1) and phase (pi) heads."""

    stored = ("activation_name", "scale")

    def __init__(self, activation_name: str, scale: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation_name = activation_name
        self.scale = float(scale)
        is_silu = activation_name in ("silu", "swish")
        self._activation = silu if is_silu else keras.activations.get(activation_name)

    def call(self, inputs: Any) -> Any:
        """Return ``scale * activation(inputs)``."""
        return self.scale * self._activation(inputs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the input."""
        return input_shape


class CenterMaskLayer(PtychoLayer):
    """The central N/2 square as a mask: 1 inside and 0 outside ("center"), or inverted ("border").

    The input's values do not matter; it gives the batch size.
    """

    stored = ("N", "c", "kind")

    def __init__(self, N: int, c: int = 1, kind: str = "center", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.N = N
        self.c = c
        self.kind = kind

    def call(self, inputs: Any) -> Any:
        """Return (B, N, N, c) float32."""
        quarter = self.N // 4
        mask = np.zeros((1, self.N, self.N, self.c), np.float32)
        mask[:, quarter:-quarter, quarter:-quarter] = 1.0
        if self.kind == "border":
            mask = 1.0 - mask
        return tf.tile(tf.constant(mask), [tf.shape(inputs)[0], 1, 1, 1])

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return (B, N, N, c)."""
        return (input_shape[0], self.N, self.N, self.c)


class CombineComplexLayer(PtychoLayer):
    """Two real maps to one complex: A exp(i phi) when `use_polar`, else A + i phi."""

    stored = ("use_polar",)

    def __init__(self, use_polar: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.use_polar = use_polar

    def call(self, inputs: Any) -> Any:
        """Return (B, N, N, Q) complex64 from two float32 maps of that shape."""
        first, second = inputs
        if not self.use_polar:
            return tf.complex(first, second)
        return tf.complex(first * tf.cos(second), first * tf.sin(second))

    def compute_output_spec(self, inputs: Any) -> Any:
        """Return the symbolic output; the dtype differs from the layer's own."""
        return keras.KerasTensor(inputs[0].shape, dtype="complex64")


class ReassemblePatchesLayer(PtychoLayer):
    """Merge the C patches of each group on one canvas of `padded_size` pixels.

    Patch c is moved by minus its local offset (bilinear, zeros outside); so is a mask of
    its central N/2 square. The result is sum(patches) / (sum(masks) + 0.001), per group.
    """

    stored = ("padded_size", "N", "gridsize")

    def __init__(self, padded_size: int, N: int, gridsize: int, **kwargs: Any) -> None:
        # autocast would turn the positions into complex numbers, because this layer's dtype is
        super().__init__(**{**kwargs, "autocast": False})
        self.padded_size = padded_size
        self.N = N
        self.gridsize = gridsize

    def call(self, inputs: Any) -> Any:
        """Return (B, P, P, 1) complex64 from patches (B, N, N, C) and offsets (B, 1, 2, C) px [x, y]."""
        patches, offsets = inputs
        if offsets.dtype.is_complex:
            offsets = tf.math.real(offsets)
        shift_x, shift_y = -offsets[:, 0, 0, :], -offsets[:, 0, 1, :]
        margin = (self.padded_size - self.N) // 2
        along_x, along_y = (
            interpolation(shift, self.padded_size, first=margin, count=self.N) for shift in (shift_x, shift_y)
        )
        stacked = tf.transpose(patches, [0, 3, 1, 2])
        real = _move_and_sum(along_y, tf.math.real(stacked), along_x)
        imag = _move_and_sum(along_y, tf.math.imag(stacked), along_x)
        # the mask is a product of two intervals, so is its shifted image
        quarter = self.N // 4
        mask_y = tf.reduce_sum(along_y[..., quarter : self.N - quarter], -1)
        mask_x = tf.reduce_sum(along_x[..., quarter : self.N - quarter], -1)
        coverage = tf.reduce_sum(mask_y[..., :, None] * mask_x[..., None, :], axis=1) + MASK_FLOOR
        return tf.complex(real / coverage, imag / coverage)[..., None]

    def compute_output_spec(self, inputs: Any) -> Any:
        """Return the symbolic output: one map per group."""
        return keras.KerasTensor((inputs[0].shape[0], self.padded_size, self.padded_size, 1), "complex64")


class PadReconstructionLayer(PtychoLayer):
    """Zero-pad to `padded_size` on both axes: the merge of a network that has one patch per group."""

    stored = ("padded_size",)

    def __init__(self, padded_size: int, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "autocast": False})
        self.padded_size = padded_size

    def call(self, inputs: Any) -> Any:
        """Return (B, P, P, Q) with the patch in the middle."""
        patch = inputs[0] if isinstance(inputs, list | tuple) else inputs
        before = (self.padded_size - patch.shape[1]) // 2
        after = self.padded_size - patch.shape[1] - before
        return tf.pad(patch, [[0, 0], [before, after], [before, after], [0, 0]])

    def compute_output_spec(self, inputs: Any) -> Any:
        """Return the symbolic output."""
        patch = inputs[0] if isinstance(inputs, list | tuple) else inputs
        shape = (patch.shape[0], self.padded_size, self.padded_size, patch.shape[3])
        return keras.KerasTensor(shape, dtype=patch.dtype)


class TrimReconstructionLayer(PtychoLayer):
    """Cut the middle `output_size` pixels out of both axes."""

    stored = ("output_size",)

    def __init__(self, output_size: int, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "autocast": False})
        self.output_size = output_size

    def call(self, inputs: Any) -> Any:
        """Return (B, output_size, output_size, Q)."""
        start = (inputs.shape[1] - self.output_size) // 2
        stop = start + self.output_size
        return inputs[:, start:stop, start:stop, :]

    def compute_output_spec(self, inputs: Any) -> Any:
        """Return the symbolic output."""
        shape = (inputs.shape[0], self.output_size, self.output_size, inputs.shape[3])
        return keras.KerasTensor(shape, dtype=inputs.dtype)


def silu(x: Any) -> Any:
    """Return x sigmoid(x), elementwise.

    Not keras.ops.silu: TensorFlow fuses x * sigmoid(x) into one of two oneDNN kernels by the
    size of the tensor, and a row's result then depends on how many rows there are (4e-7).
    """
    return x / (1.0 + tf.exp(-x))


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


CUSTOM_OBJECTS: dict[str, type[Any]] = {
    "ptycho>IntensityScaler": IntensityScaler,
    "ptycho>ActivationLayer": ActivationLayer,
    "CenterMaskLayer": CenterMaskLayer,  # PtychoPINN registers it without a package
    "ptycho>CombineComplexLayer": CombineComplexLayer,
    "ptycho>ReassemblePatchesLayer": ReassemblePatchesLayer,
    "ptycho>PadReconstructionLayer": PadReconstructionLayer,
    "ptycho>TrimReconstructionLayer": TrimReconstructionLayer,
}
