"""What an ONNX file holds, as far as it is understood: a graph of nodes over named tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class OnnxTensor:
    """Numbers that stand in the file; `data` is little-endian, in C order."""

    dtype: np.dtype[Any]
    dims: tuple[int, ...]
    data: memoryview

    @property
    def values(self) -> NDArray[Any]:
        """The numbers; a view, not to be written to."""
        return np.frombuffer(self.data, self.dtype).reshape(self.dims)


@dataclass(frozen=True)
class OnnxValue:
    """An input or output of the graph: its dimensions are numbers, or names where any size goes."""

    name: str
    dtype: np.dtype[Any]
    dims: tuple[int | str, ...]


@dataclass(frozen=True, eq=False)
class OnnxNode:
    """One operation.

    Attributes
    ----------
    inputs : tuple of str
        "" for an optional one that is left out.
    attributes : mapping
        int, float, bytes, OnnxTensor, or a tuple of int, float or bytes.
    """

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]

    def __str__(self) -> str:
        operator = self.operator if self.operator.isidentifier() else repr(self.operator)
        return f"node {operator[:60]} (makes {', '.join(repr(name[:60]) for name in self.outputs[:2])})"


@dataclass(frozen=True, eq=False)
class OnnxGraph:
    """A network that passed inspection.

    Attributes
    ----------
    opset, ir_version : int
    metadata : mapping
        The file's own ``metadata_props``; they say nothing to a runtime.
    """

    opset: int
    ir_version: int
    inputs: tuple[OnnxValue, ...]
    outputs: tuple[OnnxValue, ...]
    nodes: tuple[OnnxNode, ...]
    weights: Mapping[str, OnnxTensor]
    metadata: Mapping[str, str]

    @property
    def input_names(self) -> list[str]:
        """Of what is fed."""
        return [each.name for each in self.inputs]

    @property
    def output_names(self) -> list[str]:
        """Of what comes out."""
        return [each.name for each in self.outputs]
