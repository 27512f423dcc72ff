"""A checked graph as an ONNX file of our own: what a runtime is given instead of the file from outside."""

from __future__ import annotations

import struct
from typing import Any

from ptycho_compare.untrusted.onnx.contents import OnnxGraph, OnnxNode, OnnxTensor, OnnxValue
from ptycho_compare.untrusted.onnx.schema import CODES

_VARINT, _LENGTH, _FIXED32 = 0, 2, 5


def encoded(graph: OnnxGraph) -> bytes:
    """Write a graph: nodes, weights and ends, and nothing else that the file held."""
    parts = [
        *(_sub(1, _node(each)) for each in graph.nodes),
        _text(2, "network"),
        *(_sub(5, _tensor(each, name)) for name, each in graph.weights.items()),
        *(_sub(11, _value(each)) for each in graph.inputs),
        *(_sub(12, _value(each)) for each in graph.outputs),
    ]
    opset = _text(1, "") + _int(2, graph.opset)
    # weights that are no inputs came with IR version 4
    return _int(1, max(graph.ir_version, 4)) + _sub(7, b"".join(parts)) + _sub(8, opset)


def _node(node: OnnxNode) -> bytes:
    texts = [_text(1, name) for name in node.inputs] + [_text(2, name) for name in node.outputs]
    attributes = [_sub(5, _attribute(name, value)) for name, value in node.attributes.items()]
    return b"".join([*texts, _text(4, node.operator), *attributes])


def _attribute(name: str, value: Any) -> bytes:
    if isinstance(value, OnnxTensor):
        return _text(1, name) + _sub(5, _tensor(value, "")) + _int(20, 4)
    if isinstance(value, tuple):
        kinds = {float: (7, 6), bytes: (9, 8)}
        number, kind = kinds.get(type(value[0]) if value else int, (8, 7))
        return _text(1, name) + b"".join(_plain(number, each) for each in value) + _int(20, kind)
    number, kind = {float: (2, 1), int: (3, 2), bytes: (4, 3)}[type(value)]
    return _text(1, name) + _plain(number, value) + _int(20, kind)


def _plain(number: int, value: Any) -> bytes:
    if isinstance(value, bytes):
        return _sub(number, value)
    if isinstance(value, float):
        return _tag(number, _FIXED32) + struct.pack("<f", value)
    return _int(number, value)


def _tensor(tensor: OnnxTensor, name: str) -> bytes:
    dims = b"".join(_int(1, side) for side in tensor.dims)
    return dims + _int(2, CODES[tensor.dtype.name]) + _text(8, name) + _sub(9, tensor.data)


def _value(value: OnnxValue) -> bytes:
    sides = [_sub(1, _text(2, side) if isinstance(side, str) else _int(1, side)) for side in value.dims]
    tensor = _int(1, CODES[value.dtype.name]) + _sub(2, b"".join(sides))
    return _text(1, value.name) + _sub(2, _sub(1, tensor))


def _text(number: int, text: str) -> bytes:
    return _sub(number, text.encode())


def _sub(number: int, data: bytes | memoryview) -> bytes:
    return b"".join((_tag(number, _LENGTH), _varint(len(data)), data))


def _int(number: int, value: int) -> bytes:
    return _tag(number, _VARINT) + _varint(value & 0xFFFF_FFFF_FFFF_FFFF)


def _tag(number: int, wire: int) -> bytes:
    return _varint(number << 3 | wire)


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])
