"""Raw canvases for a closer look: the whole grid, with its full range, nothing masked."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ptycho_compare.reporting.figures.drawing import Image, PlotLimits, draw_image, save

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
