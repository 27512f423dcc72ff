"""One arm by itself: its raw canvas, its iterative reconstruction, how its network was trained."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.reporting.figures.drawing import (
    COLUMN_INCHES,
    Box,
    Image,
    PlotLimits,
    by_defaults,
    draw_image,
    panel_inches,
    save,
)

if TYPE_CHECKING:  # matplotlib is slow to load
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LIMITS = PlotLimits(p_min=1.0, p_max=99.0)
_LOSS_COLOURS = ("#0072B2", "#D55E00")


@by_defaults()
def write_debug_images(folder: Path, name: str, image: Image) -> None:
    """Draw a raw canvas, whole and with its full range, as amplitude.png and phase.png.

    Parameters
    ----------
    folder : Path
        Made if it is missing.
    image : ndarray, (H, W), complex
    """
    from matplotlib.figure import Figure

    folder.mkdir(parents=True, exist_ok=True)
    height, width = image.shape
    with np.errstate(over="ignore", invalid="ignore"):
        pictures = (
            ("phase", np.angle(image), "viridis", "phase (rad)"),
            ("amplitude", np.abs(image), "gray", "amplitude"),
        )
    for part, values, colours, label in pictures:
        figure = Figure(figsize=(6.4, 5.2), layout="constrained")
        axis = figure.subplots()
        limits = PlotLimits(0.0, 100.0).of([values])
        draw_image(axis, values, colours=colours, limits=limits, box=(slice(0, height), slice(0, width)))
        figure.colorbar(axis.images[0], ax=axis, label=label)
        finite = np.isfinite(values).mean()
        axis.set_title(f"{name}: raw canvas {height} x {width} px, {finite:.1%} finite")
        save(folder / f"{part}.png", figure)


def plot_object(
    path: Path,
    values: Image,
    probe: Image,
    losses: NDArray[np.floating[Any]],
    *,
    origin_yx: tuple[int, int],
    scanned: Box,
    title: str,
) -> None:
    """Draw a reconstruction as PNG, 150 dots per inch; see `object_figure`."""
    figure = object_figure(values, probe, losses, origin_yx=origin_yx, scanned=scanned, title=title)
    save(path, figure)


@by_defaults()
def object_figure(
    values: Image,
    probe: Image,
    losses: NDArray[np.floating[Any]],
    *,
    origin_yx: tuple[int, int],
    scanned: Box,
    title: str,
) -> Figure:
    """Draw amplitude and phase of an object, the amplitude of its probe, and the losses.

    Parameters
    ----------
    values : ndarray, (H, W), complex
    probe : ndarray, (N, N), complex
    losses : ndarray, (epochs,), float
        In units of the engine; drawn on a logarithmic scale where all are above 0.
    origin_yx : tuple of int
        Row and column of the object's pixel [0, 0] on the scan's grid: the axes count there.
    scanned : tuple of slice
        Rows and columns of the scan's grid between the outermost positions: the colours are theirs,
        since outside them an object is what it was at the start.
    """
    from matplotlib.figure import Figure

    box = _box(values, origin_yx)
    inside = tuple(
        slice(part.start - first, part.stop - first) for part, first in zip(scanned, origin_yx, strict=True)
    )
    figure = Figure(figsize=(2 * COLUMN_INCHES + 2.0, 2 * panel_inches(box) + 1.6), layout="constrained")
    (left, right), (below, curve) = figure.subplots(2, 2)
    with np.errstate(over="ignore", invalid="ignore"):
        amplitude, phase = np.abs(values), np.angle(values)
    for axis, part, colours, label in (
        (left, amplitude, "gray", "amplitude"),
        (right, phase, "viridis", "phase (rad)"),
    ):
        draw_image(axis, part, colours=colours, limits=_LIMITS.of([part[inside]]), box=box)
        _caption(figure, axis, f"object: {label}", label)
    width = np.abs(probe)
    draw_image(below, width, colours="gray", limits=PlotLimits(0, 100).of([width]), box=_box(probe, (0, 0)))
    _caption(figure, below, "probe: amplitude", "amplitude")
    curve.plot(np.arange(1, len(losses) + 1), losses, color="black")
    curve.set_yscale("log" if len(losses) and losses.min() > 0 else "linear")
    curve.set(xlabel="epoch", ylabel="loss of the engine", title="loss")
    figure.suptitle(title, fontsize=11, parse_math=False)
    return figure


def _box(image: Image, origin_yx: tuple[int, int]) -> Box:
    (row, column), (height, width) = origin_yx, image.shape
    return slice(row, row + height), slice(column, column + width)


def _caption(figure: Figure, axis: Axes, title: str, label: str) -> None:
    axis.set(xlabel="x (px)", ylabel="y (px)", title=title)
    figure.colorbar(axis.images[0], ax=axis, label=label)


def plot_history(
    path: Path, losses: Sequence[float], val_losses: Sequence[float], *, kept: int, title: str, measure: str
) -> None:
    """Draw the losses as PNG, 150 dots per inch; see `history_figure`."""
    save(path, history_figure(losses, val_losses, kept=kept, title=title, measure=measure))


@by_defaults()
def history_figure(
    losses: Sequence[float], val_losses: Sequence[float], *, kept: int, title: str, measure: str
) -> Figure:
    """Draw training and validation loss over the epochs, on a logarithmic axis.

    Parameters
    ----------
    losses, val_losses : sequence of float
        One per epoch, above 0.
    kept : int
        Epoch, from 1, whose weights were kept.
    measure : str
        What the losses are, for the vertical axis.

    Raises
    ------
    ValueError
        No epoch, unlike lengths, or an epoch kept that was not run.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    if not 1 <= kept <= len(losses) or len(losses) != len(val_losses):
        raise ValueError(
            f"{len(losses)} losses, {len(val_losses)} validation losses, and epoch {kept} was kept"
        )
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axis = figure.subplots()
    epochs = range(1, len(losses) + 1)
    for values, colour, marker, label in zip(
        (losses, val_losses), _LOSS_COLOURS, "os", ("training", "validation"), strict=True
    ):
        axis.plot(epochs, values, color=colour, marker=marker, markersize=3.5, linewidth=1.2, label=label)
    axis.axvline(kept, color="#606060", linewidth=0.8, linestyle=":", label=f"kept: epoch {kept}")
    axis.set(yscale="log", xlabel="epoch", ylabel=measure)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.grid(alpha=0.3, which="both", linewidth=0.5)
    axis.legend(frameon=False)
    axis.set_title(title, fontsize=11, parse_math=False)
    return figure
