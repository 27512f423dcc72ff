"""A network as a list of typed nodes with known shapes, read from its configuration.

A node holds a kind from a short list, checked settings, the names of its inputs, the shape it
yields and the weights it needs, so the size of a network is known before anything is allocated.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ptycho_compare.errors import BundleError
from ptycho_compare.models.node_rules import STOCK_RULES
from ptycho_compare.models.node_settings import SettingError, Shape, Yield
from ptycho_compare.models.ptycho_rules import PTYCHO_RULES

_RULES = {**STOCK_RULES, **PTYCHO_RULES}

MAX_NODES = 2000
MAX_ELEMENTS = 1 << 26  # of one map of one row: 256 MiB as float32
MAX_WEIGHT_BYTES = 2 << 30


@dataclass(frozen=True)
class Node:
    """One layer or operation.

    Attributes
    ----------
    name, kind : str
        Name in the file; class name, one of `STOCK_RULES` or `PTYCHO_RULES`.
    settings : mapping
        Checked constructor arguments.
    inputs : tuple of str
        Names of the nodes it takes, in order.
    shape : (int, int, int)
        Rows, columns, channels of what it yields; the batch axis is left out.
    weights : tuple of shapes
        float32 arrays it needs, in Keras' order.
    """

    name: str
    kind: str
    settings: Mapping[str, Any]
    inputs: tuple[str, ...]
    shape: Shape
    weights: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Graph:
    """Nodes in an order in which they can be evaluated, and the names of both ends."""

    nodes: tuple[Node, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def shape(self, name: str) -> Shape:
        """Shape that the node of that name yields."""
        return next(node.shape for node in self.nodes if node.name == name)


def read_graph(config: Any, *, label: str) -> Graph:
    """Read a Functional model's configuration whose object names have been checked.

    Raises
    ------
    BundleError
        An unknown setting, a wiring this program does not read, or a network too large.
    """
    try:
        inner = config["config"]
        layers = inner["layers"]
        if config["class_name"] not in ("Functional", "Model") or not isinstance(layers, list):
            raise TypeError("no functional model")
        ends = endpoints(inner["input_layers"]), endpoints(inner["output_layers"])
    except (KeyError, TypeError, ValueError) as error:
        raise BundleError(f"{label}: not the configuration of a functional Keras model ({error})") from None
    if len(layers) > MAX_NODES:
        raise BundleError(f"{label}: {len(layers)} layers; at most {MAX_NODES} are accepted")
    shapes: dict[str, Shape] = {}
    nodes = []
    for layer in layers:
        node = _read_node(layer, shapes, label=label)
        shapes[node.name] = node.shape
        nodes.append(node)
    for name in (*ends[0], *ends[1]):
        if name not in shapes:
            raise BundleError(f"{label}: input or output '{name}' is not among the layers")
    _check_total(nodes, label=label)
    return Graph(tuple(nodes), *ends)


def _read_node(layer: Any, shapes: Mapping[str, Shape], *, label: str) -> Node:
    try:
        kind, settings = layer["class_name"], layer["config"]
        name = layer.get("name") or settings["name"]
        if not isinstance(name, str) or name in shapes:
            raise ValueError(f"layer name {name!r} is no text or not unique")
        inputs, extra = read_inputs(layer.get("inbound_nodes", []))
        missing = [source for source in inputs if source not in shapes]
        if missing:
            raise ValueError(f"layer '{name}' takes '{missing[0]}', which does not come before it")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BundleError(f"{label}: the layer list cannot be read: {error}") from None
    try:
        result: Yield = _RULES[kind](settings, [shapes[source] for source in inputs], extra)
        if math.prod(result.shape) > MAX_ELEMENTS or min(result.shape) < 1:
            raise SettingError(
                f"it would yield a map of {result.shape}; 1 to {MAX_ELEMENTS} elements are read"
            )
    except SettingError as error:
        raise BundleError(f"{label}: layer '{name}' ({kind}): {error}") from None
    except KeyError:
        raise BundleError(f"{label}: '{name}' is a {kind}, which is no layer of such a network") from None
    return Node(name, kind, result.settings, inputs, result.shape, result.weights)


def _check_total(nodes: list[Node], *, label: str) -> None:
    total = 4 * sum(math.prod(shape) for node in nodes for shape in node.weights)
    if total > MAX_WEIGHT_BYTES:
        raise BundleError(
            f"{label}: its layers need {total} bytes of weights; at most {MAX_WEIGHT_BYTES} are read"
        )


def endpoints(entry: Any) -> tuple[str, ...]:
    """Layer names of ``input_layers`` or ``output_layers``.

    >>> endpoints([["input", 0, 0], ["input_positions", 0, 0]])
    ('input', 'input_positions')
    >>> endpoints(["input", 0, 0])
    ('input',)
    """
    if isinstance(entry, list) and entry and isinstance(entry[0], str):
        entry = [entry]
    if not isinstance(entry, list):
        raise TypeError("its inputs or outputs are no list")
    return tuple(_source(*item) for item in entry)


def read_inputs(inbound: Any) -> tuple[tuple[str, ...], list[Any]]:
    """Names of a layer's inputs, and its arguments that are no tensors, as Keras 2 or Keras 3 writes them.

    Raises
    ------
    ValueError, TypeError, KeyError
        Written in another way.
    """
    if not isinstance(inbound, list):
        raise TypeError("inbound_nodes is no list")
    if not inbound:
        return (), []
    if len(inbound) > 1:
        raise ValueError("a layer is used more than once")
    if isinstance(inbound[0], dict):
        return _keras3(inbound[0])
    names = []
    for source, node, tensor, settings in inbound[0]:
        if settings:
            raise ValueError("a layer is called with extra arguments")
        names.append(_source(source, node, tensor))
    return tuple(names), []


def _keras3(call: dict[str, Any]) -> tuple[tuple[str, ...], list[Any]]:
    if any(value not in (None, False) for value in call.get("kwargs", {}).values()):
        raise ValueError("a layer is called with extra arguments")
    names: list[str] = []
    extra: list[Any] = []
    for argument in call["args"]:
        items = argument if isinstance(argument, list) else [argument]
        if items and all(_is_tensor(item) for item in items):
            names.extend(_source(*item["config"]["keras_history"]) for item in items)
        else:
            extra.append(argument)
    return tuple(names), extra


def _is_tensor(item: Any) -> bool:
    return isinstance(item, dict) and item.get("class_name") == "__keras_tensor__"


def _source(name: Any, node: Any = 0, tensor: Any = 0) -> str:
    if not isinstance(name, str) or (node, tensor) != (0, 0):
        raise ValueError(f"reference to {name!r}, call {node}, output {tensor}")
    return name
