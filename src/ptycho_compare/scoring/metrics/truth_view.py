"""The reference of a comparison, prepared once for the metrics of all arms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.scoring.mask import ComplexImage, Mask, bounding_box, check_grid
from ptycho_compare.scoring.metrics.estimate import Blocks
from ptycho_compare.scoring.metrics.frc import filled
from ptycho_compare.scoring.metrics.image_metrics import Image, truth_range
from ptycho_compare.scoring.metrics.metric import COMPONENTS, Component, ReferenceKind
from ptycho_compare.scoring.metrics.ring_estimate import Patches

ROUNDING = 1e-6
"""A range below this part of the largest amplitude, or below this many rad, is rounding."""

WEAK_PART: Mapping[ReferenceKind, float] = {"truth": 0.05, "independent_half": 0.2, "same_data": 0.2}
"""A component whose contrast is below this part of the other's is not scored: there is hardly
anything to see in it, and arms would be ranked by their noise. A measured reference has
noise of its own, so that more is asked of it. Relative amplitude and radians compare
directly: they are the two parts of the logarithm of the object."""

NO_CONTRAST_NOTE = "no contrast in the truth"
"""Declares, after the component's name, a score that cannot be given."""


@dataclass(frozen=True, eq=False)
class TruthView:
    """The truth, or another reference in its place.

    Attributes
    ----------
    field : ndarray, (H, W), complex128
        The truth, 0 outside the mask, turned by `rotation`.
    rotation : complex
        Unit phasor that turns the truth's mean on the mask to phase 0, so that a phase
        object lies about 0 and not across the cut at +-pi.
    mask : ndarray, (H, W), bool
    reference : ReferenceKind
    parts : mapping of Component to ndarray, (H, W)
        Amplitude, phase counted from its least value on the mask (rad), and the complex field.
    ranges : mapping of Component to float
        Data range of each part on the mask.
    shown : frozenset of Component
        Parts with contrast.
    smooth : mapping of Component to ndarray, (h, w)
        The parts with contrast on the mask's box, continued where the mask has holes.
    blocks : Blocks
        For uncertainty, as are `patches` and `spectra`, those of the smooth parts.
    """

    field: NDArray[np.complex128]
    rotation: complex
    mask: Mask
    reference: ReferenceKind
    parts: Mapping[Component, Image]
    ranges: Mapping[Component, float]
    shown: frozenset[Component]
    smooth: Mapping[Component, Image]
    blocks: Blocks
    patches: Patches
    spectra: Mapping[Component, NDArray[np.complex128]]

    @classmethod
    def build(
        cls,
        truth: ComplexImage,
        mask: Mask,
        *,
        reference: ReferenceKind = "truth",
        block_px: int | None = None,
    ) -> TruthView:
        """Prepare a truth (H, W), complex, on a mask (H, W)."""
        check_grid(mask, truth=truth)
        kept = np.where(mask, truth, 0.0).astype(np.complex128)
        rotation = complex(np.exp(-1j * np.angle(kept[mask].mean())))
        field = kept * rotation
        phase = np.angle(field)
        # from the least phase on: SSIM compares means, and means about 0 have no ratio
        parts: dict[Component, Image] = {
            "amplitude": np.abs(field),
            "phase": phase - float(phase[mask].min()),
            "value": field,
        }
        ranges = {name: truth_range(part, mask) for name, part in parts.items()}
        shown = _shown(parts, ranges, mask, reference)
        smooth = smooth_parts(parts, mask, shown)
        patches = Patches.of(mask[bounding_box(mask)].shape)
        return cls(
            field,
            rotation,
            mask,
            reference,
            parts,
            ranges,
            shown,
            smooth,
            Blocks.of(mask, block_px),
            patches,
            {name: patches.spectrum(part) for name, part in smooth.items()},
        )

    def note(self, *components: Component) -> str:
        """Name those of some components that show no contrast."""
        return "; ".join(f"{name}: {NO_CONTRAST_NOTE}" for name in components if name not in self.shown)


def smooth_parts(
    parts: Mapping[Component, Image], mask: Mask, shown: frozenset[Component]
) -> dict[Component, Image]:
    """Crop the parts with contrast to the mask's box and fill its holes, ready for a spectrum."""
    box = bounding_box(mask)
    return {name: filled(parts[name][box], mask[box]) for name in COMPONENTS if name in shown}


def _shown(
    parts: Mapping[Component, Image],
    ranges: Mapping[Component, float],
    mask: Mask,
    reference: ReferenceKind,
) -> frozenset[Component]:
    amplitude, phase = parts["amplitude"][mask], parts["phase"][mask]
    mean = float(amplitude.mean())
    contrast: dict[Component, float] = {
        "amplitude": float(amplitude.std()) / mean if mean > 0 else 0.0,
        "phase": float(phase.std()),
    }
    weak = WEAK_PART[reference] * max(contrast.values())
    rounding: dict[Component, float] = {"amplitude": ROUNDING * float(amplitude.max()), "phase": ROUNDING}
    real = {name for name in rounding if contrast[name] >= weak and ranges[name] > rounding[name]}
    return frozenset(name for name in COMPONENTS if name in real or (name == "value" and real))
