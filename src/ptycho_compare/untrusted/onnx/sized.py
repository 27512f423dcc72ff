"""A tensor whose shape and type are known before anything is computed; its numbers too where it is small."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.untrusted.onnx.contents import OnnxNode, OnnxTensor
from ptycho_compare.untrusted.onnx.tensors import MAX_DIM, MAX_DIMS
from ptycho_compare.untrusted.onnx.wire import RefusedError

MOST_KNOWN = 4096
"""Elements of a tensor whose numbers are followed: shapes, axes and scales are small."""


@dataclass(frozen=True, eq=False)
class Sized:
    """Type and shape of a tensor; `known` are its numbers, where they do not depend on the images."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    known: NDArray[Any] | None = None

    def __post_init__(self) -> None:
        if len(self.shape) > MAX_DIMS or any(not 0 <= side < MAX_DIM for side in self.shape):
            raise RefusedError(f"a tensor of the shape {self.shape}")

    @property
    def size(self) -> int:
        """Elements."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes."""
        return self.size * self.dtype.itemsize

    def axis(self, number: int) -> int:
        """Return an axis counted from the front."""
        rank = len(self.shape)
        if not -rank <= number < rank:
            raise RefusedError(f"axis {number} of a tensor with {rank} axes")
        return number % rank


Rule = Callable[[OnnxNode, Sequence[Sized | None]], list[Sized]]
"""From a node and its inputs (None for one left out) to what it makes."""

RULES: dict[str, Rule] = {}
"""Every operator that is let through."""


def rule(*operators: str) -> Callable[[Rule], Rule]:
    """Let operators through, with this arithmetic of shapes."""

    def note(function: Rule) -> Rule:
        RULES.update(dict.fromkeys(operators, function))
        return function

    return note


def of_tensor(tensor: OnnxTensor) -> Sized:
    """Take weights, or numbers of an attribute."""
    small = math.prod(tensor.dims) <= MOST_KNOWN
    return Sized(tensor.dtype, tensor.dims, tensor.values if small else None)


def of_values(values: NDArray[Any]) -> Sized:
    """Take numbers that are known."""
    return Sized(values.dtype, values.shape, values if values.size <= MOST_KNOWN else None)


def given(inputs: Sequence[Sized | None], number: int) -> Sized:
    """Return an input that must be there."""
    found = optional(inputs, number)
    if found is None:
        raise RefusedError(f"input {number} is missing")
    return found


def optional(inputs: Sequence[Sized | None], number: int) -> Sized | None:
    """Return an input, or None."""
    return inputs[number] if number < len(inputs) else None


def numbers(inputs: Sequence[Sized | None], number: int, what: str) -> list[Any] | None:
    """Return the numbers of an optional input that says sizes; refused where they depend on the images."""
    found = optional(inputs, number)
    if found is None:
        return None
    if found.known is None:
        raise RefusedError(f"its {what} depend on the images or are too many, so its size has no bound")
    values: list[Any] = found.known.ravel().tolist()
    return values


def broadcast(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the common shape."""
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        raise RefusedError(f"the shapes {', '.join(map(str, shapes))} do not fit together") from None


def known_of(*inputs: Sized | None) -> list[NDArray[Any]] | None:
    """Return the numbers of all inputs, where all are known."""
    found = [each.known for each in inputs if each is not None]
    return None if any(each is None for each in found) else [each for each in found if each is not None]
