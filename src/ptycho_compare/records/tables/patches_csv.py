"""``patch_scores.csv``: patches of networks, each scored by itself before it is stitched."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ptycho_compare.errors import InputError
from ptycho_compare.records.tables.csv_cells import Number, number, read_table, write_table

GAUGES = ("own", "stitched")
"""The patch's own, and that of the image that patches were stitched to."""
PATCH_SCORES = ("mae_amplitude", "mae_phase", "ssim_amplitude", "ssim_phase")
"""Scores that depend on the gauge."""
PATCH_NUMBERS = (
    "fienup",
    *(f"{gauge}_{score}" for gauge in GAUGES for score in PATCH_SCORES),
    "gain",
    "phase",
)
PATCH_COLUMNS = ("arm", "group", "image", "x", "y", "pixels", *PATCH_NUMBERS, "metric_version", "note")


@dataclass(frozen=True)
class PatchRow:
    """One patch.

    Attributes
    ----------
    group : int
        Of the plan, from 0.
    image : int
        The image that the patch is of, or, of a network that makes one patch of a group, its first.
    x, y : float
        Where the patch's middle lies, px.
    pixels : int
        On how many of its pixels it is scored.
    numbers : dict of str to float or None
        By column.
    note : str
        Why there is no number.
    """

    arm: str
    group: int
    image: int
    x: float
    y: float
    pixels: int
    numbers: Mapping[str, float | None]
    metric_version: str
    note: str = ""


def write_patches_csv(path: Path, rows: Iterable[PatchRow]) -> None:
    """Write a line per patch."""
    write_table(
        path,
        PATCH_COLUMNS,
        (
            (
                *(each.arm, each.group, each.image, each.x, each.y, each.pixels),
                *(each.numbers.get(name) for name in PATCH_NUMBERS),
                *(each.metric_version, each.note),
            )
            for each in rows
        ),
    )


def read_patches_csv(path: Path) -> list[PatchRow]:
    """Read them back; InputError names the line that is no such row."""
    return [_row(cells, place) for cells, place in read_table(path, needed=PATCH_COLUMNS)]


def _row(cells: Mapping[str, str], place: str) -> PatchRow:
    group, image, pixels = (_there(int, cells, name, place) for name in ("group", "image", "pixels"))
    x, y = (_there(float, cells, name, place) for name in ("x", "y"))
    numbers = {name: number(float, cells, name, place) for name in PATCH_NUMBERS}
    return PatchRow(cells["arm"], group, image, x, y, pixels, numbers, cells["metric_version"], cells["note"])


def _there(kind: Callable[[str], Number], cells: Mapping[str, str], column: str, place: str) -> Number:
    found = number(kind, cells, column, place)
    if found is None:
        raise InputError(f"{place}: {column} is empty")
    return found
