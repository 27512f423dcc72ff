"""A cell: one combination of the levels of a study's own factors, beside dose, view and split."""

from __future__ import annotations

from decimal import Decimal

Level = int | float | str
Cell = tuple[tuple[str, Level], ...]
"""Names of factors, sorted, and a level of each; empty in a study without factors."""

_SEED = "seed"


def is_trial(factor: str) -> bool:
    """Say if the levels of a factor are trials: seeds, over which scores are averaged.

    That is ``seed``, and every key of the study that ends so, such as ``reconstruction.seed``.
    """
    return factor.rpartition(".")[2] == _SEED


def level_text(level: Level) -> str:
    """A level as part of ids and paths, e.g. ``512`` or ``0.0005``; a number has no exponent."""
    return format(Decimal(repr(level)), "f") if isinstance(level, float) else str(level)


def cell_text(cell: Cell) -> str:
    """A cell as part of ids and paths, e.g. ``seed_1-training_images_512``; empty without factors."""
    return "-".join(f"{factor}_{level_text(level)}" for factor, level in cell)
