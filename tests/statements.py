"""The statements of a source, also those within others: imports, classes and functions are among them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

_BETWEEN = (ast.ExceptHandler, ast.match_case)
"""No statements, but they hold some. Expressions hold none: leaving them out spares most of the work."""


def statements_in(node: ast.AST) -> Iterator[ast.stmt]:
    """Yield them in the order of the source."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            yield child
        if isinstance(child, (ast.stmt, *_BETWEEN)):
            yield from statements_in(child)
