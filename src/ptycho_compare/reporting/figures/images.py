"""Raw canvases for a closer look: the whole grid, with its full range, nothing masked."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.reporting.figures.drawing import Image, Limits, PlotLimits, draw_image, save

_PARTS = {"phase": ("viridis", "phase (rad)"), "amplitude": ("gray", "amplitude")}


def write_debug_images(folder: Path, name: str, image: Image) -> None:
    """Draw a raw canvas, whole and with its full range, as amplitude.png and phase.png.

    Parameters
    ----------
    folder : Path
        Made if it is missing.
    name : str
        The arm, for the title.
    image : ndarray, (H, W), complex
    """
    from matplotlib.figure import Figure

    folder.mkdir(parents=True, exist_ok=True)
    height, width = image.shape
    with np.errstate(over="ignore", invalid="ignore"):
        pictures = {"phase": np.angle(image), "amplitude": np.abs(image)}
    for part, values in pictures.items():
        colours, label = _PARTS[part]
        figure = Figure(figsize=(6.4, 5.2), layout="constrained")
        axis = figure.subplots()
        limits = PlotLimits(0.0, 100.0).of([values])
        draw_image(axis, values, colours=colours, limits=limits, box=(slice(0, height), slice(0, width)))
        figure.colorbar(axis.images[0], ax=axis, label=label)
        finite = np.isfinite(values).mean()
        axis.set_title(f"{name}: raw canvas {height} x {width} px, {finite:.1%} finite")
        save(folder / f"{part}.png", figure)


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
