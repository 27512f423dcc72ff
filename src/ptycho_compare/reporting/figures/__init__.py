"""The figures of a comparison: all arms side by side, their ring correlation, their residuals; of a training.

Equal input gives equal bytes, and every file is whole or absent. Nothing here imports
matplotlib before a figure is drawn.
"""

from __future__ import annotations

from ptycho_compare.reporting.figures.drawing import DPI, PlotLimits
from ptycho_compare.reporting.figures.frc import frc_figure, plot_frc
from ptycho_compare.reporting.figures.one_arm import (
    history_figure,
    plot_history,
    plot_object,
    write_debug_images,
)
from ptycho_compare.reporting.figures.pixels import pixels_of
from ptycho_compare.reporting.figures.residual import plot_residuals, residual_figure
from ptycho_compare.reporting.figures.side_by_side import GROUND_TRUTH, comparison_figure, plot_comparison
from ptycho_compare.reporting.figures.stitched import plot_stitched
from ptycho_compare.reporting.figures.study_costs import cost_figure, plot_costs
from ptycho_compare.reporting.figures.study_curves import plot_responses, response_figure
from ptycho_compare.reporting.figures.study_losses import loss_figure, plot_losses
from ptycho_compare.reporting.figures.study_transfer import plot_transfer, transfer_figure

__all__ = [
    "DPI",
    "GROUND_TRUTH",
    "PlotLimits",
    "comparison_figure",
    "cost_figure",
    "frc_figure",
    "history_figure",
    "loss_figure",
    "pixels_of",
    "plot_comparison",
    "plot_costs",
    "plot_frc",
    "plot_history",
    "plot_losses",
    "plot_object",
    "plot_residuals",
    "plot_responses",
    "plot_stitched",
    "plot_transfer",
    "residual_figure",
    "response_figure",
    "transfer_figure",
    "write_debug_images",
]
