"""The walk over an ONNX file: only what a network of images needs, everything else is refused in one line."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ptycho_compare.errors import ArchiveError
from ptycho_compare.untrusted.onnx.contents import OnnxGraph, OnnxNode, OnnxTensor, OnnxValue
from ptycho_compare.untrusted.onnx.schema import (
    ATTRIBUTE,
    DIMENSION,
    ENTRY,
    GRAPH,
    MODEL,
    NODE,
    OPSET,
    SHAPE,
    TENSOR_TYPE,
    TYPE,
    VALUE,
)
from ptycho_compare.untrusted.onnx.tensors import MAX_DIM, MAX_DIMS, number_type, quoted, read_tensor
from ptycho_compare.untrusted.onnx.wire import Budget, Message, RefusedError, read_message

MAX_ONNX_BYTES = 256 << 20
"""A network of images has 10 MB, a large vision transformer 200."""
MAX_NODES, MAX_TENSORS, MAX_ENDS, MAX_ARITY = 2_000, 4_000, 16, 256
OPSETS = range(13, 23)
IR_VERSIONS = range(3, 14)

_ATTRIBUTES = {"f": 1, "i": 2, "s": 3, "t": 4, "floats": 6, "ints": 7, "strings": 8}
"""Kinds of attributes that are read, with ONNX's number of each."""


def read_bytes(path: Path) -> bytes:
    """Read an ONNX file once, whole, under a cap."""
    if not path.is_file():
        raise ArchiveError(f"{path}: no such file")
    try:
        with path.open("rb") as stream:
            # the size first: what is far too large need not be read to be refused
            stated = path.stat().st_size
            data = b"" if stated > MAX_ONNX_BYTES else stream.read(MAX_ONNX_BYTES + 1)
    except OSError as error:
        raise ArchiveError(f"{path}: cannot be read ({error.strerror})") from error
    if max(stated, len(data)) > MAX_ONNX_BYTES:
        raise ArchiveError(
            f"{path}: is larger than {MAX_ONNX_BYTES} bytes, the most that is read as a network"
        )
    return data


def is_onnx(path: Path) -> bool:
    """Say if a file means to be an ONNX network, by its name."""
    return path.suffix.lower() == ".onnx"


def parse_onnx(data: bytes, *, label: str) -> OnnxGraph:
    """Read a network from the bytes of its file.

    Raises
    ------
    ArchiveError
        Damaged, or something in it is not on the lists of what is read. One line; no library of ONNX has
        seen the file, and no other file was looked at.
    """
    try:
        return _model(memoryview(data), Budget())
    except RefusedError as error:
        reason = str(error)
    except (
        ValueError,
        TypeError,
        LookupError,
        OverflowError,
        ArithmeticError,
    ) as error:  # of numpy, on damage
        reason = f"is damaged ({type(error).__name__})"
    raise ArchiveError(f"{label}: {reason}; refused")


def _model(data: memoryview, budget: Budget) -> OnnxGraph:
    model = read_message("ModelProto", data, MODEL, budget)
    if "graph" not in model:
        raise RefusedError("is no ONNX file: there is no graph in it")
    _none_of(model, {"training_info": "training steps", "functions": "functions", "configuration": "devices"})
    ir_version = int(model.one("ir_version", 0))
    if ir_version not in IR_VERSIONS:
        raise RefusedError(f"has IR version {ir_version}; needed: {IR_VERSIONS[0]} to {IR_VERSIONS[-1]}")
    opset = _opset(model, budget)
    return _graph(model.one("graph"), budget, opset, ir_version, _metadata(model, budget))


def _opset(model: Message, budget: Budget) -> int:
    found = [read_message("OperatorSetIdProto", each, OPSET, budget) for each in model.all("opset_import")]
    sets = [(each.one("domain", ""), int(each.one("version", 0))) for each in found]
    if len(sets) != 1 or sets[0][0] not in ("", "ai.onnx") or sets[0][1] not in OPSETS:
        said = ", ".join(f"{quoted(domain)} {version}" for domain, version in sets[:4]) or "none"
        raise RefusedError(
            f"has the operator sets {said}; needed: '' alone, version {OPSETS[0]} to {OPSETS[-1]} "
            "(export with opset_version=17)"
        )
    return sets[0][1]


def _metadata(model: Message, budget: Budget) -> Mapping[str, str]:
    entries = [
        read_message("StringStringEntryProto", each, ENTRY, budget) for each in model.all("metadata_props")
    ]
    return {str(each.one("key", "")): str(each.one("value", "")) for each in entries}


def _graph(
    data: memoryview, budget: Budget, opset: int, ir_version: int, metadata: Mapping[str, str]
) -> OnnxGraph:
    graph = read_message("GraphProto", data, GRAPH, budget)
    _none_of(graph, {"sparse_initializer": "sparse weights", "quantization_annotation": "quantised tensors"})
    counts = {"node": MAX_NODES, "initializer": MAX_TENSORS, "input": MAX_TENSORS, "output": MAX_ENDS}
    for part, most in counts.items():
        if len(graph.all(part)) > most:
            raise RefusedError(f"holds {len(graph.all(part))} of '{part}'; at most {most} are read")
    weights: dict[str, OnnxTensor] = {}
    for each in graph.all("initializer"):
        name, tensor = read_tensor(each, budget, "initializer")
        if not name or name in weights:
            raise RefusedError(f"has the initializer {quoted(name)} twice, or without a name")
        weights[name] = tensor
    # up to IR version 3 weights were listed as inputs too
    inputs = [each for each in _ends(graph, "input", budget) if each.name not in weights]
    if not 1 <= len(inputs) <= MAX_ENDS:
        raise RefusedError(f"has {len(inputs)} inputs; needed: 1 to {MAX_ENDS}")
    nodes = tuple(_node(each, budget) for each in graph.all("node"))
    outputs = tuple(_ends(graph, "output", budget))
    _require_order(nodes, [*weights, *(each.name for each in inputs)], [each.name for each in outputs])
    return OnnxGraph(opset, ir_version, tuple(inputs), outputs, nodes, weights, metadata)


