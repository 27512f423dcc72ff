"""Shared by all figures: limits of colours, masked images, lines of text above a panel, files.

Figures are `matplotlib.figure.Figure` themselves: no window, no global state, and no import
of matplotlib before the first figure.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.storage.files import atomic_path

if TYPE_CHECKING:  # matplotlib is slow to load
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from PIL.Image import Image as Picture

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
_PAPER = 0xFFFFFFFF
_MARGIN_PX = 15
_BEYOND_PX = (DPI // 2, 4 * DPI, 32 * DPI)
"""How far beyond a figure is looked for what is drawn there, the next where that was not enough."""
_COMPRESSION = 2  # of 9: with three channels files are as small as by 6 with four
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


@contextmanager
def by_defaults() -> Iterator[None]:
    """Draw as matplotlib does by itself, whatever style or matplotlibrc a user has; also a decorator.

    Whatever makes a figure, and whatever writes it, stands in it: both look settings up.
    """
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        yield


@by_defaults()
def save(path: Path, figure: Figure, *, trimmed: bool = False) -> None:
    """Write a figure as PNG, 150 dots per inch, whole or not at all.

    Trimmed, it is as large as what is drawn, and a margin: images of fixed aspect seldom fill a figure, and
    a long name goes on beyond it.
    """
    figure.set_dpi(DPI)
    _lay_out(figure)
    picture = _all_that_is_drawn(figure) if trimmed else _picture(figure, beyond=0)
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        picture.convert("RGB").save(stream, "PNG", dpi=(DPI, DPI), compress_level=_COMPRESSION)


def save_both(png: Path, pdf: Path, figure: Figure | None, *, trimmed: bool = True) -> list[Path]:
    """Write a figure as PNG and as PDF; returns what was written, nothing where there is nothing to draw."""
    if figure is None:
        return []
    save(png, figure, trimmed=trimmed)
    _save_pdf(pdf, figure)
    return [png, pdf]


def _lay_out(figure: Figure) -> None:
    """Place the panels of a figure for good: what has a layout engine is drawn twice for every file."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine(None)


@by_defaults()
def _save_pdf(path: Path, figure: Figure) -> None:
    """Write a figure as PDF, whole or not at all; equal figures give equal bytes."""
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        figure.savefig(stream, format="pdf", metadata={"CreationDate": None})


def _all_that_is_drawn(figure: Figure) -> Picture:
    """Draw a figure, and cut off where there is nothing.

    To ask first how large it will be, as `bbox_inches="tight"` does, takes as long as to draw it.
    """
    for beyond in _BEYOND_PX:
        picture = _picture(figure, beyond=beyond)
        ink = np.asarray(picture).view(np.uint32)[..., 0] != _PAPER
        rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
        if not rows.size:
            return picture
        left, top = int(columns[0]) - _MARGIN_PX, int(rows[0]) - _MARGIN_PX
        right, bottom = int(columns[-1]) + 1 + _MARGIN_PX, int(rows[-1]) + 1 + _MARGIN_PX
        if min(left, top) >= 0 and right <= picture.width and bottom <= picture.height:
            break
    return picture.crop((max(left, 0), max(top, 0), min(right, picture.width), min(bottom, picture.height)))


def _picture(figure: Figure, *, beyond: int) -> Picture:
    """Draw a figure, and so many pixels more on each side of it."""
    from matplotlib.transforms import Bbox
    from PIL.Image import frombuffer

    # rounded down when it is drawn: a millionth of a pixel more, and no number just below a whole one is lost
    width, height = (round(inches * DPI) + 2 * beyond for inches in figure.get_size_inches())
    place = Bbox.from_bounds(-beyond / DPI, -beyond / DPI, (width + 1e-6) / DPI, (height + 1e-6) / DPI)
    stream = io.BytesIO()
    figure.savefig(stream, format="rgba", dpi=DPI, bbox_inches=place)
    return frombuffer("RGBA", (width, height), stream.getvalue(), "raw", "RGBA", 0, 1)


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
