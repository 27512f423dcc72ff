"""The custom layers of PtychoPINN's inference network, written anew, for Keras: networks are trained by it.

Keras saves a network as the names and settings of its layers; these classes give those
names their meaning. What they compute is in `operations`.
"""

from __future__ import annotations

from typing import Any

from ptycho_compare.models import operations
from ptycho_compare.models.bare_keras import keras
from ptycho_compare.models.node_operations import scaled_activation


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
        self._activation = scaled_activation(activation_name, self.scale)

    def call(self, inputs: Any) -> Any:
        """Return ``scale * activation(inputs)``."""
        return self._activation(inputs)

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
        return operations.center_mask(inputs, self.N, self.c, self.kind)

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
        return operations.combine_complex(*inputs, polar=self.use_polar)

    def compute_output_spec(self, inputs: Any) -> Any:
        """Return the symbolic output; the dtype differs from the layer's own."""
        return keras.KerasTensor(inputs[0].shape, dtype="complex64")


class ReassemblePatchesLayer(PtychoLayer):
    """Merge the C patches of each group on one canvas of `padded_size` px: see `operations.reassemble`."""

    stored = ("padded_size", "N", "gridsize")

    def __init__(self, padded_size: int, N: int, gridsize: int, **kwargs: Any) -> None:
        # autocast would turn the positions into complex numbers, because this layer's dtype is
        super().__init__(**{**kwargs, "autocast": False})
        self.padded_size = padded_size
        self.N = N
        self.gridsize = gridsize

    def call(self, inputs: Any) -> Any:
        """Return (B, P, P, 1) complex64 from patches (B, N, N, C) and offsets (B, 1, 2, C) px [x, y]."""
        return operations.reassemble(*inputs, side=self.N, canvas_px=self.padded_size)

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
        return operations.pad_reconstruction(patch, self.padded_size)

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
        return operations.trim_reconstruction(inputs, self.output_size)

    def compute_output_spec(self, inputs: Any) -> Any:
        """Return the symbolic output."""
        shape = (inputs.shape[0], self.output_size, self.output_size, inputs.shape[3])
        return keras.KerasTensor(shape, dtype=inputs.dtype)


CUSTOM_OBJECTS: dict[str, type[Any]] = {
    "ptycho>IntensityScaler": IntensityScaler,
    "ptycho>ActivationLayer": ActivationLayer,
    "CenterMaskLayer": CenterMaskLayer,  # PtychoPINN registers it without a package
    "ptycho>CombineComplexLayer": CombineComplexLayer,
    "ptycho>ReassemblePatchesLayer": ReassemblePatchesLayer,
    "ptycho>PadReconstructionLayer": PadReconstructionLayer,
    "ptycho>TrimReconstructionLayer": TrimReconstructionLayer,
}
