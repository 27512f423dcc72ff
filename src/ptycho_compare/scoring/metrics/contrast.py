"""How much an image shows: the contrast of its components, free of gauge and smooth phase."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ptycho_compare.scoring.collapse import CONSTANT_BELOW
from ptycho_compare.scoring.mask import ComplexImage, Mask
from ptycho_compare.scoring.metrics.metric import Component
from ptycho_compare.scoring.metrics.smooth_phase import SmoothPart
from ptycho_compare.scoring.metrics.truth_phase import without


@dataclass(frozen=True)
class Contrast:
    """Contrast of an image on a mask.

    Attributes
    ----------
    amplitude : float
        Spread of the modulus over its mean.
    phase : float
        Spread of the phase without its smooth part, rad.
    value : float
        Spread of the complex field about its mean, over its norm, without that smooth part.
    bend : float
        Spread of the smooth part but for its plane, rad.
    """

    amplitude: float
    phase: float
    value: float
    bend: float

    @classmethod
    def of(cls, field: ComplexImage, mask: Mask, lit: Mask, smooth: SmoothPart) -> Contrast:
        """Measure a field (H, W), complex, on a mask; its phase, less a smooth part, where it is lit."""
        modulus = np.abs(field[mask])
        phase = without(field, smooth.surface, lit)[lit]
        level = np.abs(field[lit]) * np.exp(1j * phase)
        mean, norm = float(modulus.mean()), float(np.linalg.norm(level))
        return cls(
            float(modulus.std()) / mean if mean > 0 else 0.0,
            float(phase.std()),
            float(np.linalg.norm(level - level.mean())) / norm if norm > 0 else 0.0,
            smooth.bend,
        )

    @property
    def lacking(self) -> frozenset[Component]:
        """Components that the image does not have at all; a plane is no phase, for a gauge may hold it."""
        found: dict[Component, float] = {"amplitude": self.amplitude, "phase": max(self.phase, self.bend)}
        return frozenset(name for name, contrast in found.items() if contrast < CONSTANT_BELOW)
