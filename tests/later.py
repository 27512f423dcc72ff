"""Modules that load a framework, imported where a test first uses them: collecting tests loads none.

Every worker collects every test. TensorFlow takes seconds to load, and a process that holds it takes twice as
long for each fork and thrice as long for each garbage collection.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

LOADED = pytest.StashKey[list[str]]()
"""Of a session's stash: the frameworks that collecting loaded."""


class _Later:
    """Stands for a module; what is read, or patched, is the module's own."""

    def __init__(self, name: str) -> None:
        object.__setattr__(self, "_name", name)

    def __getattr__(self, key: str) -> Any:
        if key.startswith("_"):
            raise AttributeError(key)  # pytest asks everything that it collects for marks of its own
        return getattr(import_module(object.__getattribute__(self, "_name")), key)

    def __setattr__(self, key: str, value: Any) -> None:
        setattr(import_module(object.__getattribute__(self, "_name")), key, value)

    def __delattr__(self, key: str) -> None:
        delattr(import_module(object.__getattribute__(self, "_name")), key)


def later(name: str) -> Any:
    """Return a stand-in for a module, by its full name."""
    return _Later(name)
