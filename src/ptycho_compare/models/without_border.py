"""PtychoPINN's networks without their border: work that the middle of a patch does not need.

Each of their decoders ends in two branches: one yields the central N/2 x N/2 px, the other what lies around.
"""

from __future__ import annotations

from dataclasses import replace

from ptycho_compare.models.graph import Graph, Node

_PIXEL_BY_PIXEL = frozenset(
    {
        "CombineComplexLayer",
        "ReassemblePatchesLayer",
        "PadReconstructionLayer",
        "TrimReconstructionLayer",
    }
)
"""Kinds of nodes behind which a pixel of the border lies where it lay, but for the offsets of a merge."""


def without_border(graph: Graph) -> Graph | None:
    """Leave the branches out that yield borders; None where there is none, or where it may reach the middle.

    Inside the central N/2 x N/2 px both networks compute the same, as long as patches are not merged with
    offsets.
    """
    masks = {
        node.name
        for node in graph.nodes
        if node.kind == "CenterMaskLayer" and node.settings["kind"] == "border"
    }
    borders = {
        node.name for node in graph.nodes if node.kind == "Multiply" and masks.intersection(node.inputs)
    }
    sums = {
        node.name: next(name for name in node.inputs if name not in borders)
        for node in graph.nodes
        if node.kind == "Add" and len(node.inputs) == 2 and len(borders.intersection(node.inputs)) == 1
    }
    if not sums or not _reach_the_ends_pixel_by_pixel(graph, {*masks, *borders}, set(sums)):
        return None
    kept = [
        replace(node, inputs=tuple(sums.get(name, name) for name in node.inputs))
        for node in graph.nodes
        if node.name not in sums
    ]
    return Graph(_needed(kept, {*graph.inputs, *graph.outputs}), graph.inputs, graph.outputs)


def room_px(side: int, used: slice) -> int:
    """How far what is used of a patch of N px lies inside its central N/2, px; below 0 where it does not."""
    first, stop, _ = used.indices(side)
    return min(first - side // 4, side - side // 4 - stop)


def _reach_the_ends_pixel_by_pixel(graph: Graph, borders: set[str], sums: set[str]) -> bool:
    """Whether borders go into sums only, and sums, merged or not, into nothing that mixes their pixels."""
    behind = set(sums)
    for node in graph.nodes:
        if borders.intersection(node.inputs) and node.name not in borders | sums:
            return False
        if behind.intersection(node.inputs):
            if node.kind not in _PIXEL_BY_PIXEL:
                return False
            behind.add(node.name)
    return True


def _needed(nodes: list[Node], ends: set[str]) -> tuple[Node, ...]:
    """Those that an end is computed from, in their order."""
    needed = set(ends)
    for node in reversed(nodes):
        if node.name in needed:
            needed.update(node.inputs)
    return tuple(node for node in nodes if node.name in needed)
