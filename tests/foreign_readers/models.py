"""Readers of trained networks and of what is said of them."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
from onnx import helper

from bundles import write_bundle, write_supervised_baseline
from foreign_readers.reader import Reader, of_text, written
from onnx_graphs import model, value
from ptycho_compare.models.bundle import inspect_model, read_model
from ptycho_compare.models.own.candidates import readings_of
from ptycho_compare.models.own.declaration import METADATA_KEY, read_declaration
from ptycho_compare.models.own.ends import fit
from ptycho_compare.models.own.inspect_own import inspect_own
from ptycho_compare.untrusted.onnx.contents import OnnxGraph
from ptycho_compare.untrusted.onnx.encode import encoded
from ptycho_compare.untrusted.onnx.read import parse_onnx
from ptycho_compare.untrusted.pickles import load_plain

_PARAMETERS = {"N": 16, "gridsize": 2, "nphotons": 1e9, "intensity_scale": np.float64(3.0), "a": np.ones(2)}
_TOML = """\
[input]
values = "amplitude"
zero_frequency = "centre"
scale = "none"
[output]
values = "amplitude and phase"
planes = ["a", "b[0]"]
phase_range = [-1.0, 1.0]
[group]
size = 1
"""


def _network() -> bytes:
    """A small network with the nodes that are common."""
    kernel = np.linspace(-1, 1, 9, dtype=np.float32).reshape(1, 1, 3, 3)
    nodes = [
        helper.make_node("Conv", ["x", "k"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("MaxPool", ["r"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Resize", ["p", "", "s"], ["u"], mode="nearest"),
        helper.make_node("Concat", ["u", "r"], ["both"], axis=1),
        helper.make_node("Reshape", ["both", "shape"], ["b"]),
        helper.make_node("Sigmoid", ["u"], ["a"]),
    ]
    weights = {
        "k": kernel, "s": np.array([1, 1, 2, 2], np.float32), "shape": np.array([-1, 2, 16, 16]),
    }  # fmt: skip
    outputs = [value("a", ("B", 1, 16, 16)), value("b", ("B", 2, 16, 16))]
    return model(
        nodes,
        inputs=[value("x", ("B", 1, 16, 16))],
        outputs=outputs,
        weights=weights,
        metadata={METADATA_KEY: _TOML},
    )


@cache
def _graph() -> OnnxGraph:
    return parse_onnx(_network(), label="net.onnx")


def _own_network(path: Path) -> None:
    """Inspect it as a comparison does, and as the command that finds out what it expects."""
    content = path.read_bytes()
    try:
        graph = parse_onnx(content, label=str(path))
        encoded(graph)
        readings_of(graph, label=str(path))
    finally:
        inspect_own(path)


def _declared(path: Path) -> None:
    said, _ = read_declaration(path.with_suffix(".onnx"), _graph())
    fit(_graph(), said, label=str(path))


def _weighed(path: Path) -> None:
    read_model(path, with_weights=True)


MODELS: Mapping[str, Reader] = {
    "pickle": Reader("params.dill", lambda path: load_plain(path.read_bytes(), label="x"),
                     lambda: pickle.dumps(_PARAMETERS, protocol=4)),
    "bundle": Reader("wts.h5.zip", inspect_model,
                     written(lambda path: write_bundle(path, n_filters=1, patch_px=16), "wts.h5.zip")),
    "legacy model": Reader("baseline_model.h5", _weighed,
                           written(lambda path: write_supervised_baseline(path, n_filters=1, patch_px=16))),
    "onnx": Reader("net.onnx", _own_network, _network),
    "declaration": Reader("net.toml", _declared, of_text(_TOML)),
}  # fmt: skip
