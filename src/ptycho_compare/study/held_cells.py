"""Cells that lie in a hub: folders whose names say which levels of a study's factors they are of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ptycho_compare.hub import Cell, Hub, Level, in_cell
from ptycho_compare.study.factors import cell_in_hub, cells_of, first_mistake
from ptycho_compare.study.making import Reconstruction, Training

_WHOLE = re.compile(r"-?[0-9]{1,18}")
_NUMBER = re.compile(r"-?[0-9]{1,18}\.[0-9]{1,18}")
_FOLDERS = {
    "pinn": "data/phase_e/dose_*/*/gs2-*",
    "baseline": "data/phase_e/dose_*/baseline/gs1-*",
    "ptychi": "data/phase_f/dose_*/*/*-*",
    "levels": "analysis/dose_*/*/*-*",
}
"""By the part of a cell that stands in their names, as `CellOfHub` calls it."""
_SECTIONS = {"training": Training(), "reconstruction": Reconstruction()}


@dataclass(frozen=True)
class HeldCells:
    """What the names of a hub's folders tell of factors.

    Attributes
    ----------
    factors : dict of str to list
        Levels by factor; none where they make no study.
    why : str
        What is wrong with all of them together; empty where nothing is.
    missing : tuple of str
        Networks and reconstructions of cells that lie under no dose and view, though those of others do.
    unknown : tuple of Path
        Folders that are of no cell, though their names go on where that of a cell stands.
    """

    factors: dict[str, list[Level]]
    why: str
    missing: tuple[str, ...]
    unknown: tuple[Path, ...]

    def cells(self) -> list[Cell]:
        """Every combination of levels; one, empty, where there are no factors."""
        return cells_of(self.factors)


def held_cells(hub: Hub) -> HeldCells:
    """Look which cells lie in a hub; no file is opened."""
    found: dict[str, dict[Cell, str]] = {}
    unknown: list[Path] = []
    for part, pattern in _FOLDERS.items():
        for folder in sorted(path for path in hub.root.glob(pattern) if path.is_dir()):
            name, _, text = folder.name.partition("-")
            cell = _cell(text)
            if cell:
                found.setdefault(part, {})[cell] = name
            else:
                unknown.append(folder)
    levels: dict[str, set[Level]] = {}
    for factor, level in (each for cells in found.values() for cell in cells for each in cell):
        levels.setdefault(factor, set()).add(level)
    factors = {name: sorted(levels[name], key=lambda each: (isinstance(each, str), each)) for name in levels}
    why = first_mistake(factors, _SECTIONS)
    if why:
        return HeldCells({}, why, (), tuple(unknown))
    return HeldCells(dict(sorted(factors.items())), "", tuple(_missing(factors, found)), tuple(unknown))


def _cell(text: str) -> Cell:
    """Read a cell from the end of a folder's name; an empty one where it is none."""
    cell = tuple(map(_factor_and_level, text.split("-")))
    known = tuple(each for each in cell if each is not None)
    names = [name for name, _ in known]
    whole = len(known) == len(cell) and names == sorted(set(names))
    return known if whole else ()


def _factor_and_level(text: str) -> tuple[str, Level] | None:
    """Part ``training_images_512``: a name and a level that a study takes may both hold underscores."""
    for found in re.finditer("_", text):
        factor, written = text[: found.start()], text[found.end() :]
        level = _level(written)
        if written and not first_mistake({factor: [level]}, _SECTIONS):
            return factor, level
    return None


def _level(text: str) -> Level:
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else text


def _missing(factors: Mapping[str, list[Level]], found: Mapping[str, Mapping[Cell, str]]) -> Iterator[str]:
    for part in ("pinn", "baseline", "ptychi"):
        if held := found.get(part):
            name = next(iter(held.values()))
            asked = dict.fromkeys(getattr(cell_in_hub(cell), part) for cell in cells_of(factors))
            yield from (in_cell(name, cell) for cell in asked if cell not in held)
