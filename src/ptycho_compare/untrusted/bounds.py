"""Bounds on values from outside, held before anything copies, prints or stores them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
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
        for each in todo[-1]:
            seen += 1
            if seen > max_values:
                return f"it stands for more than {max_values} values"
            if isinstance(each, str):  # most of them; a configuration holds tens of thousands of values
                continue
            if isinstance(each, int) and each.bit_length() > MAX_INTEGER_BITS:
                return f"it holds a whole number of more than {MAX_INTEGER_BITS} bits"
            if isinstance(each, _CONTAINERS):
                todo.append(chain.from_iterable(each.items()) if isinstance(each, dict) else iter(each))
                break
        else:
            todo.pop()
        if len(todo) > MAX_DEPTH:
            return f"it is nested more than {MAX_DEPTH} deep"
    return ""


def shown(text: object, *, at_most: int = MAX_SHOWN) -> str:
    """Return a foreign name for a message: one line of bounded length."""
    line = " ".join(str(text).split())
    return line if len(line) <= at_most else f"{line[:at_most]}..."


_CONTAINERS = (dict, list, tuple, set, frozenset)
