"""Hostile ONNX files, by what is wrong with them, each with words of the line that refuses it."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from onnx import AttributeProto, FunctionProto, ModelProto, TensorProto, helper, numpy_helper

from onnx_graphs import identity, model, value

node = helper.make_node


def tag(number: int, wire: int) -> bytes:
    return varint(number << 3 | wire)


def varint(number: int) -> bytes:
    parts = bytearray()
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    return bytes([*parts, number])


def message(number: int, content: bytes) -> bytes:
    return tag(number, 2) + varint(len(content)) + content


def external(location: str, **more: str) -> Callable[[ModelProto], None]:
    """Keep a weight in another file."""

    def edit(made: ModelProto) -> None:
        tensor = made.graph.initializer.add(name="w", data_type=1, dims=[4], data_location=1)
        for key, text in {"location": location, **more}.items():
            tensor.external_data.add(key=key, value=text)

    return edit


def only_listed(made: ModelProto) -> None:
    """State another file without saying that it is used."""
    tensor = made.graph.initializer.add(name="w", data_type=1, dims=[1], raw_data=b"1234")
    tensor.external_data.add(key="location", value="/etc/passwd")


def external_constant(made: ModelProto) -> None:
    tensor = TensorProto(name="w", data_type=1, dims=[4], data_location=1)
    tensor.external_data.add(key="location", value="/etc/passwd")
    made.graph.node.append(node("Constant", [], ["w"], value=tensor))


def sparse(made: ModelProto) -> None:
    values = numpy_helper.from_array(np.ones(1, np.float32), "s")
    at = numpy_helper.from_array(np.zeros(1, np.int64), "i")
    made.graph.sparse_initializer.append(helper.make_sparse_tensor(values, at, [4]))


def sparse_constant(made: ModelProto) -> None:
    values = numpy_helper.from_array(np.ones(1, np.float32), "s")
    at = numpy_helper.from_array(np.zeros(1, np.int64), "i")
    made.graph.node.append(
        node("Constant", [], ["w"], sparse_value=helper.make_sparse_tensor(values, at, [4]))
    )


def doubling(made: ModelProto) -> None:
    """Functions that call the one before twice: a few kB that the official checker works at for hours."""
    for level in range(40):
        body = [
            node(f"f{level - 1}" if level else "Neg", [a], [b], domain="d" if level else "")
            for a, b in ("xz", "zy")
        ]
        made.functions.append(
            FunctionProto(
                name=f"f{level}",
                domain="d",
                input=["x"],
                output=["y"],
                node=body,
                opset_import=[helper.make_opsetid("", 17), helper.make_opsetid("d", 1)],
            )
        )
    made.opset_import.append(helper.make_opsetid("d", 1))


def branch(depth: int) -> Any:
    inner = [node("Identity", ["x"], ["y"])] if not depth else [branch(depth - 1)]
    body = helper.make_graph(inner, "b", [], [value("y", ("B", 1, 8, 8))])
    return node("If", ["c"], ["y"], then_branch=body)


def loop() -> bytes:
    body = helper.make_graph(
        [node("Identity", ["go"], ["on"]), node("Identity", ["a"], ["b"])],
        "b",
        [value("i", (), TensorProto.INT64), value("go", (), TensorProto.BOOL), value("a", ("B", 1, 8, 8))],
        [value("on", (), TensorProto.BOOL), value("b", ("B", 1, 8, 8))],
    )
    weights = {"n": np.array(1 << 62), "c": np.array(True)}
    return model([node("Loop", ["n", "c", "x"], ["y"], body=body)], weights=weights)


def weight(**fields: Any) -> Callable[[ModelProto], None]:
    def edit(made: ModelProto) -> None:
        made.graph.initializer.append(TensorProto(name="w", **fields))

    return edit


def first(**fields: Any) -> Callable[[ModelProto], None]:
    def edit(made: ModelProto) -> None:
        made.graph.node[0].MergeFrom(type(made.graph.node[0])(**fields))

    return edit


def opset(version: int) -> Callable[[ModelProto], None]:
    def edit(made: ModelProto) -> None:
        made.opset_import[0].version = version

    return edit


def sequence(made: ModelProto) -> None:
    made.graph.input.append(helper.make_tensor_sequence_value_info("s", TensorProto.FLOAT, None))


def text_input(made: ModelProto) -> None:
    made.graph.input.append(value("s", (1,), TensorProto.STRING))


def no_rank(made: ModelProto) -> None:
    made.graph.input[0].type.tensor_type.ClearField("shape")


def repeated(*, expand: tuple[int, ...]) -> bytes:
    weights = {"one": np.ones(1, np.float32), "shape": np.array(expand)}
    return model(
        [
            node("Expand", ["one", "shape"], ["b"]),
            node("ReduceSum", ["b"], ["s"]),
            node("Add", ["x", "s"], ["y"]),
        ],
        weights=weights,
    )


def chain(count: int) -> bytes:
    names = ["x", *(f"t{number}" for number in range(count - 1)), "y"]
    return model([node("Neg", [one], [other]) for one, other in pairwise(names)])


def growing() -> bytes:
    """Each of 40 nodes makes four times what it takes."""
    names = ["x", *(f"t{number}" for number in range(39)), "y"]
    scales = np.array([1, 1, 2, 2], np.float32)
    return model(
        [node("Resize", [one, "", "s"], [other]) for one, other in pairwise(names)],
        weights={"s": scales},
    )


def constants() -> bytes:
    """Two hundred constants of 64 MiB, from a file of a few kB."""
    made = [node("Expand", ["one", "shape"], [f"t{number}"]) for number in range(200)]
    return model(
        [*made, node("Identity", ["x"], ["y"])],
        weights={"one": np.ones(1, np.float32), "shape": np.array([1 << 24])},
    )


def heavy() -> bytes:
    """Large kernels on large images: small in memory, endless in time."""
    weights = {"w": np.ones((1, 1, 2047, 2047), np.float32)}
    ends = {"inputs": [value("x", ("B", 1, 4096, 4096))], "outputs": [value("y", ("B", 1, 4096, 4096))]}
    return model([node("Conv", ["x", "w"], ["y"], pads=[1023] * 4)], weights=weights, **ends)


def data_sized() -> bytes:
    made = [
        node("ReduceMax", ["x"], ["m"], keepdims=0),
        node("Cast", ["m"], ["i"], to=7),
        node("Reshape", ["i", "one"], ["v"]),
        node("ConstantOfShape", ["v"], ["c"]),
        node("ReduceSum", ["c"], ["s"]),
        node("Add", ["x", "s"], ["y"]),
    ]
    return model(made, weights={"one": np.array([1])})


def split_into_fewer() -> bytes:
    """What brings ONNX Runtime 1.32 down."""
    made = [
        node("Split", ["x"], ["a", "b"], axis=3, num_outputs=1),
        node("Concat", ["a", "b"], ["y"], axis=3),
    ]
    return model(made, opset=18)


START = identity()[:2] + message(8, b"\x10\x11")
"""What stands before the graph is read: IR version 8, opset 17."""


def files() -> Iterator[tuple[str, bytes, str]]:
    whole = identity()
    yield "empty", b"", "there is no graph"
    yield "text", b"import os; os.system('id')", "field|truncated|no ONNX"
    yield "zeros", bytes(4096), "field 0"
    yield "truncated", whole[:-5], "truncated"
    yield "half", whole[: len(whole) // 2], "truncated"
    yield "a length beyond the end", message(7, b"")[:1] + varint(1 << 40), "truncated"
    yield "a number that never ends", tag(1, 0) + b"\xff" * 4096, "10 bytes"
    yield "a group", tag(7, 3) * 4096, "wire type 3"
    yield "the graph twice", whole + message(7, b""), "twice"
    yield "a field of tomorrow", whole + message(99, b""), "field 99"
    yield (
        "endless nothings",
        message(7, b"\x0a\x00" * 150_000) + START,
        "fields",
    )
    yield (
        "endless nodes",
        message(7, message(1, b"") * 150_000) + START,
        "fields",
    )
    yield (
        "endless dims",
        message(7, message(5, b"\x08\x01" * 150_000)) + START,
        "fields",
    )
    yield "external absolute", identity(edit=external("/etc/passwd")), "another file"
    yield "external above", identity(edit=external("../secret")), "another file"
    yield "external beside", identity(edit=external("net.data", offset="0", length="16")), "another file"
    yield "external attributes", identity(edit=external("x", __class__="os")), "another file"
    yield (
        "external memory",
        identity(edit=external("*/_ORT_MEM_ADDR_/*", offset="4096", length="16")),
        "another file",
    )
    yield "external unused", identity(edit=only_listed), "another file"
    yield "external in a constant", identity(edit=external_constant), "another file"
    yield "sparse", identity(edit=sparse), "sparse weights"
    yield "sparse in a constant", identity(edit=sparse_constant), "sparse_tensor"
    yield "functions doubling", identity(edit=doubling), "functions"
    yield "if in if", model([branch(20)], weights={"c": np.array(True)}), "then_branch"
    yield "endless loop", loop(), "body"
    yield (
        "a billion weights",
        identity(edit=weight(data_type=1, dims=[10**9])),
        "4000000000 bytes, and holds 0",
    )
    yield "dims that overflow", identity(edit=weight(data_type=1, dims=[1 << 30] * 4)), "holds 0"
    yield "dims below zero", identity(edit=weight(data_type=1, dims=[-1])), "shape"
    yield (
        "too many axes",
        identity(edit=weight(data_type=1, dims=[1] * 64, raw_data=b"1234")),
        "at most 8 axes",
    )
    yield (
        "weights cut short",
        identity(edit=weight(data_type=1, dims=[4], raw_data=b"123456789")),
        "16 bytes, and holds 9",
    )
    yield "weights of text", identity(edit=weight(data_type=8, dims=[1], string_data=[b"a"])), "text"
    yield (
        "complex weights",
        identity(edit=weight(data_type=14, dims=[1], raw_data=b"12345678")),
        "element type 14",
    )
    yield (
        "two kinds of data",
        identity(edit=weight(data_type=1, dims=[1], raw_data=b"1234", float_data=[1.0])),
        "raw_data and",
    )
    yield (
        "data of another type",
        identity(edit=weight(data_type=1, dims=[1], int64_data=[1])),
        "element type 1 holds",
    )
    yield "another domain", identity(edit=first(domain="com.microsoft")), "domain"
    yield (
        "a custom set",
        identity(edit=lambda made: made.opset_import.append(helper.make_opsetid("my", 1))),
        "operator sets",
    )
    yield "opset 99", identity(edit=opset(99)), "operator sets"
    yield "opset 7", identity(edit=opset(7)), "operator sets"
    yield "training", identity(edit=lambda made: made.training_info.add()), "training"
    yield "a sequence", identity(edit=sequence), "no tensor"
    yield "text in", identity(edit=text_input), "element type 8"
    yield "no shape", identity(edit=no_rank), "no shape"
    yield (
        "a ring",
        model([node("Add", ["x", "b"], ["a"]), node("Neg", ["a"], ["b"]), node("Neg", ["b"], ["y"])]),
        "nothing made before",
    )
    yield "made twice", model([node("Neg", ["x"], ["y"]), node("Abs", ["x"], ["y"])]), "there already"
    yield "no output", model([node("Neg", ["x"], ["z"])]), "which nothing makes"
    yield "an unknown operator", model([node("Convv", ["x"], ["y"])]), "known: Conv"
    yield "an operator off the list", model([node("NonZero", ["x"], ["y"])]), "not on the list"
    yield "a name that is no text", whole.replace(b"Identity", b"Ident\xff\xfey"), "UTF-8"
    yield (
        "odd names in a ring",
        model([node("A\n\x1b[2J", ["x", "b\x1b"], ["\x07\n" * 999])]),
        "nothing made before",
    )
    yield "a name of many lines", model([node("A\n\x1b[2J", ["x"], ["y"])]), "not on the list"
    yield (
        "a reference",
        identity(
            edit=lambda made: made.graph.node[0].attribute.append(
                AttributeProto(name="a", type=1, ref_attr_name="b")
            )
        ),
        "ref_attr_name",
    )
    yield "64 GiB of ones", repeated(expand=(1 << 34,)), "shape"
    yield "a GiB of ones", repeated(expand=(1 << 28,)), "at most"
    yield "two hundred constants", constants(), "at most"
    yield "growing", growing(), "at most"
    yield "heavy", heavy(), "at most"
    yield "sized by the images", data_sized(), "no bound"
    yield "three thousand nodes", chain(3000), "at most 2000"
    yield (
        "a pad below zero",
        model([node("Pad", ["x", "p"], ["y"])], weights={"p": np.array([0] * 4 + [-99] * 4)}),
        "shape",
    )
    yield "a kernel of nothing", model([node("MaxPool", ["x"], ["y"], kernel_shape=[0, 0])]), "kernel"
    yield (
        "a range without end",
        model(
            [node("Range", ["a", "b", "c"], ["r"]), node("Identity", ["x"], ["y"])],
            weights={"a": np.array(0.0), "b": np.array(np.inf), "c": np.array(1.0)},
        ),
        "does not fit|at most",
    )
    yield (
        "divided by zero",
        model(
            [node("Div", ["a", "b"], ["r"]), node("Identity", ["x"], ["y"])],
            weights={"a": np.array(1), "b": np.array(0)},
        ),
        "divides by 0",
    )
    yield (
        "an axis far away",
        model([node("Gather", ["x", "i"], ["y"], axis=99)], weights={"i": np.array(0)}),
        "axis 99",
    )
    yield "a float that is not", message(1, struct.pack("<f", 1.0)), "field|wire type|truncated"
