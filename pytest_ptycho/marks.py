"""Marks: each by its short name, and once more with a prefix, for a suite that has marks of such names."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

PREFIX = "ptycho_"
MEANINGS = {
    "acceptance": "judges a study hub",
    "debug": "comparisons of the tier 'debug' (minutes)",
    "full": "comparisons of the tier 'full' (the whole split, counted)",
    "phase_c": "phase C, simulated or measured data",
    "phase_d": "phase D, overlap views",
    "phase_e": "phase E, trained networks",
    "phase_f": "phase F, iterative reconstructions",
    "phase_g": "phase G, comparison",
}
JUDGES_A_HUB = f"{PREFIX}acceptance"
"""Of a test whose outcome is kept in the hub; a foreign suite may mean something else by the short name."""


def marks(*names: str) -> list[pytest.MarkDecorator]:
    """Return the marks of these names, short and with the prefix."""
    return [getattr(pytest.mark, f"{prefix}{name}") for name in names for prefix in ("", PREFIX)]


def registered(name: str, meaning: str) -> Iterator[str]:
    """Yield the lines that tell pytest of a mark in both spellings."""
    yield f"{name}: {meaning}"
    yield f"{PREFIX}{name}: the same, where a suite has a mark {name} of its own"
