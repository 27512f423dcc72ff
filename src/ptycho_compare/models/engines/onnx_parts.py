"""Operators and constants of an ONNX graph that is being written, and what flows between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.models.node_settings import Shape


@dataclass(frozen=True)
class Signal:
    """What a layer yields.

    Attributes
    ----------
    parts : tuple of str
        Names of float32 tensors (B, channels, rows, columns): one, or real and imaginary part.
    shape : (int, int, int)
        Rows, columns, channels.
    """

    parts: tuple[str, ...]
    shape: Shape

    @property
    def is_complex(self) -> bool:
        """Say if it has two parts."""
        return len(self.parts) > 1


@dataclass
class OnnxParts:
    """What was written so far.

    Attributes
    ----------
    nodes : list of (operator, inputs, output, attributes)
        In an order in which they can be evaluated.
    constants : dict of ndarray
        By name.
    """

    nodes: list[tuple[str, tuple[str, ...], str, dict[str, Any]]] = field(default_factory=list)
    constants: dict[str, NDArray[Any]] = field(default_factory=dict)

    def node(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Add an operator of one output; return the name of what it yields."""
        output = output or f"{kind}_{len(self.nodes)}"
        self.nodes.append((kind, inputs, output, attributes))
        return output

    def constant(self, values: NDArray[Any] | np.generic) -> str:
        """Add a constant; return its name."""
        name = f"constant_{len(self.constants)}"
        self.constants[name] = np.asarray(values)
        return name

    def whole(self, *values: int) -> str:
        """Add a list of whole numbers; return its name."""
        return self.constant(np.array(values, np.int64))

    def cut(self, source: str, axes: Sequence[int], starts: Sequence[int], stops: Sequence[int]) -> str:
        """Add a slice along some axes."""
        return self.node("Slice", source, self.whole(*starts), self.whole(*stops), self.whole(*axes))

    def sum_over(self, source: str, axis: int) -> str:
        """Add a sum over an axis, which is kept with length 1."""
        return self.node("ReduceSum", source, self.whole(axis), keepdims=1)

    def polar(self, amplitude: str, phase: str) -> tuple[str, str]:
        """Add A exp(i phi); return its real and its imaginary part."""
        parts = [self.node("Mul", amplitude, self.node(kind, phase)) for kind in ("Cos", "Sin")]
        return parts[0], parts[1]
