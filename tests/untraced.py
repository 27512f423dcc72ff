"""Libraries at work that coverage does not look at.

Before Python 3.12 coverage is told of every line and call of every library, and only then sees that it is
not ours: plain Python takes twice as long. What is left out here runs none of our lines.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from importlib.machinery import SourceFileLoader
from types import ModuleType
from typing import ParamSpec, TypeVar

from _pytest.assertion.rewrite import AssertionRewriter

_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")
_LIBRARIES = (f"{sys.base_prefix}/lib/", f"{sys.prefix}/lib/")


def untraced(function: Callable[_Given, _Result]) -> Callable[_Given, _Result]:
    """Have no one watch this function, nor what it calls."""

    @functools.wraps(function)
    def unwatched(*arguments: _Given.args, **named: _Given.kwargs) -> _Result:
        tracer = sys.gettrace()
        if tracer is None:
            return function(*arguments, **named)
        sys.settrace(None)
        try:
            return function(*arguments, **named)
        finally:
            sys.settrace(tracer)
            _call()

    return unwatched


def _call() -> None:
    """Let the tracer see a call: at the first one it takes up its place in the interpreter again."""


def install() -> None:
    """Watch neither the import of a library nor the rewriting of assertions in this process from here on."""
    load = SourceFileLoader.exec_module
    load_untraced = untraced(load)

    def exec_module(loader: SourceFileLoader, module: ModuleType) -> None:
        (load_untraced if loader.path.startswith(_LIBRARIES) else load)(loader, module)

    SourceFileLoader.exec_module = exec_module  # type: ignore[method-assign]
    AssertionRewriter.run = untraced(AssertionRewriter.run)  # type: ignore[method-assign]
