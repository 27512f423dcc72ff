"""Results made elsewhere, computed again in part: pieces of each canvas, and all scores from the canvases.

A piece is a small window of a canvas at a random place and all the groups that reach it. It is
checked in the final artifact itself, so neither a table nor a log has to be believed.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import AdoptionError, ArchiveError
from ptycho_compare.models.bundle import ModelFile
from ptycho_compare.models.own import kept_part, load_own
from ptycho_compare.models.predictor import Predictor, load_predictor
from ptycho_compare.phases.comparison.arm import Arm, Setting, laid, ready_made_arm
from ptycho_compare.phases.comparison.inputs import ArmInput
from ptycho_compare.reconstruction import Grid, ReadyMade, empty_stream, reconstruct
from ptycho_compare.scan import Plan
from ptycho_compare.scoring import ArmImage
from ptycho_compare.untrusted.npz import open_npz
from ptycho_compare.untrusted.regular import read_text

WINDOW_PX = 8
VALUE_TOLERANCE = 1e-3
"""Of the root mean square: other processors and libraries round convolutions to about 1e-5."""
_CELL_TOLERANCE = 1e-5
_LAST_DIGIT = 2e-6


@dataclass(frozen=True)
class Piece:
    """A window of an arm's canvas that was computed again.

    Attributes
    ----------
    row, column : int
        Its first pixel on the object's grid; it has `WINDOW_PX` on each side.
    patches : int
        How many were predicted for it.
    deviation : float
        Largest difference from the stored values, as a fraction of their root mean square.
    """

    arm: str
    row: int
    column: int
    patches: int
    deviation: float


def stored_image(reconstructions: Path, arm: str, grid: Grid) -> ArmImage:
    """Read an arm's canvas and coverage from ``reconstructions.npz``.

    Raises AdoptionError when the file is damaged, lacks the arm, or its grid is another.
    """
    key = arm.lower()
    needed = {f"{key}_complex": ("c", 2), f"{key}_weight": ("biuf", 2), "origin": ("iu", 1)}
    values, weight, corner = _stored(reconstructions, needed)
    origin = tuple(corner.tolist())
    if values.shape != grid.shape or weight.shape != grid.shape or origin != grid.origin:
        raise AdoptionError(
            f"{reconstructions}: {arm} is {values.shape} at {origin}; this comparison's grid is "
            f"{grid.shape} at {grid.origin}"
        )
    return ArmImage(values.astype(np.complex64), weight.astype(np.float64), movable=False)


def stored_mask(reconstructions: Path) -> NDArray[np.bool_]:
    """Read which pixels were scored; raises AdoptionError."""
    (mask,) = _stored(reconstructions, {"mask": ("b", 2)})
    return mask


def stored_plan_differs(path: Path, plan: Plan) -> str:
    """Say in what a stored plan differs from the one drawn here; empty when in nothing.

    Raises AdoptionError when the file is damaged, or holds no plan.
    """
    groups, stored_factor = _stored(path, {"groups": ("iu", 2), "normalization": ("f", 0)})
    normalization = float(stored_factor)
    if groups.shape != plan.groups.shape:
        return (
            f"{len(groups)} groups of {groups.shape[-1]}, here {len(plan.groups)} of {plan.groups.shape[1]}"
        )
    other = int(np.count_nonzero((groups != plan.groups).any(axis=1)))
    if other:
        return f"{other} of {len(groups)} groups are others than those drawn here"
    if not math.isclose(normalization, plan.normalization, rel_tol=1e-6):
        return f"normalisation {normalization:.6g}, here {plan.normalization:.6g}"
    return ""


def check_network(
    arm: str,
    content: ModelFile,
    stored: ArmImage,
    setting: Setting,
    *,
    pieces: int,
    batch_rows: int,
    generator: np.random.Generator,
) -> Iterator[Piece]:
    """Compute randomly chosen pieces of a network arm's canvas again.

    Raises AdoptionError when one differs from what is stored.
    """
    if content.kind == "onnx":
        k = setting.plan.normalization
        predictor = load_own(content, batch_rows=batch_rows, normalization=k)
    else:
        predictor = load_predictor(content, batch_rows=batch_rows, engine=setting.request.engine)
    units = setting.plan.units(setting.scan.positions, group_size=predictor.group_size)
    places = generator.permutation(_inside(units.centres, setting))[:pieces]
    for row, column in places:
        place = int(row), int(column)
        yield _require_equal(_piece(arm, place, content, predictor, stored, setting))


def check_ready_made(arm: str, content: ReadyMade, stored: ArmImage, setting: Setting) -> None:
    """Lay a ready-made reconstruction again; AdoptionError when the stored canvas is not that file's."""
    again = laid(content, setting)
    same = np.array_equal(again.weight > 0, stored.weight > 0)
    if not (same and np.allclose(again.values, stored.values, atol=1e-6)):
        raise AdoptionError(f"{arm}: the stored canvas is not what {content.path} holds")


def rescored_arm(arm: ArmInput, stored: ArmImage, setting: Setting) -> Arm:
    """Make an arm whose image is the stored one, to be scored here."""
    if isinstance(arm.content, ReadyMade):
        content = arm.content
        lying = ready_made_arm(content, arm.halves, setting)
        image = replace(laid(content, setting), values=stored.values, weight=stored.weight)
        return replace(lying, image=image, seconds=None)
    return Arm(None, replace(stored, of_patches=isinstance(arm.content, ModelFile)))


