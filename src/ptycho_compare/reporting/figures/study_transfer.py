"""Transfer as a figure: the matrix of training data and test data, a number in each field."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from ptycho_compare.records.deciding import digits
from ptycho_compare.records.study_answers import StudyAnswers
from ptycho_compare.reporting.figures.drawing import by_defaults, save_both
from ptycho_compare.reporting.study.transfer_table import TransferMatrix, transfer_matrix

if TYPE_CHECKING:  # matplotlib is slow to load
    from matplotlib.figure import Figure

_FIELD = (1.05, 0.42)  # in
_MOST = 24
"""Rows and columns that are drawn."""


def plot_transfer(png: Path, pdf: Path, answers: StudyAnswers) -> list[Path]:
    """Draw the matrix as PNG and as PDF; see `transfer_figure`. Returns what was written."""
    return save_both(png, pdf, transfer_figure(answers))


@by_defaults()
def transfer_figure(answers: StudyAnswers) -> Figure | None:
    """Draw the matrix, darker where better; None where no network saw data of another place.

    A field with a frame holds the images that the network was trained on.
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    matrix = transfer_matrix(answers.transfers)
    if matrix is None:
        return None
    rows, columns = matrix.trained[:_MOST], matrix.tested[:_MOST]
    size = (3.2 + _FIELD[0] * len(columns), 1.9 + _FIELD[1] * len(rows))
    figure = Figure(figsize=size, layout="constrained")
    axis = figure.subplots()
    axis.imshow(_shades(matrix), cmap="Blues", vmin=0.0, vmax=1.6, aspect="auto")
    for down, held in enumerate(matrix.held[:_MOST]):
        for along, each in enumerate(held[:_MOST]):
            if each is not None:
                # in its field, so that nothing is laid out by it
                text = axis.text(
                    along, down, digits(each.over_trials.mean), ha="center", va="center", fontsize=8
                )
                text.set_in_layout(False)
                if not each.differs:
                    corner = (along - 0.48, down - 0.46)
                    axis.add_patch(Rectangle(corner, 0.96, 0.92, fill=False, edgecolor="0.2", linewidth=1.2))
    axis.set_xticks(range(len(columns)), columns, rotation=30, ha="right", fontsize=8, parse_math=False)
    axis.set_yticks(range(len(rows)), rows, fontsize=8, parse_math=False)
    axis.set_xlabel("tested on")
    axis.set_ylabel("trained on")
    way = "higher" if matrix.score.higher_is_better else "lower"
    left = len(matrix.trained) * len(matrix.tested) - len(rows) * len(columns)
    more = f"; {left} more in study_transfer.csv" if left else ""
    title = f"{answers.study.name}\n{matrix.score.name}, {way} is better; framed: training images{more}"
    axis.set_title(title, fontsize=10, parse_math=False)
    return figure


def _shades(matrix: TransferMatrix) -> list[list[float]]:
    """Shade fields from 0, the worst, to 1, the best; what is not there stays white."""
    numbers = [each.over_trials.mean for row in matrix.held for each in row if each is not None]
    low, high = min(numbers), max(numbers)
    span = high - low or 1.0
    turned = not matrix.score.higher_is_better
    return [
        [
            math.nan
            if each is None
            else 0.1
            + 0.9 * ((high - each.over_trials.mean) if turned else (each.over_trials.mean - low)) / span
            for each in row[:_MOST]
        ]
        for row in matrix.held[:_MOST]
    ]
