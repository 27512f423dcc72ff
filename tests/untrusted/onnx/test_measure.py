"""The arithmetic of shapes says what ONNX Runtime makes, and the graph written anew runs like the file."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import NodeProto, helper

from onnx_graphs import model, value
from ptycho_compare.models.engines import open_onnx
from ptycho_compare.untrusted.onnx.encode import encoded
from ptycho_compare.untrusted.onnx.measure import measured
from ptycho_compare.untrusted.onnx.read import parse_onnx

node = helper.make_node
F = np.float32
ROWS = 3
Case = tuple[list[NodeProto], dict[str, Any], int]


def ints(*values: int) -> Any:
    return np.array(values, np.int64)


CASES: dict[str, Case] = {
    "conv": (
        [node("Conv", ["x", "w"], ["y"], strides=[2, 1], dilations=[1, 2], pads=[0, 1, 1, 2])],
        {"w": np.ones((5, 2, 3, 3), F)},
        17,
    ),
    "conv in groups": (
        [node("Conv", ["x", "w"], ["y"], group=2, auto_pad="SAME_UPPER", strides=[2, 2])],
        {"w": np.ones((4, 1, 3, 3), F)},
        17,
    ),
    "conv transposed": (
        [node("ConvTranspose", ["x", "w"], ["y"], strides=[2, 2], pads=[1, 0, 1, 1], output_padding=[1, 0])],
        {"w": np.ones((2, 3, 3, 3), F)},
        17,
    ),
    "max pool": ([node("MaxPool", ["x"], ["y"], kernel_shape=[3, 2], strides=[2, 2], ceil_mode=1)], {}, 17),
    "average pool": (
        [node("AveragePool", ["x"], ["y"], kernel_shape=[3, 3], strides=[1, 1], pads=[1, 1, 1, 1])],
        {},
        17,
    ),
    "pool of all": ([node("GlobalAveragePool", ["x"], ["y"])], {}, 17),
    "resize by scales": (
        [node("Resize", ["x", "", "s"], ["y"], mode="linear")],
        {"s": np.array([1, 1, 1.5, 2], F)},
        17,
    ),
    "resize to sizes": (
        [
            node("Shape", ["x"], ["h"]),
            node("Gather", ["h", "zero"], ["b"]),
            node("Concat", ["b", "c"], ["z"], axis=0),
            node("Resize", ["x", "", "", "z"], ["y"], mode="nearest"),
        ],
        {"zero": ints(0), "c": ints(2, 5, 7)},
        17,
    ),
    "slice backwards": (
        [node("Slice", ["x", "a", "b", "c", "d"], ["y"])],
        {"a": ints(-1, 1), "b": ints(-99, 99), "c": ints(2, 3), "d": ints(-2, 3)},
        17,
    ),
    "slice from before the first": (
        [node("Slice", ["x", "a", "b", "c", "d"], ["y"])],
        {"a": ints(-99), "b": ints(-99), "c": ints(2), "d": ints(-2)},
        17,
    ),
    "pad": ([node("Pad", ["x", "p"], ["y"])], {"p": ints(0, 0, 1, -1, 0, 0, 2, 3)}, 17),
    "pad of axes": ([node("Pad", ["x", "p", "", "a"], ["y"])], {"p": ints(1, 2), "a": ints(-1)}, 20),
    "reduce": ([node("ReduceMean", ["x"], ["y"], axes=[1, -1], keepdims=0)], {}, 17),
    "reduce, axes as input": ([node("ReduceMax", ["x", "a"], ["y"])], {"a": ints(-1)}, 18),
    "sum of all": ([node("ReduceSum", ["x"], ["y"], keepdims=0)], {}, 17),
    "split": (
        [node("Split", ["x", "s"], ["a", "b"], axis=3), node("Concat", ["b", "a", "b"], ["y"], axis=-1)],
        {"s": ints(2, 6)},
        17,
    ),
    "split evenly": (
        [node("Split", ["x"], ["a", "b", "c"], axis=3, num_outputs=3), node("Identity", ["c"], ["y"])],
        {},
        18,
    ),
    "reshape by its own shape": (
        [
            node("Shape", ["x"], ["h"], start=0, end=1),
            node("Concat", ["h", "r"], ["z"], axis=0),
            node("Reshape", ["x", "z"], ["y"]),
        ],
        {"r": ints(-1, 4)},
        17,
    ),
    "reshape with 0": ([node("Reshape", ["x", "z"], ["y"])], {"z": ints(0, -1)}, 17),
    "flatten and gemm": (
        [node("Flatten", ["x"], ["a"]), node("Gemm", ["a", "w", "c"], ["y"], transB=1)],
        {"w": np.ones((7, 128), F), "c": np.ones(7, F)},
        17,
    ),
    "matmul of stacks": (
        [node("Transpose", ["x"], ["t"], perm=[0, 1, 3, 2]), node("MatMul", ["w", "t"], ["y"])],
        {"w": np.ones((5, 8), F)},
        17,
    ),
    "matmul with a vector": ([node("MatMul", ["x", "w"], ["y"])], {"w": np.ones(8, F)}, 17),
    "expand": (
        [
            node("Shape", ["x"], ["h"]),
            node("ReduceMean", ["x"], ["m"], axes=[2, 3]),
            node("Expand", ["m", "h"], ["y"]),
        ],
        {},
        17,
    ),
    "gather": ([node("Gather", ["x", "i"], ["y"], axis=2)], {"i": np.array([[0, 1], [2, 3], [4, 5]])}, 17),
    "unsqueeze and squeeze": (
        [node("Unsqueeze", ["x", "a"], ["t"]), node("Squeeze", ["t", "b"], ["y"])],
        {"a": ints(0, -1), "b": ints(-1)},
        17,
    ),
    "range to add": (
        [
            node("Range", ["a", "b", "c"], ["r"]),
            node("Cast", ["r"], ["f"], to=1),
            node("Add", ["x", "f"], ["y"]),
        ],
        {"a": np.array(0), "b": np.array(8), "c": np.array(1)},
        17,
    ),
    "filled": (
        [node("ConstantOfShape", ["s"], ["f"]), node("Sub", ["x", "f"], ["y"])],
        {"s": ints(1, 2, 1, 8)},
        17,
    ),
    "tile": ([node("Tile", ["x", "r"], ["y"])], {"r": ints(1, 2, 1, 3)}, 17),
    "depth to space": (
        [node("Concat", ["x", "x"], ["t"], axis=1), node("DepthToSpace", ["t"], ["y"], blocksize=2)],
        {},
        17,
    ),
    "divided towards 0": (
        [
            node("Div", ["a", "b"], ["q"]),
            node("Neg", ["q"], ["n"]),
            node("Reshape", ["x", "z"], ["t"]),
            node("Gather", ["t", "n"], ["y"], axis=0),
        ],
        {"a": np.array(-7), "b": np.array(2), "z": ints(-1, 8)},
        17,
    ),
    "layers of transformers": (
        [
            node("LayerNormalization", ["x", "w"], ["n"]),
            node("Gelu", ["n"], ["g"]),
            node("Softmax", ["g"], ["s"]),
            node("Where", ["c", "s", "x"], ["y"]),
        ],
        {"w": np.ones(8, F), "c": np.array(True)},
        20,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_shapes_are_those_that_come_out(name: str) -> None:
    nodes, weights, opset = CASES[name]
    content = model(
        nodes, inputs=[value("x", ("B", 2, 8, 8))], outputs=[value("y", ())], weights=weights, opset=opset
    )
    graph = parse_onnx(content, label="net.onnx")
    images = np.random.default_rng(0).random((ROWS, 2, 8, 8), F)
    found = measured(graph, {"x": images.shape}, label="net.onnx")
    original, anew = (
        open_onnx(each, label="net.onnx", threads=1).run({"x": images})["y"]
        for each in (content, encoded(graph))
    )
    assert found.outputs == {"y": original.shape}
    assert found.largest >= original.nbytes
    np.testing.assert_array_equal(anew, original)
