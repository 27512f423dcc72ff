"""Hostile ONNX files: one line each, nothing else read, and hardly any memory."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onnx_graphs import identity, model, write
from ptycho_compare.errors import ArchiveError
from ptycho_compare.untrusted.onnx.contents import OnnxGraph
from ptycho_compare.untrusted.onnx.measure import measured
from ptycho_compare.untrusted.onnx.read import MAX_ONNX_BYTES, parse_onnx, read_bytes
from thorough import examples

from .hostile import files, node

MIB = 1 << 20
FILES = {name: (content, words) for name, content, words in files()}
opened: list[Any] = []
watching = [False]
sys.addaudithook(
    lambda event, arguments: opened.append(arguments) if watching[0] and event == "open" else None
)


@contextmanager
def nothing_opened() -> Iterator[None]:
    opened.clear()
    watching[0] = True
    try:
        yield
    finally:
        watching[0] = False
    assert opened == []


def looked_at(content: bytes, rows: int = 2) -> OnnxGraph:
    graph = parse_onnx(content, label="net.onnx")
    fed = {
        each.name: tuple(rows if isinstance(side, str) else side for side in each.dims)
        for each in graph.inputs
    }
    measured(graph, fed, label="net.onnx")
    return graph


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_file_is_refused_in_one_line(name: str) -> None:
    content, words = FILES[name]
    with nothing_opened(), pytest.raises(ArchiveError, match=words) as refused:
        looked_at(content)
    line = str(refused.value)
    assert line.startswith("net.onnx: ")
    assert line.isprintable()
    assert len(line) < 400


def test_their_reader_takes_hardly_any_memory() -> None:
    for name in ("growing", "64 GiB of ones", "two hundred constants"):
        tracemalloc.start()
        try:
            assert read_or_refused(FILES[name][0])
            assert tracemalloc.get_traced_memory()[1] < 200 * MIB
        finally:
            tracemalloc.stop()


def test_there_are_enough_of_them() -> None:
    assert len(FILES) >= 30


def test_what_is_no_file_or_too_large_is_not_read(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.onnx", Path("/dev/zero")):
        with pytest.raises(ArchiveError, match="no such file"):
            read_bytes(path)
    large = write(tmp_path / "large.onnx", b"")
    with large.open("r+b") as stream:
        stream.truncate(MAX_ONNX_BYTES + 1)
    with pytest.raises(ArchiveError, match="larger than"):
        read_bytes(large)


SMALL = model(
    [node("Conv", ["x", "w"], ["a"], pads=[1, 1, 1, 1]), node("Relu", ["a"], ["y"])],
    weights={"w": np.ones((1, 1, 3, 3), np.float32)},
)


def read_or_refused(content: bytes) -> str:
    """Look at a file; return the line that refused it."""
    try:
        with nothing_opened():
            looked_at(content)
    except ArchiveError as error:
        return str(error)
    return ""


@examples(400)
@given(st.lists(st.tuples(st.integers(0, len(SMALL) - 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_any_changed_bytes_are_read_or_refused(changes: list[tuple[int, int]]) -> None:
    damaged = bytearray(SMALL)
    for at, value in changes:
        damaged[at] = value
    assert read_or_refused(bytes(damaged)).isprintable()


@examples(200)
@given(st.binary(max_size=300), st.integers(0, len(SMALL)), st.integers(0, 40))
def test_any_inserted_bytes_are_read_or_refused(more: bytes, at: int, gone: int) -> None:
    assert read_or_refused(SMALL[:at] + more + SMALL[at + gone :]).isprintable()


def test_an_honest_file_is_read() -> None:
    assert looked_at(SMALL).opset == 17
    assert looked_at(identity()).output_names == ["y"]
