"""Shared by all figures: limits of colours, masked images, lines of text above a panel, files.

Figures are `matplotlib.figure.Figure` themselves: no window, no global state, and no import
of matplotlib before the first figure.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.storage.files import atomic_path

if TYPE_CHECKING:  # matplotlib is slow to load
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.transforms import Bbox

Image = NDArray[np.complexfloating[Any, Any]]
Limits = tuple[float, float]
Box = tuple[slice, slice]

DPI = 150
ALARM = "#b00020"
"""Colour of what must not be overlooked."""

COLUMN_INCHES = 3.3
LINE_CHARACTERS = 42
"""Width of a column in characters of `write_above`."""
LINE_POINTS = 12.0
"""Height of a line of it."""

_PALETTE = 255  # the last of 256 entries is no colour
_OUTSIDE = "#d9dde3"  # off the gray scale, and hatched: no pixel of a gray image looks like it
_HATCH = "#c2c8d0"
_MARGIN_INCHES = 0.1
_NAME_POINTS = 13.0
_NAME_CHARACTERS = 24


@dataclass(frozen=True)
class PlotLimits:
    """Where the colours of a figure begin and end.

    Attributes
    ----------
    p_min, p_max : float
        Percentiles, 0 to 100, of all scored pixels of a row; its panels share them.
    phase : mapping of str to (float, float)
        Fixed phase limits in rad of single arms; such a panel has its own colour bar.
    """

    p_min: float = 10.0
    p_max: float = 90.0
    phase: Mapping[str, Limits] = field(default_factory=dict)

    def of(self, panels: Sequence[NDArray[np.floating[Any]]]) -> Limits:
        """Common limits of the finite pixels of some panels; (0, 1) if there are none."""
        pixels = np.concatenate([panel[np.isfinite(panel)] for panel in panels] or [np.empty(0)])
        if pixels.size == 0:
            return 0.0, 1.0
        low, high = (float(each) for each in np.percentile(pixels, (self.p_min, self.p_max)))
        # a range below this is rounding: stretched over all colours it would look like structure
        least = max(abs(low) * 1e-3, abs(high) * 1e-3, 1e-6)
        margin = max(0.0, (least - (high - low)) / 2)
        return low - margin, high + margin


@dataclass(frozen=True)
class Line:
    """A line of text above a panel; an alarm is red."""

    text: str
    alarm: bool = False


def widened(box: Box, shape: Sequence[int]) -> Box:
    """Return a box with a margin of a twentieth, at least 2 px, inside a grid of this shape."""
    margin = max(2, max(axis.stop - axis.start for axis in box) // 20)
    rows, columns = (
        slice(max(0, axis.start - margin), min(side, axis.stop + margin))
        for axis, side in zip(box, shape, strict=True)
    )
    return rows, columns


def bands(count: int, *, most: int) -> tuple[int, int]:
    """Return in how many rows, of how many places each, `count` panels are laid out evenly."""
    rows = -(-count // most)
    return rows, -(-count // rows)


def panel_inches(box: Box) -> float:
    """Return the height of a panel that shows the box in a column's width, in."""
    height, width = (axis.stop - axis.start for axis in box)
    return float(np.clip(0.9 * COLUMN_INCHES * height / width, 1.1, 6.0))


def draw_image(axis: Axes, values: NDArray[Any], *, colours: str, limits: Limits, box: Box) -> None:
    """Draw the part `box` of a grid, (h, w), with axes in pixels of the grid; NaN lets a hatch through."""
    top, left = box[0].start - 0.5, box[1].start - 0.5
    axis.set_facecolor(_OUTSIDE)
    axis.patch.set(hatch="////", edgecolor=_HATCH, linewidth=0)
    axis.imshow(
        np.ma.masked_invalid(values),
        cmap=colours,
        vmin=limits[0],
        vmax=limits[1],
        extent=(left, left + values.shape[1], top + values.shape[0], top),
        interpolation="nearest",
    )


def draw_nothing(axis: Axes, why: str, *, box: Box) -> None:
    """Draw a hatched panel that says why it is empty."""
    empty = np.full([side.stop - side.start for side in box], np.nan)
    draw_image(axis, empty, colours="gray", limits=(0.0, 1.0), box=box)
    axis.text(0.5, 0.5, why, transform=axis.transAxes, ha="center", va="center", fontsize=12)


