"""How much memory and work a graph takes, by arithmetic on its shapes: nothing is computed by it.

Every operator that is let through has a rule here, so what has none is refused, and so is what makes
more than a network of images does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from ptycho_compare.errors import ArchiveError
from ptycho_compare.untrusted.onnx import elementwise_sizes, layer_sizes, moving_sizes
from ptycho_compare.untrusted.onnx.contents import OnnxGraph, OnnxNode
from ptycho_compare.untrusted.onnx.layer_sizes import work_of
from ptycho_compare.untrusted.onnx.sized import RULES, Sized, of_tensor
from ptycho_compare.untrusted.onnx.tensors import quoted
from ptycho_compare.untrusted.onnx.wire import RefusedError

MAX_TENSOR_BYTES = 256 << 20
MAX_TOTAL_BYTES = 8 << 30
"""Of all tensors of one call; a runtime frees most of them as it goes."""
MAX_CONSTANT_BYTES = 512 << 20
"""Of tensors that do not depend on the images: a runtime computes them when it starts, and keeps them."""
MAX_WORK = 10**12
"""Multiplications of one call: minutes of one core."""

RULED_BY = (elementwise_sizes, layer_sizes, moving_sizes)


@dataclass(frozen=True)
class Footprint:
    """What a call of a network makes.

    Attributes
    ----------
    outputs : mapping of str to tuple of int
        Shapes, by name.
    largest, total : int
        Bytes of the largest tensor, and of all.
    work : int
        Multiplications.
    """

    outputs: Mapping[str, tuple[int, ...]]
    largest: int
    total: int
    work: int


def measured(graph: OnnxGraph, fed: Mapping[str, tuple[int, ...]], *, label: str) -> Footprint:
    """Follow shapes through a graph that is fed tensors of these shapes.

    Raises
    ------
    ArchiveError
        An operator is not on the list, does not fit its inputs, or something gets too large.
    """
    try:
        return _measured(graph, fed)
    except RefusedError as error:
        reason = str(error)
    raise ArchiveError(f"{label}: {reason}; refused")


def _measured(graph: OnnxGraph, fed: Mapping[str, tuple[int, ...]]) -> Footprint:
    there = {name: of_tensor(tensor) for name, tensor in graph.weights.items()}
    constant = dict.fromkeys(there, True)
    for given in graph.inputs:
        there[given.name], constant[given.name] = Sized(given.dtype, fed[given.name]), False
    largest = total = kept = work = 0
    for node in graph.nodes:
        inputs = [there[name] if name else None for name in node.inputs]
        made = _made_by(node, inputs)
        fixed = all(constant[name] for name in node.inputs if name)
        for name, each in zip(node.outputs, made, strict=False):
            there[name], constant[name] = each, fixed
            largest, total = max(largest, each.nbytes), total + each.nbytes
            kept += each.nbytes * fixed
        work += work_of(node, inputs, made)
        _require_small(node, largest, total, kept, work)
    return Footprint({end.name: there[end.name].shape for end in graph.outputs}, largest, total, work)


def _made_by(node: OnnxNode, inputs: list[Sized | None]) -> list[Sized]:
    rule = RULES.get(node.operator)
    if rule is None:
        near = get_close_matches(node.operator, RULES, n=1)
        like = f" (known: {near[0]})" if near else ""
        raise RefusedError(
            f"the operator {quoted(node.operator)} is not on the list of those that are run{like}"
        )
    try:
        made = rule(node, inputs)
    except RefusedError as error:
        raise RefusedError(f"{node}: {error}") from None
    except (ValueError, TypeError, LookupError, OverflowError, ArithmeticError, AttributeError) as error:
        # an attribute of another type than it has
        raise RefusedError(f"{node}: does not fit its inputs ({type(error).__name__})") from error
    if len(made) < len([name for name in node.outputs if name]):
        raise RefusedError(f"{node}: gives {len(made)} outputs")
    return made


def _require_small(node: OnnxNode, largest: int, total: int, kept: int, work: int) -> None:
    for what, found, most in _limits(largest, total, kept, work):
        if found > most:
            raise RefusedError(f"{node}: {what} come to {found}; at most {most}")


def _limits(largest: int, total: int, kept: int, work: int) -> Iterator[tuple[str, int, int]]:
    yield "bytes of one tensor", largest, MAX_TENSOR_BYTES
    yield "bytes of all tensors", total, MAX_TOTAL_BYTES
    yield "bytes of constants", kept, MAX_CONSTANT_BYTES
    yield "multiplications", work, MAX_WORK
