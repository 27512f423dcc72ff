"""What ONNX Runtime does not survive, though every size of it is bounded, harms a child and is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import helper

from onnx_graphs import model, write
from ptycho_compare.errors import BundleError
from ptycho_compare.models.own import trial
from ptycho_compare.models.own.inspect_own import inspect_own
from ptycho_compare.models.own.own_network import load_own

node = helper.make_node
TOML = """
[input]
values = "amplitude"
zero_frequency = "centre"
scale = "none"
[output]
values = "amplitude"
planes = ["y"]
"""


def slow_to_open(folder: Path) -> Path:
    """A few hundred bytes: products of large constants, which ONNX Runtime computes as it opens them."""
    products = [
        node("MatMul", ["ones" if not step else f"m{step - 1}", "ones"], [f"m{step}"]) for step in range(4)
    ]
    nodes = [
        node("ConstantOfShape", ["shape"], ["ones"]),
        *products,
        node("ReduceMax", ["m3"], ["top"], axes=[0, 1], keepdims=0),
        node("Add", ["x", "top"], ["y"]),
    ]
    write(folder / "net.toml", TOML.encode())
    return write(folder / "net.onnx", model(nodes, weights={"shape": np.array([4096, 4096])}))


def test_a_file_that_overruns_onnx_runtime_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = slow_to_open(tmp_path)
    assert path.stat().st_size < 1000
    file = inspect_own(path)  # arithmetic finds nothing
    for limits, words in (
        ({"CPU_S": 1}, "takes more than 1 s of computing"),
        ({"MEMORY_BYTES": 96 << 20}, "asks for more than 96 MiB"),
    ):
        with monkeypatch.context() as limited:
            for name, most in limits.items():
                limited.setattr(trial, name, most)
            with pytest.raises(BundleError) as told:
                load_own(file, batch_rows=2, normalization=1.0)
        assert str(told.value) == (
            f"{path}: ONNX Runtime does not survive this network: opened and run once, it {words}; refused"
        )
