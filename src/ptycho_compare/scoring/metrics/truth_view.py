"""The reference of a comparison, prepared once for the metrics of all arms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.scoring.mask import ComplexImage, Mask, bounding_box, check_grid, erode
from ptycho_compare.scoring.metrics.contrast import Contrast
from ptycho_compare.scoring.metrics.estimate import Blocks
from ptycho_compare.scoring.metrics.frc import filled
from ptycho_compare.scoring.metrics.image_metrics import WINDOW_RADIUS_PX, Image, truth_range
from ptycho_compare.scoring.metrics.metric import COMPONENTS, NO_CONTRAST, Component, ReferenceKind
from ptycho_compare.scoring.metrics.ring_estimate import Patches
from ptycho_compare.scoring.metrics.truth_phase import ROUNDING_RAD, TruthPhase

ROUNDING = 1e-6
"""A range below this part of the largest amplitude is rounding."""

WEAK_PART: Mapping[ReferenceKind, float] = {"truth": 0.05, "independent_half": 0.2, "same_data": 0.2}
"""A component whose contrast is below this part of the other's is not scored: there is hardly
anything to see in it, and arms would be ranked by their noise. A measured reference has
noise of its own, so that more is asked of it. Relative amplitude and radians compare
directly: they are the two parts of the logarithm of the object."""

MOST_PHASE_RAD = 1.0
"""Contrast of a phase beyond which more of it makes an amplitude no fainter: its phasors are spread
over the whole circle."""


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
    masks : mapping of Component to ndarray, (H, W), bool
        Where each part is scored: the phase only where the truth lets light through.
    reference : ReferenceKind
    phase : TruthPhase
    parts : mapping of Component to ndarray, (H, W)
        Amplitude, phase without its smooth part (rad, from its least value on), and the complex field.
    ranges : mapping of Component to float
        Data range of each part on its mask.
    contrast : Contrast
    missing : mapping of Component to str
        Why the structure of a part is not scored.
    windows : frozenset of Component
        Parts whose mask holds an 11 x 11 window. The amplitude's is taken to: without one an arm fails.
    smooth : mapping of Component to ndarray, (h, w)
        The parts that are shown, on the mask's box, continued where their mask has holes.
    blocks : mapping of Component to Blocks
        For uncertainty, as are `patches` and `spectra`, those of the smooth parts.
    """

    field: NDArray[np.complex128]
    rotation: complex
    mask: Mask
    masks: Mapping[Component, Mask]
    reference: ReferenceKind
    phase: TruthPhase
    parts: Mapping[Component, Image]
    ranges: Mapping[Component, float]
    contrast: Contrast
    missing: Mapping[Component, str]
    windows: frozenset[Component]
    smooth: Mapping[Component, Image]
    blocks: Mapping[Component, Blocks]
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
        phase = TruthPhase.of(field, mask)
        masks: dict[Component, Mask] = {"amplitude": mask, "phase": phase.mask, "value": mask}
        parts: dict[Component, Image] = {
            "amplitude": np.abs(field),
            "phase": phase.values,
            "value": field,
        }
        ranges = {name: truth_range(part, masks[name]) for name, part in parts.items()}
        contrast = replace(Contrast.of(field, mask, phase.mask, phase.smooth), phase=phase.contrast)
        missing = _missing(parts, ranges, contrast, masks, phase, reference)
        smooth = smooth_parts(parts, masks, frozenset(COMPONENTS) - missing.keys())
        patches = Patches.of(mask[bounding_box(mask)].shape)
        whole = Blocks.of(mask, block_px)
        some = not np.array_equal(phase.mask, mask)
        return cls(
            field=field,
            rotation=rotation,
            mask=mask,
            masks=masks,
            reference=reference,
            phase=phase,
            parts=parts,
            ranges=ranges,
            contrast=contrast,
            missing=missing,
            windows=frozenset(
                name
                for name in COMPONENTS
                if name != "phase" or not some or erode(phase.mask, WINDOW_RADIUS_PX).any()
            ),
            smooth=smooth,
            # one object where the mask is one: what is drawn of its blocks is shared
            blocks={
                "amplitude": whole,
                "phase": Blocks.of(phase.mask, block_px) if some else whole,
                "value": whole,
            },
            patches=patches,
            spectra={name: patches.spectrum(part) for name, part in smooth.items()},
        )

    @property
    def shown(self) -> frozenset[Component]:
        """The parts whose structure is scored."""
        return frozenset(COMPONENTS) - self.missing.keys()

    def note(self, *components: Component) -> str:
        """Name those of some components that have no structure to score, and why."""
        return "; ".join(f"{name}: {self.missing[name]}" for name in components if name in self.missing)

    @property
    def phase_note(self) -> str:
        """Say how many pixels the phase is scored on, where they are fewer than all."""
        lit, pixels = int(self.masks["phase"].sum()), int(self.mask.sum())
        return "" if lit == pixels else f"phase on {lit} of {pixels} px: the truth is opaque in the others"


@dataclass(frozen=True, eq=False)
class TruthWindow:
    """A window of a `TruthView`, (h, w): enough to hold a small image against it, pixel by pixel."""

    field: NDArray[np.complex128]
    rotation: complex
    mask: Mask
    masks: Mapping[Component, Mask]
    parts: Mapping[Component, Image]

    @classmethod
    def of(cls, view: TruthView, box: tuple[slice, slice]) -> TruthWindow:
        """Cut rows and columns out of a view."""
        return cls(
            view.field[box],
            view.rotation,
            view.mask[box],
            {name: mask[box] for name, mask in view.masks.items()},
            {name: part[box] for name, part in view.parts.items()},
        )


def smooth_parts(
    parts: Mapping[Component, Image], masks: Mapping[Component, Mask], shown: frozenset[Component]
) -> dict[Component, Image]:
    """Crop the parts that are shown to the mask's box and fill its holes, ready for a spectrum."""
    box = bounding_box(masks["value"])
    return {name: filled(parts[name][box], masks[name][box]) for name in COMPONENTS if name in shown}


def _missing(
    parts: Mapping[Component, Image],
    ranges: Mapping[Component, float],
    contrast: Contrast,
    masks: Mapping[Component, Mask],
    phase: TruthPhase,
    reference: ReferenceKind,
) -> dict[Component, str]:
    """Say why parts are not scored; the complex field always is, unless neither of its parts has contrast."""
    seen: dict[Component, float] = {
        "amplitude": contrast.amplitude,
        "phase": min(contrast.phase, MOST_PHASE_RAD),
    }
    rounding: dict[Component, float] = {
        "amplitude": ROUNDING * float(parts["amplitude"][masks["amplitude"]].max()),
        "phase": ROUNDING_RAD,
    }
    weak = WEAK_PART[reference] * max(seen.values())
    missing = {name: NO_CONTRAST for name in seen if seen[name] < weak or ranges[name] <= rounding[name]}
    if phase.trouble:
        missing["phase"] = phase.trouble
    if all(missing.get(name) == NO_CONTRAST for name in seen):
        missing["value"] = NO_CONTRAST
    return missing
