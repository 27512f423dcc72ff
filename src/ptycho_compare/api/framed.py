"""An image with its frame: where its pixels lie on the object's grid, and how large they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray


@dataclass(frozen=True)
class ImageFrame:
    """Where an image lies.

    Attributes
    ----------
    origin_yx_px : tuple of int
        Row and column of its pixel [0, 0] on the object's grid, on which positions are counted.
    pixel_nm : float or None
        Side of a pixel, nm; None where nobody says.
    """

    origin_yx_px: tuple[int, int]
    pixel_nm: float | None


@dataclass(frozen=True, eq=False)
class FramedImage:
    """An image and its frame.

    Attributes
    ----------
    values : ndarray, (H, W)
        Complex of an object, bool of a mask.
    """

    values: NDArray[Any]
    frame: ImageFrame
