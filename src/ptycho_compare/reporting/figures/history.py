"""How a network's losses fell, epoch by epoch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ptycho_compare.reporting.figures.drawing import save

if TYPE_CHECKING:  # matplotlib is slow to load
    from matplotlib.figure import Figure

_COLOURS = ("#0072B2", "#D55E00")


def plot_history(
    path: Path, losses: Sequence[float], val_losses: Sequence[float], *, kept: int, title: str, measure: str
) -> None:
    """Draw the losses as PNG, 150 dots per inch; see `history_figure`."""
    save(path, history_figure(losses, val_losses, kept=kept, title=title, measure=measure))


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
    title : str
    measure : str
        What the losses are, for the vertical axis.

    Returns
    -------
    matplotlib.figure.Figure

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
        (losses, val_losses), _COLOURS, "os", ("training", "validation"), strict=True
    ):
        axis.plot(epochs, values, color=colour, marker=marker, markersize=3.5, linewidth=1.2, label=label)
    axis.axvline(kept, color="#606060", linewidth=0.8, linestyle=":", label=f"kept: epoch {kept}")
    axis.set(yscale="log", xlabel="epoch", ylabel=measure)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.grid(alpha=0.3, which="both", linewidth=0.5)
    axis.legend(frameon=False)
    axis.set_title(title, fontsize=11, parse_math=False)
    return figure
