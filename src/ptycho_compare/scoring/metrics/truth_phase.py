"""The phase of a truth as its structure is scored: where light comes through, without its smooth part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
import skimage
from numpy.typing import NDArray

from ptycho_compare.scoring.mask import ComplexImage, Mask, lit_part
from ptycho_compare.scoring.metrics.metric import ONLY_SMOOTH, RESIDUES, WINDS
from ptycho_compare.scoring.metrics.smooth_phase import RealImage, SmoothFit, SmoothPart, wrapped

ROUNDING_RAD = 1e-6
"""A range below this is rounding."""

TAIL = 1e-3
"""Part of a bent surface that its polynomial may leave behind: what is below it is no structure."""


@dataclass(frozen=True, eq=False)
class TruthPhase:
    """The phase of a truth without its smooth part, continuous where it can be.

    Attributes
    ----------
    values : ndarray, (H, W), float64
        Counted from its least value on the mask, rad; 0 outside.
    mask : ndarray, (H, W), bool
        The pixels that let light through (`lit_part`): elsewhere there is no phase.
    fit : SmoothFit
        For the arms too.
    smooth : SmoothPart
        What was taken out.
    trouble : str
        Why its structure cannot be scored; empty if it can.
    """

    values: RealImage
    mask: Mask
    fit: SmoothFit
    smooth: SmoothPart
    trouble: str

    @classmethod
    def of(cls, truth: ComplexImage, mask: Mask) -> TruthPhase:
        """Prepare the phase of a truth (H, W), complex, finite on the mask (H, W)."""
        lit = lit_part(truth, mask)
        kept = np.where(lit, truth, 0.0)
        fit = SmoothFit.of(np.abs(kept), lit)
        smooth = fit.of_field(kept)
        values, trouble = continuous(without(kept, smooth.surface, lit), lit)
        inside = values[lit]
        taken = float(np.ptp(smooth.surface[lit]))
        if np.ptp(inside) <= ROUNDING_RAD < 0.1 * taken or inside.std() < TAIL * smooth.bend:
            trouble = ONLY_SMOOTH
        return cls(np.where(lit, values - inside.min(), 0.0), lit, fit, smooth, trouble)

    @property
    def contrast(self) -> float:
        """Spread on its mask, rad."""
        return float(self.values[self.mask].std())


def without(field: ComplexImage, surface: RealImage, mask: Mask) -> RealImage:
    """Phases of a field (H, W) less a surface in rad, about the mean phasor on the mask, (H, W)."""
    level = field * np.exp(-1j * surface)
    return np.asarray(np.angle(level * np.conj(level[mask].mean())))


def continuous(phase: RealImage, mask: Mask) -> tuple[RealImage, str]:
    """Unwrap a phase (H, W) where it wraps between neighbours inside the mask.

    Returns
    -------
    ndarray, (H, W), float64
        Parts of the mask that do not touch lie within pi of zero in the mean. As it came where there
        is trouble.
    str
        Why there is no continuous phase: loops of 2 x 2 pixels about which it winds (residues),
        or a winding about a hole. Empty if there is one.
    """
    if not _jumps(phase, mask):
        return phase, ""
    residues = count_residues(phase, mask)
    if residues:
        return phase, f"{RESIDUES}{residues} residue{'s' * (residues > 1)}"
    library: Any = skimage.restoration  # partly untyped
    smooth = np.ma.getdata(library.unwrap_phase(np.ma.array(phase, mask=~mask), rng=0))
    places, count = scipy.ndimage.label(mask)
    means = np.concatenate([[0.0], scipy.ndimage.mean(smooth, places, np.arange(1, count + 1))])
    found = smooth - 2 * np.pi * np.rint(means / (2 * np.pi))[places]
    return (phase, WINDS) if _jumps(found, mask) else (found, "")


def count_residues(phase: RealImage, mask: Mask) -> int:
    """Count the loops of 2 x 2 pixels inside the mask about which a phase (H, W) winds.

    Goldstein, Zebker & Werner, Radio Sci. 23, 713-720 (1988), doi:10.1029/RS023i004p00713.
    """
    down, right = (wrapped(np.diff(phase, axis=axis)) for axis in (0, 1))
    winding = down[:, :-1] + right[1:] - down[:, 1:] - right[:-1]
    whole = mask[1:, 1:] & mask[1:, :-1] & mask[:-1, 1:] & mask[:-1, :-1]
    return int(np.count_nonzero(whole & (np.abs(winding) > np.pi)))


def _jumps(phase: NDArray[np.float64], mask: Mask) -> bool:
    return any(
        bool(((np.abs(np.diff(phase, axis=axis)) > np.pi) & both).any())
        for axis, both in ((0, mask[1:] & mask[:-1]), (1, mask[:, 1:] & mask[:, :-1]))
    )
