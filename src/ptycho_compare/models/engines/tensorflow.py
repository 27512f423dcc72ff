"""TensorFlow: an inspected model as a compiled function. Importing this module imports TensorFlow.

The network is rebuilt from the checked graph, node by node and without Keras: nothing in the
configuration or the weights file can reach its deserialisation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import BundleError
from ptycho_compare.models.bare_tensorflow import tf
from ptycho_compare.models.device import choose_device, fitting_memory
from ptycho_compare.models.engines.engine import Compiled, Network
from ptycho_compare.models.graph import Graph
from ptycho_compare.models.node_operations import Operation, operation_of
from ptycho_compare.models.weights import Weights


class TensorFlow:
    """The engine: a network is rebuilt, and traced once."""

    def compile(
        self,
        graph: Graph,
        weights: Weights,
        *,
        kind: Literal["ptychopinn", "supervised"],
        input_scale: float,
        rows: int,
        label: str,
    ) -> Compiled:
        """See `Engine.compile`."""
        device = choose_device().name
        network = _traced(graph, weights, kind=kind, input_scale=input_scale, rows=rows, label=label)
        return Compiled(network, device)


def _traced(
    graph: Graph,
    weights: Weights,
    *,
    kind: Literal["ptychopinn", "supervised"],
    input_scale: float,
    rows: int,
    label: str,
) -> Network:
    side, _, channels = graph.shape(graph.inputs[0])
    signature = [
        tf.TensorSpec((rows, side, side, channels), tf.float32),
        tf.TensorSpec((rows, 1, 2, channels), tf.float32),
    ]
    try:
        with fitting_memory("the network"):
            operations = {
                node.name: operation_of(node, weights.get(node.name, []), input_scale)
                for node in graph.nodes
                if node.kind != "InputLayer"
            }
            forward = _forward(graph, operations)

        @tf.function(input_signature=signature, autograph=False)  # type: ignore[untyped-decorator]
        def run(images: Any, offsets: Any) -> Any:
            if kind == "supervised":
                amplitude, phase = forward(images)
                return tf.complex(amplitude * tf.cos(phase), amplitude * tf.sin(phase))[..., 0]
            (patch,) = forward(images * tf.constant(input_scale, tf.float32), offsets)
            return patch[..., 0]

        traced = run.get_concrete_function()
    except (ValueError, TypeError, tf.errors.OpError) as error:
        raise BundleError(
            f"{label}: TensorFlow cannot build this network ({str(error).splitlines()[0]})"
        ) from error
    if traced.output_dtypes != tf.complex64:
        raise BundleError(f"{label}: the network yields {traced.output_dtypes}; needed: complex patches")

    def predict(images: NDArray[np.float32], offsets: NDArray[np.float32]) -> NDArray[np.complex64]:
        with fitting_memory(f"a batch of {rows}"):
            return np.asarray(traced(tf.constant(images), tf.constant(offsets)))

    return predict


def _forward(graph: Graph, operations: dict[str, Operation]) -> Callable[..., list[Any]]:
    def forward(*images: Any) -> list[Any]:
        values = dict(zip(graph.inputs, images, strict=True))
        for node in graph.nodes:
            if node.name not in values:
                values[node.name] = operations[node.name]([values[name] for name in node.inputs])
        return [values[name] for name in graph.outputs]

    return forward
