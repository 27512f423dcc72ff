"""ONNX files for tests, written with the library's own helpers, and what `edit` makes of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

Dims = Sequence[int | str | None]


def value(name: str, dims: Dims, kind: int = TensorProto.FLOAT) -> Any:
    """Return an input or output."""
    return helper.make_tensor_value_info(name, kind, list(dims))


def model(
    nodes: Sequence[NodeProto],
    *,
    inputs: Sequence[Any] = (),
    outputs: Sequence[Any] = (),
    weights: dict[str, NDArray[Any]] | None = None,
    opset: int = 17,
    metadata: dict[str, str] | None = None,
    edit: Callable[[ModelProto], None] | None = None,
) -> bytes:
    """Return a file; by default x and y are both (B, 1, 8, 8)."""
    held = [numpy_helper.from_array(np.asarray(array), name) for name, array in (weights or {}).items()]
    ends = inputs or [value("x", ("B", 1, 8, 8))], outputs or [value("y", ("B", 1, 8, 8))]
    graph = helper.make_graph(list(nodes), "g", *(list(each) for each in ends), held)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    helper.set_model_props(made, metadata or {})
    if edit is not None:
        edit(made)
    content: bytes = made.SerializeToString()
    return content


def identity(**more: Any) -> bytes:
    """Return a file that gives what it takes."""
    return model([helper.make_node("Identity", ["x"], ["y"])], **more)


def write(path: Path, content: bytes) -> Path:
    """Write a file and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path
