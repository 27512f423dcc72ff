"""A cell: one combination of the levels of a study's own factors, and how folders are called in it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

Level = int | float | str
Cell = tuple[tuple[str, Level], ...]
"""Names of factors, sorted, and a level of each; empty in a study without factors."""


def level_text(level: Level) -> str:
    """A level as part of ids and paths, e.g. ``512`` or ``0.0005``; a number has no exponent."""
    return format(Decimal(repr(level)), "f") if isinstance(level, float) else str(level)


def cell_text(cell: Cell) -> str:
    """A cell as part of ids and paths, e.g. ``seed_1-training_images_512``; empty without factors."""
    return "-".join(f"{factor}_{level_text(level)}" for factor, level in cell)


def in_cell(name: str, cell: Cell) -> str:
    """A name in a cell, e.g. ``gs2-seed_1``; without factors the name as it is."""
    return f"{name}-{cell_text(cell)}" if cell else name


@dataclass(frozen=True)
class CellOfHub:
    """The cell that a hub's paths are of, and the part of it that each kind of result depends on.

    Attributes
    ----------
    levels : Cell
        Of all factors: the comparisons depend on all of them.
    pinn, baseline, ptychi : Cell
        Of those that PtychoPINN, the Baseline and the iterative reconstruction depend on.
    """

    levels: Cell = ()
    pinn: Cell = ()
    baseline: Cell = ()
    ptychi: Cell = ()


NO_CELL = CellOfHub()
"""Of a study without factors."""
