"""The figures: all arms and the truth side by side, and raw canvases for a closer look.

Drawn on `matplotlib.figure.Figure` itself: no window, no global state, and no import of
matplotlib before the first figure.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.files import atomic_path

if TYPE_CHECKING:  # scoring loads scipy and scikit-image, matplotlib is slower still
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ptycho_compare.scoring import ArmScore, Scorecard

Image = NDArray[np.complexfloating[Any, Any]]
Limits = tuple[float, float]

DPI = 150
GROUND_TRUTH = "Ground Truth"
_LABELS = ("phase (rad)", "amplitude", "|image - truth|")
_COLOURS = ("viridis", "gray", "magma")
_OUTSIDE = "#d9dde3"  # off the gray scale, and hatched: no pixel of a gray image looks like it
_HATCH = "#c2c8d0"
_TITLE_CHARACTERS = 40
_REASON_LINES = 3
_COLUMN_INCHES = 3.3


@dataclass(frozen=True)
class PlotLimits:
    """Where the colours of a figure begin and end.

    Attributes
    ----------
    p_min, p_max : float
        Percentiles, 0 to 100, of all scored pixels of a row; its panels share them.
    phase : mapping of str to (float, float)
        Fixed phase limits in rad of single arms; such a panel has its own colour bar.
    """

    p_min: float = 10.0
    p_max: float = 90.0
    phase: Mapping[str, Limits] = field(default_factory=dict)

    def of(self, panels: Sequence[NDArray[np.floating[Any]]]) -> Limits:
        """Common limits of the finite pixels of some panels; (0, 1) if there are none."""
        pixels = np.concatenate([panel[np.isfinite(panel)] for panel in panels] or [np.empty(0)])
        if pixels.size == 0:
            return 0.0, 1.0
        low, high = (float(each) for each in np.percentile(pixels, (self.p_min, self.p_max)))
        margin = 0.0 if high > low else max(abs(low) * 1e-3, 1e-6)  # one colour would hide a difference
        return low - margin, high + margin


@dataclass(frozen=True, eq=False)
class _Column:
    """One arm, or the truth, as it is drawn.

    Attributes
    ----------
    title : tuple of str
        Name, then what was measured, a line each.
    panels : tuple of ndarray or None, three times (h, w), float64
        Phase in rad, amplitude, error; NaN outside the mask, None where there is nothing
        to show, `missing` says why.
    comparable : bool
        Not dead: its pixels set the colours of the rows.
    """

    name: str
    title: tuple[str, ...]
    panels: tuple[NDArray[np.float64] | None, ...]
    missing: str
    comparable: bool


def plot_comparison(path: Path, scorecard: Scorecard, truth: Image | None, limits: PlotLimits) -> None:
    """Draw a comparison as PNG, 150 dots per inch; see `comparison_figure`."""
    _save(path, comparison_figure(scorecard, truth, limits))


def comparison_figure(scorecard: Scorecard, truth: Image | None, limits: PlotLimits) -> Figure:
    """Draw phase, amplitude and error of all arms, a column each, the truth last.

    Parameters
    ----------
    scorecard : Scorecard
        Images of scored arms are in the truth's gauge.
    truth : ndarray, (H, W), complex, or None
        None gives a grey panel that says so, and no row of errors.
    limits : PlotLimits

    Returns
    -------
    matplotlib.figure.Figure
        Cropped to the mask and a margin; axes in pixels of the truth's grid.
    """
    from matplotlib.figure import Figure

    box = _visible_box(scorecard)
    columns = [_arm_column(arm, scorecard.mask, truth, box) for arm in scorecard.arms]
    columns.append(_truth_column(scorecard.mask, truth, box))
    rows = 2 if truth is None else 3
    height, width = (axis.stop - axis.start for axis in box)
    panel_height = float(np.clip(0.93 * _COLUMN_INCHES * height / width, 1.6, 6.0))
    figure = Figure(
        figsize=(_COLUMN_INCHES * len(columns) + 1.2, panel_height * rows + 1.8), layout="constrained"
    )
    axes = figure.subplots(rows, len(columns), squeeze=False, sharex=True, sharey=True)
    for row in range(rows):
        _draw_row(figure, axes[row], columns, row, limits, box)
    lines = max(len(column.title) for column in columns)
    for column, below in zip(columns, axes[0], strict=True):
        _draw_title(below, column, lines)
    for axis in axes[-1]:
        axis.set_xlabel("x (px)")
    figure.suptitle(
        f"scored on one mask of {scorecard.mask.sum():,} px for all arms, cropped to it; "
        f"hatched: not scored\nmetrics: {scorecard.metric_version}",
        fontsize=10,
    )
    return figure


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
    with np.errstate(over="ignore", invalid="ignore"):
        pictures = {"phase": np.angle(image), "amplitude": np.abs(image)}
    for index, (part, values) in enumerate(pictures.items()):
        figure = Figure(figsize=(6.4, 5.2), layout="constrained")
        axis = figure.subplots()
        low, high = PlotLimits(0.0, 100.0).of([values])
        _draw_image(axis, values, _COLOURS[index], (low, high), (0.0, 0.0))
        figure.colorbar(axis.images[0], ax=axis, label=_LABELS[index])
        finite = np.isfinite(values).mean()
        axis.set_title(f"{name}: raw canvas {image.shape[0]} x {image.shape[1]} px, {finite:.1%} finite")
        _save(folder / f"{part}.png", figure)


def _visible_box(scorecard: Scorecard) -> tuple[slice, slice]:
    """Return the scored box and a margin of a twentieth, at least 2 px, inside the grid."""
    box = scorecard.box
    margin = max(2, max(axis.stop - axis.start for axis in box) // 20)
    rows, columns = (
        slice(max(0, axis.start - margin), min(side, axis.stop + margin))
        for axis, side in zip(box, scorecard.mask.shape, strict=True)
    )
    return rows, columns


def _arm_column(
    arm: ArmScore, mask: NDArray[np.bool_], truth: Image | None, box: tuple[slice, slice]
) -> _Column:
    scored = arm.status == "ok"
    # an arm that was not gauged has a phase of its own: it is turned to its own mean
    reference = truth if scored and truth is not None else arm.image
    phase, amplitude = _parts(arm.image, _rotation(reference, mask), mask, box)
    error = None
    if scored and truth is not None:
        with np.errstate(over="ignore", invalid="ignore"):
            error = _shown(np.abs(arm.image - truth), mask, box)
    missing = "" if np.isfinite(amplitude).any() else "no finite pixel"
    panels = (None, None, None) if missing else (phase, amplitude, error)
    return _Column(arm.arm, _arm_title(arm), panels, missing or "not scored", arm.status != "failed")


def _truth_column(mask: NDArray[np.bool_], truth: Image | None, box: tuple[slice, slice]) -> _Column:
    if truth is None:
        return _Column(GROUND_TRUTH, (), (None, None, None), "No Ground Truth", False)
    panels = _parts(truth, _rotation(truth, mask), mask, box)
    return _Column(GROUND_TRUTH, (), (*panels, None), "", True)


def _rotation(image: Image, mask: NDArray[np.bool_]) -> complex:
    """Return the phasor that turns the image's mean on the mask to phase 0: fewer wraps are seen."""
    pixels = image[mask & np.isfinite(image)]
    return complex(np.exp(-1j * np.angle(pixels.mean(dtype=np.complex128)))) if pixels.size else 1.0


