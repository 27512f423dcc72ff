"""Modules that are loaded when somebody uses them, and not when somebody imports them.

pty-chi imports scikit-learn for one way to choose batches, and pyplot for a chart of times. torch loads its
compiler, and with it sympy, when an optimizer is made: to be told that there is nothing to compile. None of
it has a part in what we run, and together it is 4 of the 9 seconds of a processor that a small
reconstruction takes. What is asked for after all is there, and true.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

UNUSED = ("matplotlib", "matplotlib.pyplot", "sklearn", "sklearn.cluster")
"""By pty-chi, as we set it; each after its package."""
COMPILER = "torch._dynamo"


class LazyModule(ModuleType):
    """Has what it was given; for whatever else it is asked it loads the module whose name it has."""

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


@contextmanager
def loading_lazily(*names: str) -> Iterator[None]:
    """Have imports in this block load none of these, unless their packages are loaded already.

    Whoever imports them afterwards gets the true ones.
    """
    stand_ins = {name: LazyModule(name) for name in names if name.partition(".")[0] not in sys.modules}
    for name, each in stand_ins.items():
        package, _, part = name.rpartition(".")
        if package:
            setattr(stand_ins[package], part, each)
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name, each in stand_ins.items():
            if sys.modules.get(name) is each:
                del sys.modules[name]


def load_compiler_lazily() -> None:
    """Spare this process torch's compiler, unless something is to be compiled.

    Functions that are to be left alone by it are as they are where it is not there.
    """
    if COMPILER in sys.modules:
        return
    stand_in = LazyModule(COMPILER)
    vars(stand_in).update(disable=_left_alone, graph_break=lambda *_, **__: None)
    sys.modules[COMPILER] = stand_in


def _left_alone(function: Callable[..., Any] | None = None, *_: object, **__: object) -> Any:
    return _left_alone if function is None else function
