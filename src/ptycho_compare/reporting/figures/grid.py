"""Panels of one shape side by side, all places known in inches.

A layout engine would measure every label twice to find them, which takes longer than drawing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from ptycho_compare.reporting.figures.drawing import COLUMN_INCHES, LINE_POINTS, Box, bands, panel_inches
from ptycho_compare.reporting.figures.edges import hide_axes, number_edge, round_places

if TYPE_CHECKING:  # matplotlib is slow to load
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

_WIDTH = 0.94 * COLUMN_INCHES
_LEFT, _RIGHT = 0.9, 1.0  # of all panels: for the labels of a row; for its colour bar and the label of that
_TITLE, _GAP, _MARGIN = 0.6, 0.12, 0.1
_BAR, _BESIDE = 0.13, 0.08  # how thick a colour bar is, and how far from its panels
_BELOW = 0.55  # for the numbers and the label of an axis, and for those of a colour bar of its own
_NAME_POINTS = 26.0


@dataclass(frozen=True, eq=False)
class PanelGrid:
    """Panels in bands, each some rows high; places in inches from the upper left.

    Attributes
    ----------
    axes : ndarray, (bands * rows, across), of Axes
        Filled band by band, from the left.
    tops : tuple of float
        Upper end of each row of panels, in.
    height : float
        Of a panel, in.
    box : tuple of slice
        Rows and columns of the part that all panels show.
    """

    figure: Figure
    axes: NDArray[Any]
    tops: tuple[float, ...]
    height: float
    box: Box

    def write_title(self, text: str) -> None:
        """Write what the figure shows above all panels, two lines at the most."""
        self.figure.suptitle(text, fontsize=11, y=1.0 - _MARGIN / self.figure.get_figheight())

    def label_edges(self, used: int, labels: Sequence[str]) -> None:
        """Number the pixels at the left of a row and below a band only; switch unused places off.

        Parameters
        ----------
        used : int
            Columns in use, over all bands.
        labels : sequence of str
            Of the rows of a band, each at the left of its own.
        """
        across, rows = self.axes.shape[1], len(labels)
        high, wide = (side.stop - side.start for side in self.box)
        inches = min(_WIDTH / wide, self.height / high)  # of a pixel: panels keep their shape
        ends = [(side.start - 0.5, side.stop - 0.5) for side in self.box]
        down = round_places(*ends[0], inches * high, side="left")
        along = round_places(*ends[1], inches * wide, side="bottom")
        for number, axis in enumerate(self.axes.flat):
            hide_axes(axis)
            band, row, place = number // across // rows, number // across % rows, number % across
            if band * across + place >= used:
                axis.set_axis_off()
            if not axis.axison:
                continue
            if place == 0:
                number_edge(axis, "left", down, labels[row], size=11 if rows > 1 else 10)
            if row == rows - 1:
                number_edge(axis, "bottom", along, "x (px)", size=10)

    def add_bar(self, image: AxesImage, first: int, last: int, *, label: str) -> None:
        """Add a colour bar on the right of some rows."""
        left = _LEFT + self.axes.shape[1] * COLUMN_INCHES - (COLUMN_INCHES - _WIDTH) + _BESIDE
        place = (left, self.tops[first], _BAR, self.tops[last] + self.height - self.tops[first])
        self.figure.colorbar(image, cax=self._bar_axes(*place), label=label, extend="both")

    def add_bar_below(self, axis: Axes) -> None:
        """Add a colour bar to a single panel of a first row; it needs the room of `bars_below`."""
        row, column = next(
            (r, c) for r, line in enumerate(self.axes) for c, each in enumerate(line) if each is axis
        )
        left = _LEFT + column * COLUMN_INCHES + 0.1 * _WIDTH
        axes = self._bar_axes(left, self.tops[row] + self.height + _BESIDE, 0.8 * _WIDTH, _BAR)
        self.figure.colorbar(axis.images[0], cax=axes, orientation="horizontal", extend="both")

    def _bar_axes(self, left: float, top: float, width: float, height: float) -> Axes:
        return self.figure.add_axes(_rectangle(self.figure, left, top, width, height), label="<colorbar>")


def panel_grid(
    box: Box, count: int, *, most: int, rows: int, room: int, bars_below: bool = False
) -> PanelGrid:
    """Lay out `count` columns of panels that show a box, at most so many side by side.

    Parameters
    ----------
    box : tuple of slice
        Rows and columns of the part that all of them show.
    rows : int
        Panels of a column.
    room : int
        Lines of text above a column, its name not counted.
    bars_below : bool
        Panels of the first row may have a colour bar of their own.
    """
    from matplotlib.figure import Figure

    high, across = bands(count, most=most)
    height = panel_inches(box)
    tops, top = [], _TITLE
    for _ in range(high):
        top += (LINE_POINTS * room + _NAME_POINTS) / 72
        for row in range(rows):
            tops.append(top)
            top += height + (_BELOW if bars_below and row == 0 else _GAP)
        top += _BELOW
    figure = Figure(figsize=(_LEFT + COLUMN_INCHES * across + _RIGHT, top))
    axes = figure.subplots(high * rows, across, squeeze=False)
    for upper, line in zip(tops, axes, strict=True):
        for column, axis in enumerate(line):
            left = _LEFT + column * COLUMN_INCHES
            axis.set_position(_rectangle(figure, left, upper, _WIDTH, height))
    return PanelGrid(figure, axes, tuple(tops), height, box)


def _rectangle(
    figure: Figure, left: float, top: float, width: float, height: float
) -> tuple[float, float, float, float]:
    """The same in shares of a figure, from its lower left, as matplotlib has it."""
    across, high = figure.get_size_inches()
    return left / across, 1.0 - (top + height) / high, width / across, height / high