def _none_of(message: Message, parts: Mapping[str, str]) -> None:
    for part, what in parts.items():
        if part in message:
            raise RefusedError(f"holds {what} ({message.name}.{part}), which are not read")


def _ends(graph: Message, part: str, budget: Budget) -> Iterator[OnnxValue]:
    for each in graph.all(part):
        value = read_message("ValueInfoProto", each, VALUE, budget)
        name = str(value.one("name", ""))
        what = f"{part} {quoted(name)}"
        kind = read_message("TypeProto", value.one("type", memoryview(b"")), TYPE, budget)
        if "tensor_type" not in kind or set(kind.fields) - {"tensor_type", "denotation"}:
            raise RefusedError(f"{what} is no tensor; needed: a tensor of numbers")
        tensor = read_message("TypeProto.Tensor", kind.one("tensor_type"), TENSOR_TYPE, budget)
        dtype = number_type(int(tensor.one("elem_type", 0)), what)
        if "shape" not in tensor:
            raise RefusedError(f"{what} has no shape; needed: a fixed number of axes")
        shape = read_message("TensorShapeProto", tensor.one("shape"), SHAPE, budget)
        yield OnnxValue(
            name, dtype, tuple(_side(side, what, budget) for side in shape.all("dim")[: MAX_DIMS + 1])
        )


def _side(data: memoryview, what: str, budget: Budget) -> int | str:
    side = read_message("Dimension", data, DIMENSION, budget)
    if "dim_value" not in side:
        return str(side.one("dim_param", "")) or "?"
    value = int(side.one("dim_value"))
    if not 0 <= value < MAX_DIM:
        raise RefusedError(f"{what} has an axis of {value}")
    return value


def _node(data: memoryview, budget: Budget) -> OnnxNode:
    node = read_message("NodeProto", data, NODE, budget)
    operator = str(node.one("op_type", ""))
    if node.one("domain", "") not in ("", "ai.onnx") or node.one("overload", ""):
        raise RefusedError(
            f"node {quoted(operator)} is of the domain {quoted(str(node.one('domain', '')))}; "
            "needed: ONNX's own operators"
        )
    _none_of(node, {"device_configurations": "devices"})
    inputs, outputs = tuple(node.all("input")), tuple(node.all("output"))
    if max(len(inputs), len(outputs)) > MAX_ARITY:
        raise RefusedError(f"node {quoted(operator)} has {len(inputs)} inputs and {len(outputs)} outputs")
    attributes: dict[str, Any] = {}
    for each in node.all("attribute"):
        name, value = _attribute(each, budget, operator)
        if name in attributes:
            raise RefusedError(f"node {quoted(operator)} has the attribute {quoted(name)} twice")
        attributes[name] = value
    names = tuple(map(sys.intern, inputs)), tuple(map(sys.intern, outputs))
    return OnnxNode(operator, *names, attributes)


def _attribute(data: memoryview, budget: Budget, operator: str) -> tuple[str, Any]:
    found = read_message("AttributeProto", data, ATTRIBUTE, budget)
    name = str(found.one("name", ""))
    what = f"node {quoted(operator)}: attribute {quoted(name)}"
    held = set(found.fields) - {"name", "type", "doc_string"}
    kind = int(found.one("type", 0))
    by_number = {number: field for field, number in _ATTRIBUTES.items()}
    # a default value may be left out of the file: an empty list, a 0
    meant = by_number.get(kind)
    if meant is None or held - {meant}:
        wrong = ", ".join(sorted(held - {meant} if meant else held)) or f"type {kind}"
        raise RefusedError(
            f"{what} holds {wrong}; needed: numbers, text or one tensor (no graphs, no references)"
        )
    if meant == "t":
        if "t" not in found:
            raise RefusedError(f"{what} lacks its tensor")
        return name, read_tensor(found.one("t"), budget, what)[1]
    value = found.one(meant)
    if meant in ("s", "strings"):
        texts = tuple(bytes(each) for each in ([value or b""] if meant == "s" else value or ()))
        if any(not each.isascii() or not each.decode().isprintable() for each in texts):
            raise RefusedError(f"{what} is no plain text")
        return name, texts[0] if meant == "s" else texts
    if meant in ("floats", "ints"):
        return name, tuple(value or ())
    return name, (0.0 if meant == "f" else 0) if value is None else value


def _require_order(nodes: tuple[OnnxNode, ...], given: list[str], wanted: list[str]) -> None:
    """Every tensor is made once, before it is used: there is no ring."""
    made = set(given)
    if len(made) != len(given) or "" in made:
        raise RefusedError("has an input twice, or without a name")
    for node in nodes:
        missing = next((name for name in node.inputs if name and name not in made), None)
        if missing is not None:
            raise RefusedError(
                f"{node} uses {quoted(missing)}, which nothing made before: a ring, or out of order"
            )
        for name in filter(None, node.outputs):
            if name in made:
                raise RefusedError(f"{node} makes {quoted(name)}, which is there already")
            made.add(name)
    missing = next((name for name in wanted if name not in made), None)
    if missing is not None or not wanted or len(set(wanted)) != len(wanted):
        raise RefusedError(
            f"gives the outputs {', '.join(map(quoted, wanted[:4])) or 'none'}, which nothing makes so"
        )