def label_edges(axes: NDArray[Any], used: int, *, rows: int) -> None:
    """Number the pixels at the left of a row and below a band only; switch unused places off.

    Parameters
    ----------
    axes : ndarray, (bands * rows, columns), of Axes
        Filled band by band, each `rows` high, from the left.
    used : int
        Columns in use, over all bands.
    """
    across = axes.shape[1]
    for number, axis in enumerate(axes.flat):
        band, row, place = number // across // rows, number // across % rows, number % across
        # what is not drawn is not laid out either: ticks are most of the work of a figure
        lowest = row == rows - 1
        axis.xaxis.set_visible(lowest)
        axis.yaxis.set_visible(place == 0)
        axis.set_xlabel("x (px)" if lowest else "")
        if band * across + place >= used:
            axis.set_axis_off()


def write_above(axis: Axes, name: str, lines: Sequence[Line], *, room: int) -> None:
    """Write a name and lines of text above a panel, from the top of `room` lines down."""
    alarm = any(line.alarm for line in lines)
    # a long name is written smaller, so that it stays in its column
    size = _NAME_POINTS * min(1.0, _NAME_CHARACTERS / max(len(name), 1))
    _write(axis, name, 6 + LINE_POINTS * room, size=size, alarm=alarm, weight="bold")
    for number, line in enumerate(lines):
        _write(axis, line.text, 6 + LINE_POINTS * (room - 1 - number), size=9.0, alarm=line.alarm)


def pixels_png(values: NDArray[np.floating[Any]], *, colours: str, limits: Limits) -> bytes:
    """Encode an image, a pixel per value, with a palette of 255 colours; equal values give equal bytes.

    Parameters
    ----------
    values : ndarray, (h, w), float
        What is not finite becomes transparent, so that the page shows its own hatch there.
    colours : str
        A colour map of matplotlib.
    limits : tuple of float
        Values of the first and the last colour, low < high; beyond them the colours stay.
    """
    from matplotlib import colormaps
    from PIL import Image as PilImage

    low, high = limits
    with np.errstate(invalid="ignore", over="ignore"):
        scaled = np.clip((values.astype(np.float64) - low) / (high - low), 0.0, 1.0) * (_PALETTE - 1)
    indices = np.where(np.isfinite(values), np.nan_to_num(scaled).round(), _PALETTE).astype(np.uint8)
    palette = np.zeros((256, 3), np.uint8)
    palette[:_PALETTE] = colormaps[colours](np.linspace(0.0, 1.0, _PALETTE), bytes=True)[:, :3]
    picture = PilImage.fromarray(indices).convert("P")
    picture.putpalette(palette.tobytes())
    stream = io.BytesIO()
    picture.save(stream, "PNG", transparency=_PALETTE, optimize=True)
    return stream.getvalue()


def own_gauge(image: Image, mask: NDArray[np.bool_]) -> tuple[complex, float]:
    """Return the factor that turns an image's mean phase inside a mask to 0, and its rms there.

    Both are 1 where no pixel is finite; around 0 a phase has the fewest wraps.
    """
    known = image[mask & np.isfinite(image)].astype(np.complex128)
    if not known.size:
        return 1.0, 1.0
    with np.errstate(over="ignore", invalid="ignore"):  # a dead arm is shown as dead
        rms = float(np.sqrt(np.mean(np.abs(known) ** 2)))
        return complex(np.exp(-1j * np.angle(known.mean()))), rms or 1.0


def save(path: Path, figure: Figure, *, trimmed: bool = False) -> None:
    """Write a figure as PNG, 150 dots per inch, whole or not at all.

    Trimmed, it is as large as what is drawn: images of fixed aspect seldom fill a figure, and
    its layout knows the ticks of a colour bar only roughly.
    """
    figure.set_dpi(DPI)
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        # without the version of matplotlib in it, equal figures are equal files
        figure.savefig(
            stream,
            format="png",
            dpi=DPI,
            bbox_inches=_extent(figure) if trimmed else None,
            metadata={"Software": None},
        )


def _extent(figure: Figure) -> Bbox:
    """Lay a figure out, and return what is drawn of it and a margin, in.

    `bbox_inches="tight"` finds the same by drawing all of it once more.
    """
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine(None)  # done: nothing is to move when it is drawn
    return figure.get_tightbbox().padded(_MARGIN_INCHES)


def _write(axis: Axes, text: str, points: float, *, size: float, alarm: bool, weight: str = "normal") -> None:
    axis.annotate(
        text,
        xy=(0.5, 1.0),
        xycoords="axes fraction",
        xytext=(0, points),
        textcoords="offset points",
        ha="center",
        fontsize=size,
        fontweight=weight,
        color=ALARM if alarm else "black",
        parse_math=False,  # an arm's name may hold a dollar sign
    )
