"""Import every module of the project: an API that a library has not yet, or no more, shows at once."""

from __future__ import annotations

import importlib
import pkgutil

import ptycho_compare
import pytest_ptycho

UNASKED = ("ptycho_compare.phases.reconstruct.child",)
"""Run in a process of its own, beside pty-chi, which is no dependency."""


def names() -> list[str]:
    """Return the names of all modules."""
    return [
        module.name
        for package in (ptycho_compare, pytest_ptycho)
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    ]


if __name__ == "__main__":
    found = [name for name in names() if name not in UNASKED]
    for name in found:
        importlib.import_module(name)
    print(f"{len(found)} modules imported")
