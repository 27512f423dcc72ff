"""Where on the object the measured diffraction is not explained: R-factor maps of all arms."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.reporting.figures.drawing import (
    Box,
    Line,
    PlotLimits,
    by_defaults,
    draw_image,
    draw_nothing,
    save,
    widened,
    write_above,
)
from ptycho_compare.reporting.figures.grid import panel_grid

if TYPE_CHECKING:  # matplotlib is slow to load
    from matplotlib.figure import Figure

Map = NDArray[np.floating[Any]]

_MOST_COLUMNS = 4
_LIMITS = PlotLimits(p_min=1.0, p_max=99.0)


def plot_residuals(path: Path, maps: Mapping[str, Map], r_factors: Mapping[str, float], box: Box) -> None:
    """Draw R-factor maps as PNG, 150 dots per inch; see `residual_figure`."""
    save(path, residual_figure(maps, r_factors, box), trimmed=True)


@by_defaults()
def residual_figure(maps: Mapping[str, Map], r_factors: Mapping[str, float], box: Box) -> Figure:
    """Draw the R-factor maps of all arms side by side, under one colour scale.

    Parameters
    ----------
    maps : mapping of str to ndarray, (H, W), float
        By arm, dimensionless, on one grid; NaN where no image lies. An arm without a number is
        shown empty.
    r_factors : mapping of str to float
        Of each arm in total; NaN if not known.
    box : tuple of slice
        Rows and columns to show; a margin is added.

    Raises
    ------
    ValueError
        No map, unlike grids, or other arms in `r_factors` than in `maps`.
    """
    shape = _checked(maps, r_factors)
    box = widened(box, shape)
    grid = panel_grid(box, len(maps), most=_MOST_COLUMNS, rows=1, room=1)
    parts = {arm: np.where(np.isfinite(values), values, np.nan)[box] for arm, values in maps.items()}
    limits = _LIMITS.of(list(parts.values()))
    drawn = []
    for axis, (arm, part) in zip(grid.axes.flat, parts.items(), strict=False):
        known = bool(np.isfinite(part).any())
        if known:
            draw_image(axis, part, colours="magma", limits=limits, box=box)
            drawn.append(axis)
        else:
            draw_nothing(axis, "no finite pixel", box=box)
        total = r_factors[arm]
        text = f"R = {total:.4f} in total" if np.isfinite(total) else "R not known"
        write_above(axis, arm, [Line(text, alarm=not np.isfinite(total))], room=1)
    grid.label_edges(len(maps), ["y (px)"])
    if drawn:
        grid.add_bar(drawn[0].images[0], 0, len(grid.axes) - 1, label="R-factor")
    grid.write_title("R-factor of the diffraction amplitudes; hatched: no image lies here")
    return grid.figure


def _checked(maps: Mapping[str, Map], r_factors: Mapping[str, float]) -> tuple[int, ...]:
    """Return the shape of the grid that all maps share."""
    if not maps:
        raise ValueError("no R-factor map to draw")
    if set(maps) != set(r_factors):
        raise ValueError(
            f"R-factor maps of {', '.join(maps)}, but totals of {', '.join(r_factors) or 'none'}"
        )
    shapes = {arm: values.shape for arm, values in maps.items()}
    if len(set(shapes.values())) > 1:
        listed = ", ".join(f"{arm} {shape}" for arm, shape in shapes.items())
        raise ValueError(f"R-factor maps lie on one grid, not on these: {listed}")
    return next(iter(shapes.values()))
