"""From a merged object to photon counts: the layers that PtychoPINN trains through.

Like the inference layers they are written anew, and take one tensor as a list where PtychoPINN's do.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.models.bare_keras import keras
from ptycho_compare.models.bare_tensorflow import tf
from ptycho_compare.models.layers import PtychoLayer
from ptycho_compare.models.operations import interpolation


class ExtractPatchesPositionLayer(PtychoLayer):
    """Cut what each image of a group saw out of the group's canvas (bilinear, zeros outside).

    Image c lies at minus its local offset from the canvas' middle.
    """

    stored = ("jitter", "N", "gridsize")

    def __init__(self, N: int, gridsize: int, jitter: float = 0.0, **kwargs: Any) -> None:
        # autocast would turn the positions into complex numbers, because this layer's dtype is
        super().__init__(**{**kwargs, "autocast": False})
        self.N = N
        self.gridsize = gridsize
        self.jitter = jitter

    def call(self, inputs: Any) -> Any:
        """Return (B C, N, N, 1) complex64 from canvases (B, P, P, 1) and offsets (B, 1, 2, C) px [x, y]."""
        canvas, offsets = inputs
        side = canvas.shape[1]
        margin = (side - self.N) // 2
        window = slice(margin, margin + self.N)
        along_x, along_y = (
            interpolation(offsets[:, 0, axis, :], side, first=0, count=side)[:, :, window] for axis in (0, 1)
        )
        parts = []
        for part in (tf.math.real(canvas), tf.math.imag(canvas)):
            rows = tf.linalg.matmul(along_y, part[:, None, :, :, 0])
            parts.append(tf.linalg.matmul(rows, along_x, transpose_b=True))
        return tf.reshape(tf.complex(*parts), [-1, self.N, self.N, 1])

    def compute_output_spec(self, inputs: Any) -> Any:
        """Return the symbolic output: one map per image."""
        del inputs
        return keras.KerasTensor((None, self.N, self.N, 1), "complex64")


class ProbeIllumination(PtychoLayer):
    """Multiply patches by the probe (not stored in a configuration: it is a parameter of the bundle)."""

    stored = ("N",)

    def __init__(self, N: int, probe: NDArray[np.complex64], **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "autocast": False})
        self.N = N
        self.probe = probe

    def call(self, inputs: Any) -> Any:
        """Return (B C, N, N, 1) complex64."""
        return _only(inputs) * tf.constant(self.probe[..., None])

    def compute_output_spec(self, inputs: Any) -> Any:
        """Return the symbolic output; the dtype differs from the layer's own."""
        return keras.KerasTensor(_only(inputs).shape, "complex64")


class PadAndDiffractLayer(PtychoLayer):
    """Propagate to the detector: A = abs(FFT2(wave)) / N, zero frequency in the centre.

    PtychoPINN's layer gives two things, the wave (padded where `pad` says so) and the amplitudes, and a
    configuration names the second by its number; so does this one.
    """

    stored = ("h", "w", "pad")

    def __init__(self, h: int, w: int, pad: bool = False, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "autocast": False})
        self.h = h
        self.w = w
        self.pad = pad

    def call(self, inputs: Any) -> Any:
        """Return the wave, and (B C, h, w, 1) float32 amplitudes."""
        wave = _only(inputs)
        spectrum = tf.signal.fft2d(wave[..., 0])
        # not a root of re^2 + im^2: its derivative at 0 is not a number
        amplitude = tf.math.abs(spectrum) / float(np.sqrt(self.h * self.w))
        return wave, tf.signal.fftshift(amplitude, axes=(1, 2))[..., None]

    def compute_output_spec(self, inputs: Any) -> Any:
        """Return both symbolic outputs."""
        shape = _only(inputs).shape
        return keras.KerasTensor(shape, "complex64"), keras.KerasTensor(shape, "float32")


class FlatToChannelLayer(PtychoLayer):
    """Images one by one to images by group: (B C, N, N, 1) to (B, N, N, C)."""

    stored = ("N", "gridsize")

    def __init__(self, N: int, gridsize: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.N = N
        self.gridsize = gridsize

    def call(self, inputs: Any) -> Any:
        """Return (B, N, N, C)."""
        images = tf.reshape(inputs, [-1, self.gridsize**2, self.N, self.N])
        return tf.transpose(images, [0, 2, 3, 1])

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return (B, N, N, C)."""
        del input_shape
        return (None, self.N, self.N, self.gridsize**2)


class IntensityScaler_inv(PtychoLayer):  # noqa: N801  # PtychoPINN's name
    """Multiply normalised amplitudes by the intensity scale s (not stored): roots of photon counts."""

    def __init__(self, scale: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, inputs: Any) -> Any:
        """Return (B, N, N, C) float32 times s."""
        return _only(inputs) * self.scale

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the one input."""
        return input_shape[0] if isinstance(input_shape[0], list | tuple) else input_shape


class SquareLayer(PtychoLayer):
    """Amplitudes to counts."""

    def call(self, inputs: Any) -> Any:
        """Return the square, elementwise."""
        return tf.square(inputs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the input."""
        return input_shape


def _only(inputs: Any) -> Any:
    """The tensor that may come as a list of one."""
    return inputs[0] if isinstance(inputs, list | tuple) else inputs
