"""The forward model of far-field ptychography: from an object to the amplitudes on the detector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ptycho_compare.reconstruction.canvas import Grid, move
from ptycho_compare.reconstruction.light import energy_of

# px around a patch that its sub-pixel move may draw on: the error left in R under a flat probe is
# 1e-2 with 0, 4e-4 with 4, 1e-4 with 8; under a real probe it is below 1e-4 in any case
_MARGIN_PX = 8


@dataclass(frozen=True)
class ForwardModel:
    """The amplitudes that an object gives at each position of a scan, through a probe of m modes."""

    windows: NDArray[np.complex128]
    modes: NDArray[np.complex128]
    positions: NDArray[np.float64]
    grid: Grid

    @classmethod
    def of(
        cls,
        filled: NDArray[np.complexfloating],
        positions: NDArray[np.float64],
        probe: NDArray[np.complexfloating],
        grid: Grid,
    ) -> ForwardModel:
        """Take an object (H, W) on a grid, positions (n, 2) x, y in px, and a probe (N, N) or (m, N, N)."""
        side = probe.shape[-1] + 2 * _MARGIN_PX
        windows = _windows(filled.astype(np.complex128), side, outside=filled.mean())
        modes = probe.astype(np.complex128).reshape(-1, *probe.shape[-2:])
        return cls(windows, modes, positions, grid)

    def amplitudes(self, images: NDArray[np.int64]) -> NDArray[np.float64]:
        """Predict images (b,): (b, N, N), zero frequency in the centre."""
        patch = slice(_MARGIN_PX, _MARGIN_PX + self.modes.shape[-1])
        at = self.positions[images]
        corners = corners_of(at, self.windows.shape[-1], self.grid)
        # what lies at the position comes to the whole pixel, so the content moves backwards
        backwards = (np.rint(at) - at)[:, ::-1]
        patches = move(self.windows[tuple(corners.T)], backwards, patch, patch)
        made = [np.abs(scipy.fft.fft2(mode * patches, norm="ortho", workers=1)) for mode in self.modes]
        total = made[0] if len(made) == 1 else np.sqrt(sum(np.square(each) for each in made))
        return np.asarray(np.fft.fftshift(total, axes=(1, 2)))


def lit_part(
    covered: NDArray[np.bool_], positions: NDArray[np.float64], probe: NDArray[np.complexfloating], grid: Grid
) -> NDArray[np.float64]:
    """Part of the probe's energy that lies on covered pixels, for each position."""
    energy = energy_of(probe)
    windows = _windows(covered, len(energy), outside=False)
    corners = corners_of(positions, len(energy), grid)
    # one window at a time: images of a long scan would not fit in memory together
    lit = [energy[windows[row, column]].sum() for row, column in corners]
    return np.asarray(lit / energy.sum(), np.float64)


def _windows(image: NDArray[Any], side: int, *, outside: complex) -> NDArray[Any]:
    """View every side x side window of an image that is continued by a constant."""
    return sliding_window_view(np.pad(image, side, constant_values=outside), (side, side))


def corners_of(positions: NDArray[np.float64], side: int, grid: Grid) -> NDArray[np.int64]:
    """Row and column of each position's window in `_windows`; one far outside sees only the outside."""
    first = np.rint(positions[:, ::-1]).astype(np.int64) - side // 2 - np.array(grid.origin)
    return np.asarray(np.clip(first + side, 0, np.array(grid.shape) + side), np.int64)
