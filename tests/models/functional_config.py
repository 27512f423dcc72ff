"""A Functional model as Keras would serialise it, grown layer by layer without Keras."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

FILTER_FACTORS = (1, 2, 4)  # of the three encoder stages


class FunctionalConfig:
    """A Functional model as Keras would serialise it, grown layer by layer."""

    def __init__(self, rng: np.random.Generator, *, with_modules: bool = True) -> None:
        self._rng = rng
        self._with_modules = with_modules
        self._counts: dict[str, int] = {}
        self.layers: list[dict[str, Any]] = []
        self.shapes: dict[str, tuple[int, int, int]] = {}
        self.weights: dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]] = {}

    def functional(self, name: str, inputs: list[str], outputs: list[str]) -> dict[str, Any]:
        self._sort_as_keras_does(outputs)
        ends = {
            "input_layers": [[end, 0, 0] for end in inputs],
            "output_layers": [[end, 0, 0] for end in outputs],
        }
        return {
            "module": "keras.src.models.functional",
            "class_name": "Functional",
            "config": {"name": name, "trainable": True, "layers": copy.deepcopy(self.layers), **ends},
            "registered_name": "Functional",
            "build_config": {"input_shape": None},
            "compile_config": {},
        }

    def _sort_as_keras_does(self, outputs: list[str]) -> None:
        """Sort by distance from the outputs, far first; ties in the order a walk from them meets layers."""
        by_name = {layer["name"]: layer for layer in self.layers}
        depth: dict[str, int] = {}
        met: dict[str, int] = {}

        def walk(name: str, distance: int) -> None:
            met.setdefault(name, len(met))
            if distance > depth.get(name, -1):
                depth[name] = distance
                for source in _sources(by_name[name]["inbound_nodes"]):
                    walk(source, distance + 1)

        for name in outputs:
            walk(name, 0)
        self.layers.sort(key=lambda layer: (-depth.get(layer["name"], 0), met.get(layer["name"], 0)))
        order = [layer["name"] for layer in self.layers]
        self.weights = {name: self.weights[name] for name in order if name in self.weights}

    def numbered_weights(self) -> dict[str, NDArray[Any]]:
        """Return the datasets of a Keras 3 weights file: numbered by class, in order."""
        datasets: dict[str, NDArray[Any]] = {}
        for index, (kernel, bias) in enumerate(self.weights.values()):
            group = f"layers/conv2d{f'_{index}' if index else ''}/vars"
            datasets |= {f"{group}/0": kernel, f"{group}/1": bias}
        return datasets

    def add_input(self, name: str, shape: tuple[int, int, int]) -> None:
        config = {"batch_shape": [None, *shape], "dtype": "float32", "sparse": False, "ragged": False}
        self._append("keras.layers", "InputLayer", {**config, "name": name, "optional": False}, [], shape)

    def add(
        self,
        module: str,
        kind: str,
        settings: dict[str, Any],
        inputs: list[Any],
        shape: tuple[int, int, int],
        *,
        name: str | None = None,
        dtype: str = "float32",
    ) -> str:
        policy = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": dtype}}
        config = {
            "name": name or self._name(kind),
            "trainable": True,
            "dtype": {**policy, "registered_name": None},
            **settings,
        }
        return self._append(module, kind, config, inputs, shape)

    def add_custom(
        self,
        kind: str,
        settings: dict[str, Any],
        inputs: list[Any],
        shape: tuple[int, int, int],
        *,
        name: str | None = None,
    ) -> str:
        is_complex = kind.endswith(("PatchesLayer", "ReconstructionLayer"))
        dtype = "complex64" if is_complex else "float32"
        return self.add("ptycho.custom_layers", kind, settings, inputs, shape, name=name, dtype=dtype)

    def op(self, module: str, kind: str, inputs: list[Any]) -> str:
        first = next(item for item in inputs if isinstance(item, str))
        return self._append(module, kind, {"name": self._name(kind)}, inputs, self.shapes[first])

    def op_multiply(self, first: str, second: str) -> str:
        return self.op("keras.src.ops.numpy", "Multiply", [first, second])

    def get_item(self, source: str, start: int | None, stop: int | None) -> str:
        rows, columns, channels = self.shapes[source]
        key = [
            {"class_name": "__ellipsis__", "config": {}},
            {"class_name": "__slice__", "config": {"start": start, "stop": stop, "step": None}},
        ]
        left = len(range(*slice(start, stop).indices(channels)))
        config = {"name": self._name("GetItem")}
        return self._append("keras.src.ops.numpy", "GetItem", config, [source, key], (rows, columns, left))

    def conv(
        self, source: str, filters: int, *, activation: str = "relu", gain: float = 1.0, bias: float = 0.02
    ) -> str:
        rows, columns, channels = self.shapes[source]
        initializer = {"module": "keras.initializers", "config": {}, "registered_name": None}
        settings = {
            "filters": filters,
            "kernel_size": [3, 3],
            "strides": [1, 1],
            "padding": "same",
            "data_format": "channels_last",
            "dilation_rate": [1, 1],
            "groups": 1,
            "activation": activation,
            "use_bias": True,
            "kernel_initializer": {**initializer, "class_name": "GlorotUniform", "config": {"seed": None}},
            "bias_initializer": {**initializer, "class_name": "Zeros"},
            **dict.fromkeys(("kernel_regularizer", "bias_regularizer", "activity_regularizer")),
            **dict.fromkeys(("kernel_constraint", "bias_constraint")),
        }
        name = self.add("keras.layers", "Conv2D", settings, [source], (rows, columns, filters))
        spread = gain * np.sqrt(2.0 / (9 * channels))  # keeps the size of relu activations
        kernel = self._rng.normal(0.0, spread, (3, 3, channels, filters)).astype(np.float32)
        # a small gain is a head that must stay small: its bias shrinks with it
        offset = self._rng.normal(0.0, bias * min(gain, 1.0), filters).astype(np.float32)
        self.weights[name] = (kernel, offset)
        return name

    def encode(self, source: str, n_filters: int) -> str:
        x = source
        for factor in FILTER_FACTORS:
            x = self.conv(self.conv(x, factor * n_filters), factor * n_filters)
            rows, columns, channels = self.shapes[x]
            pool = {"pool_size": [2, 2], "padding": "same", "strides": [2, 2], "data_format": "channels_last"}
            x = self.add("keras.layers", "MaxPooling2D", pool, [x], (rows // 2, columns // 2, channels))
        return x

    def decode(self, source: str, filters: list[int], *, gain_last: float) -> str:
        x = source
        for index, count in enumerate(filters):
            x = self.up_block(x, count, gain_last if index == len(filters) - 1 else 1.0)
        return x

    def up_block(self, source: str, filters: int, gain: float) -> str:
        x = self.conv(self.conv(source, filters), filters, gain=gain)
        rows, columns, channels = self.shapes[x]
        settings = {"size": [2, 2], "data_format": "channels_last", "interpolation": "nearest"}
        return self.add("keras.layers", "UpSampling2D", settings, [x], (2 * rows, 2 * columns, channels))

    def _name(self, kind: str) -> str:
        index = self._counts.get(kind, 0)
        self._counts[kind] = index + 1
        return f"{kind.lower()}_{index}" if index else kind.lower()

    def _append(
        self,
        module: str,
        kind: str,
        config: dict[str, Any],
        inputs: list[Any],
        shape: tuple[int, int, int],
    ) -> str:
        registered = None
        if module.startswith("ptycho"):
            registered = kind if kind == "CenterMaskLayer" else f"ptycho>{kind}"
        elif ".ops." in module:
            registered = kind
        nodes = [{"args": [self._argument(item) for item in inputs], "kwargs": {}}] if inputs else []
        layer: dict[str, Any] = {"class_name": kind, "config": config}
        if self._with_modules:
            layer = {"module": module, **layer, "registered_name": registered}
        self.layers.append({**layer, "name": config["name"], "inbound_nodes": nodes})
        self.shapes[config["name"]] = shape
        return str(config["name"])

    def _argument(self, item: Any) -> Any:
        if isinstance(item, list):
            return [self._argument(part) for part in item]
        if not isinstance(item, str):
            return item
        tensor = {"shape": [None, *self.shapes[item]], "dtype": "float32", "keras_history": [item, 0, 0]}
        return {"class_name": "__keras_tensor__", "config": tensor}


def _sources(value: Any) -> list[str]:
    """Return the names of all tensors below a layer's ``inbound_nodes``, in order."""
    if isinstance(value, list):
        return [name for item in value for name in _sources(item)]
    if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        return [value["config"]["keras_history"][0]]
    return _sources(list(value.values())) if isinstance(value, dict) else []
