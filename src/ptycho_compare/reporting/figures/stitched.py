"""A whole object, put together from the splits of a place: all arms beside the truth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ptycho_compare.records.reconstructions_npz import Image
from ptycho_compare.reporting.figures.drawing import PlotLimits, save_both
from ptycho_compare.reporting.figures.side_by_side import comparison_figure

if TYPE_CHECKING:  # scoring is slow to load
    from ptycho_compare.scoring.scorecard import Scorecard


def plot_stitched(png: Path, pdf: Path, scorecard: Scorecard, truth: Image | None) -> list[Path]:
    """Draw it as a comparison is drawn, as PNG and as PDF; returns what was written."""
    return save_both(png, pdf, comparison_figure(scorecard, truth, PlotLimits()))
