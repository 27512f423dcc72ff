"""Canvases computed again in part: pieces of each network's, and ready-made ones laid again.

A piece is a small window of a canvas at a random place and all the groups that reach it. It is
checked in the final artifact itself, so neither a table nor a log has to be believed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import AdoptionError
from ptycho_compare.models.bundle import ModelFile
from ptycho_compare.models.own.own_network import kept_part, load_own
from ptycho_compare.models.predictor import Predictor, load_predictor
from ptycho_compare.phases.comparison.arm import Arm, Setting, laid, ready_made_arm
from ptycho_compare.phases.comparison.inputs import ArmInput
from ptycho_compare.reconstruction.canvas import Grid, read_window
from ptycho_compare.reconstruction.kept_patches import KeptPatches
from ptycho_compare.reconstruction.ready_made import ReadyMade
from ptycho_compare.reconstruction.stream import empty_stream, reconstruct
from ptycho_compare.scoring.placement import ArmImage

WINDOW_PX = 8
VALUE_TOLERANCE = 1e-3
"""Of the root mean square: other processors and libraries round convolutions to about 1e-5."""


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


def check_network(
    arm: str,
    content: ModelFile,
    stored: ArmImage,
    patches: KeptPatches | None,
    setting: Setting,
    *,
    pieces: int,
    batch_rows: int,
    generator: np.random.Generator,
) -> Iterator[Piece]:
    """Compute randomly chosen pieces of a network arm's canvas again, and all patches kept of it.

    Raises AdoptionError when one differs from what is stored.
    """
    if content.kind == "onnx":
        k = setting.plan.normalization
        predictor = load_own(content, batch_rows=batch_rows, normalization=k)
    else:
        request, used = setting.request, read_window(content.patch_px, setting.request.crop_px)
        predictor = load_predictor(content, batch_rows=batch_rows, engine=request.engine, used=used)
    units = setting.plan.units(setting.scan.positions, group_size=predictor.group_size)
    places = generator.permutation(_inside(units.centres, setting))[:pieces]
    for row, column in places:
        place = int(row), int(column)
        yield _require_equal(_piece(arm, place, content, predictor, stored, setting))
    if patches is not None:
        _require_same_patches(arm, patches, _patches(content, predictor, setting), setting)


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


def _patches(content: ModelFile, predictor: Predictor, setting: Setting) -> KeptPatches:
    """Predict the rows again whose patches are kept, and no others."""
    scan, plan, crop_px = setting.scan, setting.plan, setting.request.crop_px
    units = plan.units(scan.positions, group_size=predictor.group_size)
    part = replace(plan, groups=units.images[setting.kept_rows(predictor.group_size)])
    rows = range(len(part.groups))
    state = empty_stream(part, scan.positions, group_size=predictor.group_size, crop_px=crop_px)
    reconstruct(part, scan.diffraction, scan.positions, predictor, state, keep=rows)
    found = KeptPatches.of(state.kept, rows)
    return replace(found, values=kept_part(content, found.values))


def _require_same_patches(arm: str, stored: KeptPatches, again: KeptPatches, setting: Setting) -> None:
    images = setting.plan.groups[setting.sampled_groups, 0]
    size = float(np.sqrt(np.mean(np.abs(again.values) ** 2))) or 1.0
    deviations = np.abs(again.values - stored.values).max(axis=(1, 2)) / size
    for image, deviation, here, there in zip(images, deviations, again.centres, stored.centres, strict=True):
        if not np.array_equal(here, there):
            raise AdoptionError(f"{arm}: the patch of image {image} lies elsewhere than is stored")
        if not deviation <= VALUE_TOLERANCE:  # a NaN is not equal either
            raise AdoptionError(
                f"{arm}: predicted again, the patch of image {image} differs by {deviation:.2g} of its size "
                f"(limit {VALUE_TOLERANCE:g})"
            )


def _require_equal(piece: Piece) -> Piece:
    if not piece.deviation <= VALUE_TOLERANCE:  # a NaN is not equal either
        raise AdoptionError(
            f"{piece.arm}: computed again, the window at row {piece.row}, column {piece.column} differs by "
            f"{piece.deviation:.2g} of its size (limit {VALUE_TOLERANCE:g}); it is another model's or "
            "another scan's"
        )
    return piece