def _parts(
    image: Image, rotation: complex, mask: NDArray[np.bool_], box: tuple[slice, slice]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    with np.errstate(over="ignore", invalid="ignore"):  # a dead arm is shown as dead
        return _shown(np.angle(image * rotation), mask, box), _shown(np.abs(image), mask, box)


def _shown(values: NDArray[Any], mask: NDArray[np.bool_], box: tuple[slice, slice]) -> NDArray[np.float64]:
    return np.where(mask & np.isfinite(values), values, np.nan)[box].astype(np.float64)


def _arm_title(arm: ArmScore) -> tuple[str, ...]:
    lines = []
    if arm.status == "ok":
        errors = [metric.value for metric in arm.metrics if metric.name == "fienup"]
        lines += [f"fienup error {error:.4f}" for error in errors if error is not None]
    else:
        text = (
            f"{arm.status.upper()}: {arm.reason}" if arm.status == "failed" else f"not scored: {arm.reason}"
        )
        lines += textwrap.wrap(
            text, _TITLE_CHARACTERS, max_lines=_REASON_LINES, placeholder=" ...", break_long_words=True
        )
    if arm.shift is not None and arm.shift.registered:
        how = "applied" if arm.moved else "measured"
        lines.append(f"shift ({arm.shift.dy:+.2f}, {arm.shift.dx:+.2f}) px, {how}")
    elif arm.shift is not None:
        lines.append("shift not registered")
    return tuple(lines)


def _draw_row(
    figure: Figure,
    axes: Sequence[Axes],
    columns: Sequence[_Column],
    row: int,
    limits: PlotLimits,
    box: tuple[slice, slice],
) -> None:
    panels = [column.panels[row] for column in columns]
    comparable = [panel for panel, column in zip(panels, columns, strict=True) if column.comparable]
    pooled = [panel for panel in comparable if panel is not None]
    common = limits.of(pooled or [panel for panel in panels if panel is not None])
    sharing = []
    for axis, column, panel in zip(axes, columns, panels, strict=True):
        if panel is None:
            _draw_nothing(axis, column, row, box)
            continue
        own = limits.phase.get(column.name) if row == 0 else None
        _draw_image(axis, panel, _COLOURS[row], own or common, (box[0].start, box[1].start))
        if own:
            figure.colorbar(axis.images[0], ax=axis, location="bottom", shrink=0.8, extend="both")
        else:
            sharing.append(axis)
    if sharing:
        figure.colorbar(sharing[0].images[0], ax=list(axes), label=_LABELS[row], extend="both", pad=0.01)
    axes[0].set_ylabel(f"{_LABELS[row]}\n\ny (px)", fontsize=11)


def _draw_image(
    axis: Axes, values: NDArray[Any], colours: str, limits: Limits, corner: tuple[float, float]
) -> None:
    """Draw an image (h, w) whose first pixel is `corner` (row, column); NaN lets the hatch through."""
    top, left = corner[0] - 0.5, corner[1] - 0.5
    extent = (left, left + values.shape[1], top + values.shape[0], top)
    axis.set_facecolor(_OUTSIDE)
    axis.patch.set(hatch="////", edgecolor=_HATCH, linewidth=0)
    axis.imshow(
        np.ma.masked_invalid(values),
        cmap=colours,
        vmin=limits[0],
        vmax=limits[1],
        extent=extent,
        interpolation="nearest",
    )


def _draw_nothing(axis: Axes, column: _Column, row: int, box: tuple[slice, slice]) -> None:
    if not column.missing:  # the truth has no error: an empty place, not a grey one
        axis.set_axis_off()
        return
    height, width = (side.stop - side.start for side in box)
    _draw_image(axis, np.full((height, width), np.nan), _COLOURS[row], (0, 1), (box[0].start, box[1].start))
    axis.text(0.5, 0.5, column.missing, transform=axis.transAxes, ha="center", va="center", fontsize=12)


def _draw_title(axis: Axes, column: _Column, lines: int) -> None:
    failed = any(line.startswith("FAILED") for line in column.title)
    axis.set_title("\n".join(column.title) or " ", fontsize=9, color="#b00020" if failed else "black")
    # two sizes in one title: the name stands above it
    axis.annotate(
        column.name,
        xy=(0.5, 1.0),
        xycoords="axes fraction",
        xytext=(0, 8 + 12 * lines),
        textcoords="offset points",
        ha="center",
        fontsize=13,
        fontweight="bold",
        color="#b00020" if failed else "black",
    )


def _save(path: Path, figure: Figure) -> None:
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        # without the version of matplotlib in it, equal figures are equal files
        figure.savefig(stream, format="png", dpi=DPI, metadata={"Software": None})
