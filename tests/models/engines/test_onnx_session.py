"""ONNX Runtime as an engine: what it is told, and what its errors become."""

from __future__ import annotations

import os

import numpy as np
import pytest
from onnx import TensorProto, helper

from ptycho_compare.errors import BundleError, OutOfMemoryError
from ptycho_compare.models.engines import open_onnx
from ptycho_compare.models.engines.onnx_session import told_threads

COLUMNS = 8


def serialised(*nodes: tuple[str, str, str], shape: tuple[object, ...] = ("B", COLUMNS)) -> bytes:
    """Return a graph of one input x and one output y, both of that shape."""
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in "xy"]
    made = [helper.make_node(kind, [source], [name]) for kind, source, name in nodes]
    graph = helper.make_graph(made, "g", ends[:1], ends[1:])
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    ).SerializeToString()


def test_a_graph_is_run_by_the_names_of_its_ends() -> None:
    session = open_onnx(serialised(("Neg", "x", "y")), label="net.onnx", threads=1)
    assert (session.inputs, session.outputs, session.device) == (("x",), ("y",), "cpu")
    fed = np.arange(3 * COLUMNS, dtype=np.float32).reshape(3, COLUMNS)
    np.testing.assert_array_equal(session.run({"x": fed})["y"], -fed)


def test_what_it_cannot_open_or_run_is_one_line() -> None:
    for content in (b"no graph", serialised(("NoSuchOperator", "x", "y"))):
        with pytest.raises(BundleError, match=r"^net\.onnx: ONNX Runtime cannot run this network \(.*\)$"):
            open_onnx(content, label="net.onnx")
    session = open_onnx(serialised(("Neg", "x", "y")), label="net.onnx")
    with pytest.raises(BundleError, match=r"^net\.onnx: ONNX Runtime cannot run"):
        session.run({"x": np.zeros((3, COLUMNS + 1), np.float32)})


def test_a_want_of_memory_is_said_as_everywhere() -> None:
    """256 TiB are asked for, which no machine gives."""
    ends = [helper.make_tensor_value_info("x", TensorProto.INT64, (1,))]
    ends.append(helper.make_tensor_value_info("y", TensorProto.FLOAT, None))
    graph = helper.make_graph([helper.make_node("ConstantOfShape", ["x"], ["y"])], "g", ends[:1], ends[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    session = open_onnx(model.SerializeToString(), label="net.onnx")
    with pytest.raises(OutOfMemoryError, match="out_of_memory: a batch of 1 did not fit into memory"):
        session.run({"x": np.array([1 << 46])})


def test_threads_are_as_told_else_one_for_each_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert told_threads() == 3
    for said in ("", "0", "many"):
        monkeypatch.setenv("OMP_NUM_THREADS", said)
        assert told_threads() == len(os.sched_getaffinity(0))


def test_a_graph_cannot_change_how_it_is_run(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its metadata would be obeyed where the environment says so: here it asks for a profile."""
    monkeypatch.setenv("ORT_LOAD_CONFIG_FROM_MODEL", "1")
    place = tmp_path_factory.mktemp("empty")
    monkeypatch.chdir(place)
    import onnx

    model = onnx.load_model_from_string(serialised(("Neg", "x", "y")))
    helper.set_model_props(model, {"ort_config": '{"session_options": {"enable_profiling": 1}}'})
    session = open_onnx(model.SerializeToString(), label="net.onnx")
    session.run({"x": np.zeros((1, COLUMNS), np.float32)})
    del session
    assert list(place.iterdir()) == []
