"""Where a scan lit the object: positions times the probe's energy. What no image lit was not measured."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy
from numpy.typing import NDArray

from ptycho_compare.reconstruction.canvas import Grid
from ptycho_compare.scoring.mask import erode

LIT_FROM = 0.15
"""A pixel was measured from this part of the light on where the scan goes. At the rim of a dense scan with
a Gaussian probe it is one standard deviation of the probe's intensity outside of the last positions."""

REACHED_FROM = 1e-3
"""Where coverage is known from patches that were laid down, this much light is asked for beside it."""

WELL_LIT_FROM = 0.5
"""Here every reconstruction must have content; where there is less light, codes stop in different places."""

WILD = 10.0
"""Where there is little light, a modulus above this many times the median of the lit pixels is no content."""

MOSTLY = 0.5
"""An image that is blank in more than this part of the lit pixels has no content anywhere."""


@dataclass(frozen=True, eq=False)
class Light:
    """How much light a scan sent through each pixel of a grid.

    Attributes
    ----------
    dose : ndarray, (H, W), float64
        In units of its median over the scan's positions.
    """

    dose: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        positions: NDArray[np.float64],
        probe: NDArray[np.complexfloating] | None,
        patch_px: int,
        grid: Grid,
    ) -> Light:
        """Add up the probe's energy over all positions, each to the nearest pixel.

        Parameters
        ----------
        positions : ndarray, (n, 2), float64
            x, y in px on the object's grid.
        probe : ndarray, (..., N, N), complex, or None
            Modes add up. None: the light is taken as even over the patch.
        patch_px : int
            N, px.
        grid : Grid
        """
        energy = np.ones((patch_px, patch_px)) if probe is None else energy_of(probe)
        side = len(energy)
        pixels = np.rint(positions[:, ::-1]).astype(np.int64)
        first = pixels.min(axis=0) - side
        hits = np.zeros(tuple(pixels.max(axis=0) + side + 1 - first))
        np.add.at(hits, tuple((pixels - first).T), 1.0)
        # a patch's pixel [N//2, N//2] lies at the position; rounding of the transform leaves no light below 0
        spread = _convolved(hits, energy)[side // 2 :, side // 2 :]
        dose = np.maximum(spread[: hits.shape[0], : hits.shape[1]], 0.0)
        level = float(np.median(dose[tuple((pixels - first).T)]))
        laid: NDArray[np.float64] = grid.lay(dose / level, (int(first[0]), int(first[1])))
        return cls(laid)

    @cached_property
    def lit(self) -> NDArray[np.bool_]:
        """The pixels (H, W) that were measured."""
        return self.dose >= LIT_FROM

    @cached_property
    def reached(self) -> NDArray[np.bool_]:
        """The pixels (H, W) that any light came through at all."""
        return self.dose >= REACHED_FROM

    def blank(self, values: NDArray[np.complexfloating], *, may_move_px: float) -> NDArray[np.bool_]:
        """Tell where a ready-made image has no content, which is no fault of it.

        Codes leave pixels that they did not reconstruct at 0 or NaN, or divide there by next to nothing.
        Where there was much light such a pixel is no blank but damage, and so are all of an image that holds
        hardly anything else.

        Parameters
        ----------
        values : ndarray, (H, W), complex
        may_move_px : float
            How far from its true place it may lie.

        Returns
        -------
        ndarray, (H, W), bool
        """
        modulus = np.abs(values)
        empty = ~np.isfinite(values) | (modulus == 0)
        if np.count_nonzero(empty & self.lit) >= MOSTLY * np.count_nonzero(self.lit):
            return np.zeros_like(empty)
        # interpolation would carry what outshines all content into it
        wild = modulus > WILD * np.median(modulus[self.lit & ~empty])
        full = erode(self.dose >= WELL_LIT_FROM, int(np.ceil(may_move_px)))
        return np.asarray((empty | wild) & ~full)


def energy_of(probe: NDArray[np.complexfloating]) -> NDArray[np.float64]:
    """Energy (N, N) of a probe (..., N, N): those of its modes add up."""
    energy = np.abs(probe.astype(np.complex128)) ** 2
    return np.asarray(energy.reshape(-1, *energy.shape[-2:]).sum(axis=0))


def _convolved(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the full convolution; to load `scipy.signal`, which has one, takes a CPU second."""
    full = [a + b - 1 for a, b in zip(one.shape, other.shape, strict=True)]
    shape = [scipy.fft.next_fast_len(side, real=True) for side in full]
    spectrum = scipy.fft.rfft2(one, shape) * scipy.fft.rfft2(other, shape)
    return np.asarray(scipy.fft.irfft2(spectrum, shape))[: full[0], : full[1]]
