"""What a file says of a place of a study with factors of its own: the cell beside dose, view and split."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import Field, SerializerFunctionWrapHandler, field_validator, model_serializer

from ptycho_compare.hub import Cell, Level, level_text
from ptycho_compare.records.reading import Record

_PART = re.compile(r"[A-Za-z0-9_.]{1,100}")


class InCell(Record):
    """Base of such a record; a study without factors has no cell, and its files no such key.

    Attributes
    ----------
    cell : dict
        Level of each factor, by its name.
    """

    cell: dict[str, Level] = Field(default={}, max_length=20)

    @field_validator("cell")
    @classmethod
    def _fit_for_a_path(cls, cell: dict[str, Level]) -> dict[str, Level]:
        for part in (*cell, *map(level_text, cell.values())):
            if not _PART.fullmatch(part):
                raise ValueError(f"{part!r:.60} cannot be part of a path; letters, digits, _ and . can")
        return cell

    @model_serializer(mode="wrap")
    def _without_an_empty_cell(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = write(self)
        if not self.cell:
            written.pop("cell", None)
        return written

    @property
    def in_cell(self) -> Cell:
        """The cell as a comparison has it."""
        return tuple(sorted(self.cell.items()))


def cell_entry(cell: Cell) -> dict[str, dict[str, Level]]:
    """The key of a cell in an entry of a list; none without factors."""
    return {"cell": dict(cell)} if cell else {}


def rank_of_cell(entry: Mapping[str, Any]) -> list[tuple[str, bool, Level]]:
    """What an entry of a list is ordered by within its place: levels ascending, factor by factor."""
    cell: Mapping[str, Level] = entry.get("cell", {})
    return [(name, isinstance(level, str), level) for name, level in sorted(cell.items())]