def table_difference(theirs: Path, ours: Path, *, leave_out: Sequence[str]) -> str:
    """Name the first cell in which two tables differ; empty when in none.

    Rows of which a cell begins with one of `leave_out` are not compared.
    """
    try:
        tables = [list(csv.reader(read_text(path).splitlines())) for path in (theirs, ours)]
    except (OSError, ValueError, csv.Error) as error:
        return str(error)
    for row in tables[0]:
        for column, cell in zip(tables[0][0], row, strict=False):
            if math.isnan(_number(cell) or 0.0):  # also where nothing is compared
                return f"{theirs.name}: {_name(row)} {column} is {cell}"
    kept = [
        [row for row in table if not any(cell.startswith(tuple(leave_out)) for cell in row)]
        for table in tables
    ]
    if len(kept[0]) != len(kept[1]):
        return (
            f"{theirs.name} has {len(kept[0])} rows to compare, and from its canvases {len(kept[1])} follow"
        )
    header = tables[1][0]
    for row, other in zip(*kept, strict=True):
        if len(row) != len(other):
            what = f"{_name(row)} has {len(row)} cells"
            return f"{theirs.name}: {what}; from the canvases {len(other)} follow"
        for column, cell, expected in zip(header, row, other, strict=True):
            if not _same_cell(cell, expected):
                what = f"{_name(row)} {column} is {cell or 'empty'}"
                return f"{theirs.name}: {what}; the canvases give {expected or 'nothing'}"
    return ""


def _inside(centres: NDArray[np.float64], setting: Setting) -> NDArray[np.int64]:
    """First pixels of windows around the patches' centres that lie inside the grid."""
    origin, shape = np.array(setting.grid.origin), np.array(setting.grid.shape)
    corners = np.rint(centres[:, ::-1]).astype(np.int64) - WINDOW_PX // 2
    fits = ((corners >= origin) & (corners + WINDOW_PX <= origin + shape)).all(axis=1)
    inside: NDArray[np.int64] = corners[fits]
    return inside


def _piece(
    arm: str,
    place: tuple[int, int],
    content: ModelFile,
    predictor: Predictor,
    stored: ArmImage,
    setting: Setting,
) -> Piece:
    scan, plan, crop_px = setting.scan, setting.plan, setting.request.crop_px
    units = plan.units(scan.positions, group_size=predictor.group_size)
    middle = np.array(place) + (WINDOW_PX - 1) / 2
    reach = crop_px / 2 + WINDOW_PX / 2 + 1
    # a group lies here where any of its patches does
    places = units.centres[:, None]
    if predictor.separate:
        places = units.places(slice(None)).reshape(*units.images.shape, 2)
    near = np.any((np.abs(places[..., ::-1] - middle) <= reach).all(axis=-1), axis=1)
    part = replace(plan, groups=units.images[near])
    state = empty_stream(part, scan.positions, group_size=predictor.group_size, crop_px=crop_px)
    reconstruct(part, scan.diffraction, scan.positions, predictor, state)
    values, weight = state.canvas.on_grid(Grid(place, (WINDOW_PX, WINDOW_PX)))
    values = kept_part(content, values)
    row, column = (first - start for first, start in zip(place, setting.grid.origin, strict=True))
    window = np.s_[row : row + WINDOW_PX, column : column + WINDOW_PX]
    if not np.array_equal(weight, stored.weight[window]):
        raise AdoptionError(
            f"{arm}: in the window at row {place[0]}, column {place[1]} other patches lie than were stored"
        )
    size = float(np.sqrt(np.mean(np.abs(values) ** 2))) or 1.0
    deviation = float(np.abs(values - stored.values[window]).max() / size)
    return Piece(arm, *place, int(near.sum()), deviation)


def _require_equal(piece: Piece) -> Piece:
    if not piece.deviation <= VALUE_TOLERANCE:  # a NaN is not equal either
        raise AdoptionError(
            f"{piece.arm}: computed again, the window at row {piece.row}, column {piece.column} differs by "
            f"{piece.deviation:.2g} of its size (limit {VALUE_TOLERANCE:g}); it is another model's or "
            "another scan's"
        )
    return piece


def _stored(path: Path, needed: Mapping[str, tuple[str, int]]) -> list[NDArray[Any]]:
    """Read arrays of the given kinds, as NumPy calls them, and dimensions.

    Raises AdoptionError when the file is damaged, or something else stands in it.
    """
    try:
        with open_npz(path) as archive:
            found = [archive.array(key) for key in needed]
    except ArchiveError as error:
        raise AdoptionError(str(error)) from None
    for (key, (kinds, dimensions)), values in zip(needed.items(), found, strict=True):
        if values.dtype.kind not in kinds or values.ndim != dimensions:
            raise AdoptionError(f"{path}: '{key}' of {values.dtype} {values.shape} is not what belongs there")
    return found


def _name(row: Sequence[str]) -> str:
    """Name a row by the cells before its numbers."""
    return " ".join(takewhile(lambda cell: cell and _number(cell) is None, row[:4]))


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _same_cell(cell: str, expected: str) -> bool:
    found, here = _number(cell), _number(expected)
    if found is None or here is None:
        return cell == expected
    return math.isclose(found, here, rel_tol=_CELL_TOLERANCE, abs_tol=_LAST_DIGIT)
