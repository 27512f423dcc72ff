"""Ticks, numbers and a label at an edge of a panel.

An axis of matplotlib makes five artists for each tick, and measures them several times to place its label:
most of the work of a figure. Here the ticks of an edge are one artist, and widths follow from the digits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:  # matplotlib is slow to load
    from matplotlib.axes import Axes

Side = Literal["left", "bottom", "top"]

_POINTS = 10.0
_TICK, _PAD, _LABEL_PAD = 3.5, 3.5, 4.0  # points, as matplotlib has them
_DIGIT, _MINUS, _DOT, _HEIGHT = 0.636, 0.838, 0.318, 1.0  # of DejaVu Sans, in its size
_POINTS_PER_NUMBER = {"left": 2 * _POINTS, "bottom": 3 * _POINTS}


def round_places(low: float, high: float, inches: float, *, side: Side) -> dict[float, str]:
    """Choose round numbers between two, as many as an edge of this length has room for, and write them."""
    from matplotlib.ticker import MaxNLocator

    most = int(np.clip(inches * 72 // _POINTS_PER_NUMBER[side], 1, 9))
    places = MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    shown = [float(place) for place in places if low <= place <= high]
    return {place: written(place) for place in shown}


def written(number: float, digits: int | None = None) -> str:
    """Write a number with a true minus."""
    text = f"{number:zg}" if digits is None else f"{number:z.{digits}f}"
    return text.replace("-", "\N{MINUS SIGN}")


def hide_axes(axis: Axes) -> None:
    """Leave out both axes of a panel, with all that would be measured for them."""
    axis.xaxis.set_visible(False)
    axis.yaxis.set_visible(False)


def number_edge(axis: Axes, side: Side, places: Mapping[float, str], label: str, *, size: float) -> float:
    """Draw ticks with their numbers outside of an edge, and a label beyond them.

    Parameters
    ----------
    places : mapping of float to str
        Number by place on the axis, in its units.
    size : float
        Of the label, points.

    Returns
    -------
    float
        How far what was drawn goes on from the edge, points.
    """
    upright = side == "left"
    room = max((_width(text) if upright else _HEIGHT * _POINTS for text in places.values()), default=0.0)
    _draw_ticks(axis, side, list(places))
    for place, text in places.items():
        _write(axis, side, place, _TICK + _PAD, text, _POINTS, numbers=True)
    beyond = _TICK + _PAD + room + _LABEL_PAD
    _write(axis, side, 0.5, beyond, label, size, numbers=False)
    return beyond + _HEIGHT * size * len(label.splitlines())


def _width(text: str) -> float:
    """Width of a number, points."""
    return _POINTS * sum({".": _DOT, "\N{MINUS SIGN}": _MINUS}.get(sign, _DIGIT) for sign in text)


def _draw_ticks(axis: Axes, side: Side, places: list[float]) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.markers import TICKDOWN, TICKLEFT, TICKUP, MarkerStyle

    shapes = {"left": TICKLEFT, "bottom": TICKDOWN, "top": TICKUP}
    edge = [1.0 if side == "top" else 0.0] * len(places)
    upright = side == "left"
    ticks = Line2D(
        edge if upright else places,
        places if upright else edge,
        linestyle="none",
        marker=MarkerStyle(shapes[side]),
        markersize=_TICK,
        markeredgewidth=0.8,
        color="black",
        transform=axis.get_yaxis_transform() if upright else axis.get_xaxis_transform(),
    )
    axis.figure.add_artist(ticks)  # of the figure: lines of a panel are its curves


def _write(
    axis: Axes, side: Side, place: float, points: float, text: str, size: float, *, numbers: bool
) -> None:
    """Write a number at its place, or a label at a share of the edge, so many points outside of it."""
    from matplotlib.transforms import ScaledTranslation

    scale = axis.figure.dpi_scale_trans
    how: dict[str, Any]
    if side == "left":
        at, along = (0.0, place), axis.get_yaxis_transform()
        offset = ScaledTranslation(-points / 72, 0.0, scale)
        how = {"ha": "right", "va": "center_baseline"}
        if not numbers:
            how = {"ha": "center", "va": "bottom", "rotation": 90, "rotation_mode": "anchor"}
    else:
        up = side == "top"
        at, along = (place, 1.0 if up else 0.0), axis.get_xaxis_transform()
        offset = ScaledTranslation(0.0, (points if up else -points) / 72, scale)
        how = {"ha": "center", "va": "bottom" if up else "top"}
    transform = (along if numbers else axis.transAxes) + offset
    kind = "number" if numbers else "label"
    axis.text(*at, text, transform=transform, fontsize=size, gid=f"{side} {kind}", **how)
