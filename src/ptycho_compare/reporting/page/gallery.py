"""The images of all arms of one comparison, encoded: amplitude, phase and error, each on one scale."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import InputError
from ptycho_compare.hub import Artifacts
from ptycho_compare.records.reconstructions_npz import TRUTH_KEY
from ptycho_compare.reporting.figures.drawing import Image, Limits, PlotLimits, own_gauge, pixels_png
from ptycho_compare.reporting.page.area import ShownArea, shown_area
from ptycho_compare.reporting.page.words import number_text
from ptycho_compare.untrusted.npz import NpzFile, open_npz

Panel = NDArray[np.float64]

_COLOURS = {"amplitude": "gray", "phase": "viridis", "error": "magma"}
_SIDE = 256  # px
_LIMITS = PlotLimits()
"""Those of the figure of a comparison."""


@dataclass(frozen=True)
class Picture:
    """One arm's image of one quantity.

    Attributes
    ----------
    source : str
        A ``data:`` URI of a PNG; empty where there is no image.
    missing : str
        Why there is none.
    """

    arm: str
    source: str = ""
    missing: str = ""


@dataclass(frozen=True)
class Row:
    """One quantity of all arms.

    Attributes
    ----------
    quantity : str
        ``amplitude``, ``phase`` or ``error``.
    label : str
        With its unit.
    low, high : str
        Values of the first and the last colour, which all pictures share.
    bar : str
        The colours between, as a ``data:`` URI; empty where no arm has an image.
    """

    quantity: str
    label: str
    low: str
    high: str
    bar: str
    pictures: tuple[Picture, ...]


@dataclass(frozen=True)
class Gallery:
    """All images of a comparison.

    Attributes
    ----------
    rows : tuple of Row
        Empty where nothing can be shown; `notes` says why.
    height, width : int
        Of every image on the page, px.
    area : ShownArea or None
        Where they lie; None where there are none.
    notes : tuple of str
        What to know beside them.
    """

    rows: tuple[Row, ...] = ()
    height: int = 0
    width: int = 0
    area: ShownArea | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class _Canvases:
    """Content of an NPZ file, cropped to the scored area, (h, w)."""

    arms: Mapping[str, Image | str]  # the image, or why there is none
    truth: Image | None
    mask: NDArray[np.bool_]
    aligned: bool  # the arms' gauge was removed
    area: ShownArea


def read_gallery(
    names: Artifacts, arms: Mapping[str, str], *, truth_name: str, pixels: int, pixel_m: object = None
) -> Gallery:
    """Read the canvases of a comparison and encode them.

    Parameters
    ----------
    arms : mapping of str to str
        Name to status ("ok", "failed", "unscored"), in the order of the page. Failed arms do not
        set the colours.
    truth_name : str
        What the arms were compared with is called.
    pixels : int
        Most of an image; a larger one, or one of more than 256 px along a side, is averaged down by a
        whole factor.
    pixel_m : float, optional
        Side of a pixel of the object, m.
    """
    files = names.reconstructions_aligned, names.reconstructions
    path = next((path for path in files if path.is_file()), None)
    if path is None:
        return Gallery(notes=(f"missing: neither {files[0].name} nor {files[1].name} is here",))
    try:
        canvases = _read(path, arms, aligned=path == files[0], pixel_m=pixel_m)
    except InputError as error:
        return Gallery(notes=(f"missing: {error}",))
    return _encode(canvases, arms, truth_name=truth_name, pixels=pixels)


def _read(path: Path, arms: Mapping[str, str], *, aligned: bool, pixel_m: object) -> _Canvases:
    with open_npz(path) as held:
        mask = held.array("mask").astype(bool)
        if mask.ndim != 2 or not mask.any():
            raise InputError(f"{path}: 'mask' has shape {mask.shape} and {mask.sum()} scored pixels")
        rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
        box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        images = {arm: _image(held, arm.lower(), mask.shape, box) for arm in arms}
        truth = _image(held, TRUTH_KEY, mask.shape, box)
        area = shown_area(held.array("origin") if "origin" in held else None, box, pixel_m=pixel_m)
    return _Canvases(images, None if isinstance(truth, str) else truth, mask[box], aligned, area)


def _image(held: NpzFile, key: str, shape: Sequence[int], box: tuple[slice, slice]) -> Image | str:
    name = f"{key}_complex"
    if name not in held:
        return "no image"
    found = held.headers[name].shape
    if tuple(found) != tuple(shape):
        return f"no image: its shape is {found}, the mask's {tuple(shape)}"
    return np.asarray(held.array(name)[box], np.complex128)


def _encode(canvases: _Canvases, arms: Mapping[str, str], *, truth_name: str, pixels: int) -> Gallery:
    factor = _factor(canvases.mask.shape, pixels)
    columns: dict[str, Image | str] = dict(canvases.arms)
    truth = canvases.truth if canvases.aligned else None
    if canvases.truth is not None:
        columns[truth_name] = canvases.truth
    panels: dict[str, dict[str, Panel | str]] = {quantity: {} for quantity in _COLOURS}
    for name, image in columns.items():
        gauged = truth is not None and arms.get(name, "ok") == "ok"
        for quantity, panel in _parts(image, truth if gauged else None, canvases.mask).items():
            panels[quantity][name] = panel
    panels["error"].pop(truth_name, None)
    if truth is None:
        del panels["error"]
    alive = [name for name in columns if arms.get(name, "ok") != "failed"]
    scale = "" if truth is not None else ", in units of its own rms"
    labels = {"amplitude": f"Amplitude{scale}", "phase": "Phase, rad"}
    labels["error"] = f"Error: |arm - {truth_name.lower()}|"
    rows = tuple(_row(quantity, labels[quantity], held, alive, factor) for quantity, held in panels.items())
    height, width = (length // factor for length in canvases.mask.shape)
    return Gallery(rows, height, width, canvases.area, tuple(_notes(canvases, factor, truth_name)))


def _factor(shape: tuple[int, ...], pixels: int) -> int:
    """The least whole factor that makes an image small enough; no image vanishes."""
    wanted = max(max(shape) / _SIDE, math.sqrt(math.prod(shape) / pixels))
    return max(1, min(math.ceil(wanted), *shape))


def _notes(canvases: _Canvases, factor: int, truth_name: str) -> list[str]:
    notes = [
        f"Hatched: not scored. {int(canvases.mask.sum()):,} px are scored. Axes: px of the object's grid.",
        f"Colours run from the {_LIMITS.p_min:g}th to the {_LIMITS.p_max:g}th percentile, as in the figure.",
    ]
    if factor > 1:
        notes.append(f"Shown at 1/{factor} of the pixels along a side: means of {factor} x {factor}.")
    if canvases.truth is None:
        notes.append("No truth: no error maps, and each arm has a phase and a scale of its own.")
    elif not canvases.aligned:
        notes.append(
            "Error maps not computed: only the canvases before the gauge was removed are here. "
            "Each image has a phase and a scale of its own."
        )
    else:
        notes.append(f"The mean phase of the {truth_name.lower()} is at 0; the recorded gauge was removed.")
    return notes


def _parts(image: Image | str, truth: Image | None, mask: NDArray[np.bool_]) -> dict[str, Panel | str]:
    """Turn an image into its panels; an arm that is in no common gauge is shown in its own."""
    if isinstance(image, str):
        return dict.fromkeys(_COLOURS, image)
    shown = np.where(mask & np.isfinite(image), image, np.nan)
    reference = shown if truth is None else truth
    if not np.isfinite(shown).any():
        return dict.fromkeys(_COLOURS, "no finite pixel")
    turn, rms = own_gauge(reference, mask)
    with np.errstate(over="ignore", invalid="ignore"):  # a dead arm is shown as dead
        return {
            "amplitude": np.abs(shown) / (rms if truth is None else 1.0),
            "phase": np.angle(shown * turn),
            "error": "not scored" if truth is None else np.abs(shown - truth),
        }


def _shrunk(values: Panel, factor: int, *, wraps: bool) -> Panel:
    """Means of squares of pixels, of phases round the circle; what fills no square is left out."""
    if wraps:
        return np.asarray(np.angle(_means(np.exp(1j * values), factor)))
    return _means(values, factor)


def _means(values: NDArray[Any], factor: int) -> NDArray[Any]:
    height, width = (length // factor for length in values.shape)
    squares = values[: height * factor, : width * factor].reshape(height, factor, width, factor)
    return np.asarray(squares.mean(axis=(1, 3)))


def _row(
    quantity: str, label: str, held: Mapping[str, Panel | str], alive: Sequence[str], factor: int
) -> Row:
    panels = {name: panel for name, panel in held.items() if not isinstance(panel, str)}
    leading = [panel for name, panel in panels.items() if name in alive] or list(panels.values())
    limits = _LIMITS.of(leading)
    small = {name: _shrunk(panel, factor, wraps=quantity == "phase") for name, panel in panels.items()}
    pictures = tuple(
        Picture(name, missing=panel)
        if isinstance(panel, str)
        else Picture(name, _uri(small[name], _COLOURS[quantity], limits))
        for name, panel in held.items()
    )
    bar = _uri(np.linspace(*limits, 128)[np.newaxis], _COLOURS[quantity], limits) if panels else ""
    return Row(quantity, label, number_text(limits[0]), number_text(limits[1]), bar, pictures)


def _uri(values: Panel, colours: str, limits: Limits) -> str:
    encoded = base64.b64encode(pixels_png(values, colours=colours, limits=limits))
    return f"data:image/png;base64,{encoded.decode('ascii')}"
