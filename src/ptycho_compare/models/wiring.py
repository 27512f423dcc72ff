"""How a Keras configuration says which layer feeds which: two dialects, one answer.

Keras 3 writes ``{"args": [{"class_name": "__keras_tensor__", ...}], "kwargs": {}}``,
Keras 2 ``[["conv2d", 0, 0, {}], ...]``. A layer that is used more than once is not read:
no network of this family has one.
"""

from __future__ import annotations

from typing import Any


def endpoints(entry: Any) -> tuple[str, ...]:
    """Return the layer names of ``input_layers`` or ``output_layers``.

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
    """Return the names of the inputs of a layer, and its arguments that are no tensors.

    Raises
    ------
    ValueError, TypeError, KeyError
        Another wiring than these two.
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
