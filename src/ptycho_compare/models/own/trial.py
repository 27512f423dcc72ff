"""A network of anybody's is opened and run once in a child under limits, before this process does it.

Arithmetic bounds every size (`untrusted.onnx.measured`), and what was understood is written anew; what ONNX
Runtime makes of it all the same, its optimiser above all, is seen here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import BundleError, OutOfMemoryError
from ptycho_compare.models.engines import OnnxSession, open_onnx
from ptycho_compare.untrusted.in_child import why_not_survived
from ptycho_compare.untrusted.onnx.contents import OnnxGraph
from ptycho_compare.untrusted.onnx.encode import encoded

CPU_S = 30
WALL_S = 300.0
MEMORY_BYTES = 2 << 30
"""Beyond what the process holds: the largest weights that are read, thrice, and as much for a call."""

Fed = Mapping[str, tuple[int, ...]]
"""Shapes of what a network is given, by name."""
_SURVIVED: set[str] = set()
"""Digests: an arm is opened again for a smaller batch, and where its zero frequency is checked."""


def open_tried(graph: OnnxGraph, fed: Fed, *, label: str) -> OnnxSession:
    """Open a network that survived a trial; loads ONNX Runtime.

    Raises
    ------
    BundleError
        It brought the child down, took too long, or asked for too much memory, when it was opened and run
        once on zeros of these shapes; or ONNX Runtime cannot open it. One line.
    OutOfMemoryError
        Not even the network itself fits.
    """
    content = encoded(graph)
    zeros = {each.name: np.zeros(fed[each.name], each.dtype) for each in graph.inputs}
    key = hashlib.sha256(content + repr(fed).encode()).hexdigest()
    if key not in _SURVIVED and (why := _why_not_survived(content, zeros)):
        raise BundleError(
            f"{label}: ONNX Runtime does not survive this network: opened and run once, it {why}; refused"
        )
    _SURVIVED.add(key)
    return open_onnx(content, label=label)


def _why_not_survived(content: bytes, zeros: Mapping[str, NDArray[Any]]) -> str:
    def opened_and_run() -> None:
        try:
            session = open_onnx(content, label="", threads=1, on_gpu=False)
            session.run(zeros)
        except OutOfMemoryError as error:
            raise MemoryError from error

    return why_not_survived(opened_and_run, cpu_s=CPU_S, memory_bytes=MEMORY_BYTES, wall_s=WALL_S)
