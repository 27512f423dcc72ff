"""Where on the object's grid the images of a comparison lie: ends of their axes, a bar of round length."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

_BAR_SHARE = 0.3  # of an image's width, at most
_ROUND = (5, 2, 1)
_NM_IN_UM = 1000


@dataclass(frozen=True)
class ShownArea:
    """The part of the object's grid that is shown, px; y goes down.

    Attributes
    ----------
    top, bottom, left, right : int
        First and last row and column.
    bar : str
        Length of the bar, with its unit.
    bar_share : float
        The same, percent of the width.
    """

    top: int
    bottom: int
    left: int
    right: int
    bar: str
    bar_share: float


def shown_area(first: NDArray[Any] | None, box: tuple[slice, slice], *, pixel_m: object = None) -> ShownArea:
    """Find the area of an image that was cropped to `box`.

    Parameters
    ----------
    first : ndarray or None
        Row and column of the grid at which the image began before; None where nobody says.
    pixel_m : float, optional
        Side of a pixel of the object; what is no positive number counts as not known.
    """
    top, left = (0, 0) if first is None or first.shape != (2,) else map(_whole, first)
    rows, columns = box
    width = columns.stop - columns.start
    unit, factor = "px", 1.0
    if isinstance(pixel_m, float) and 0 < pixel_m < math.inf:
        unit, factor = "nm", pixel_m * 1e9
    length = _round_length(width * factor * _BAR_SHARE)
    text = f"{length / _NM_IN_UM:g} µm" if unit == "nm" and length >= _NM_IN_UM else f"{length:g} {unit}"
    return ShownArea(
        top=top + rows.start,
        bottom=top + rows.stop - 1,
        left=left + columns.start,
        right=left + columns.stop - 1,
        bar=text,
        bar_share=round(100 * length / factor / width, 2),
    )


def _whole(number: object) -> int:
    try:
        return int(number)  # type: ignore[call-overload, no-any-return]
    except (TypeError, ValueError, OverflowError):
        return 0


def _round_length(most: float) -> float:
    """Return the longest of 1, 2, 5, 10 ... that is no longer than `most`."""
    power = 10.0 ** math.floor(math.log10(most))
    return next((each * power for each in _ROUND if each * power <= most), power)
