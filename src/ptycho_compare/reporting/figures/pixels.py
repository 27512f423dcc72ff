"""An image's pixels as a small PNG, for a page that lays images out itself."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.reporting.figures.drawing import Limits

_COLOURS = 255  # the last of 256 entries is no colour
_MASKED = 255


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
    from PIL import Image

    low, high = limits
    with np.errstate(invalid="ignore", over="ignore"):
        scaled = np.clip((values.astype(np.float64) - low) / (high - low), 0.0, 1.0) * (_COLOURS - 1)
    indices = np.where(np.isfinite(values), np.nan_to_num(scaled).round(), _MASKED).astype(np.uint8)
    palette = np.zeros((256, 3), np.uint8)
    palette[:_COLOURS] = colormaps[colours](np.linspace(0.0, 1.0, _COLOURS), bytes=True)[:, :3]
    picture = Image.fromarray(indices).convert("P")
    picture.putpalette(palette.tobytes())
    stream = io.BytesIO()
    picture.save(stream, "PNG", transparency=_MASKED, optimize=True)
    return stream.getvalue()
