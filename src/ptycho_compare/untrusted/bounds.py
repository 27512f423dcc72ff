"""Bounds on values from outside, held before anything copies, prints or stores them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

MAX_VALUES = 200_000
"""How many values one text or pickle may stand for, each counted as often as it is referred to."""
MAX_DEPTH = 100
MAX_INTEGER_BITS = 1024
MAX_SHOWN = 80


def why_unbounded(value: Any, *, max_values: int = MAX_VALUES) -> str:
    """Say why a tree of containers, texts and numbers is refused; empty where it may be used.

    A few bytes can stand for thousands of millions of values (a list that holds another one ten times,
    and so on), for a number that no text can show, or for containers nested deeper than Python goes.
    """
    todo: list[Iterator[Any]] = [iter((value,))]
    seen = 0
    while todo:
        each = next(todo[-1], _END)
        if each is _END:
            todo.pop()
            continue
        seen += 1
        if seen > max_values:
            return f"it stands for more than {max_values} values"
        if isinstance(each, int) and each.bit_length() > MAX_INTEGER_BITS:
            return f"it holds a whole number of more than {MAX_INTEGER_BITS} bits"
        if isinstance(each, dict):
            todo.append(_of_dict(each))
        elif isinstance(each, list | tuple | set | frozenset):
            todo.append(iter(each))
        if len(todo) > MAX_DEPTH:
            return f"it is nested more than {MAX_DEPTH} deep"
    return ""


def shown(text: object, *, at_most: int = MAX_SHOWN) -> str:
    """Return a foreign name for a message: one line of bounded length."""
    line = " ".join(str(text).split())
    return line if len(line) <= at_most else f"{line[:at_most]}..."


def _of_dict(held: dict[Any, Any]) -> Iterator[Any]:
    for key, value in held.items():
        yield key
        yield value


_END = object()
