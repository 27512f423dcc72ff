"""scipy without its notes on other array libraries, which importing it writes into 346 docstrings.

To parse these and write them anew takes a quarter of what loading scipy takes, in each process that computes.
This module loads little: every process reads it.
"""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

_DECORATES = "scipy._lib._array_api"


class _NoDocstring(dict[str, list[str]]):
    """Stands for a parsed docstring that a note is added to."""

    def __init__(self, _documented: object) -> None:
        super().__init__(Notes=[])

    def __str__(self) -> str:
        return "signature\n"


class _Finder:
    @staticmethod
    def find_spec(name: str, path: list[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target) if name == _DECORATES else None
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def execute_undocumented(module: ModuleType) -> None:
            execute(module)
            module.FunctionDoc = _NoDocstring  # type: ignore[attr-defined]

        spec.loader.exec_module = execute_undocumented  # type: ignore[method-assign]
        return spec


def install() -> None:
    """Have the module that adds the notes read no docstring, when it is imported."""
    sys.meta_path.insert(0, _Finder)  # type: ignore[arg-type]
