"""The supervised baseline in Keras' legacy HDF5 format: one image in, amplitude and phase out."""

from __future__ import annotations

from pathlib import Path

from ptycho_compare.errors import BundleError
from ptycho_compare.models.config_objects import LEGACY_OBJECTS, parse_config, refuse_unknown_objects
from ptycho_compare.models.graph import Graph, read_graph
from ptycho_compare.models.weights import Weights, open_hdf5, plan_legacy, read_weights


def read_legacy_h5(path: Path, *, with_weights: bool) -> tuple[Graph, Weights]:
    """Read and check a legacy model.

    Raises
    ------
    BundleError
        Damaged, an object off the list, or other ends than one square image (N, N, 1)
        in and two maps (N, N, 1) out.
    """
    label = str(path)
    with open_hdf5(path, label=label) as file:
        if "model_config" not in file.attrs:
            raise BundleError(
                f"{label}: attribute 'model_config' is missing; needed: a whole model, not weights alone"
            )
        config = parse_config(file.attrs["model_config"], label=f"{label}: model_config")
        refuse_unknown_objects(config, LEGACY_OBJECTS, label=f"{label}: model_config")
        graph = read_graph(config, label=f"{label}: model_config")
        _check_ends(graph, label=label)
        plan = plan_legacy(file, graph, label=label)
        return graph, read_weights(file, plan) if with_weights else {}


def _check_ends(graph: Graph, *, label: str) -> None:
    inputs = [graph.shape(name) for name in graph.inputs]
    outputs = [graph.shape(name) for name in graph.outputs]
    if len(inputs) != 1 or inputs[0][0] != inputs[0][1] or inputs[0][2] != 1:
        raise BundleError(
            f"{label}: model_config: the inputs are {inputs}; needed: one square image (N, N, 1)"
        )
    if outputs != [inputs[0], inputs[0]]:
        raise BundleError(
            f"{label}: model_config: the outputs are {outputs}; "
            f"needed: amplitude and phase, [{inputs[0]}, {inputs[0]}]"
        )
