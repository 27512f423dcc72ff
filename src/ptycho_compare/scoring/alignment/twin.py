"""The twin: the conjugate object turned by 180 degrees explains the same far field.

An iterative code may end in it, half or whole. It is reported, never undone: positions tell
the two apart, so that a twin in a scan with known positions is a fault of the reconstruction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ptycho_compare.errors import ScoringError
from ptycho_compare.scoring.alignment.registration import register
from ptycho_compare.scoring.mask import ComplexImage, Mask, bounding_box

CLEAR_GAIN = 0.1
"""By how much the twin must overlap the truth better than the image does."""


@dataclass(frozen=True)
class Twin:
    """A reconstruction whose twin fits the truth better than it does itself.

    Attributes
    ----------
    overlap : float
        Of the twin with the truth, means removed, in [0, 1].
    direct_overlap : float
        Of the image itself; 0 if it did not fit at all.
    """

    overlap: float
    direct_overlap: float

    def __str__(self) -> str:
        return (
            f"its twin (conjugate, turned by 180 degrees) overlaps the truth by {self.overlap:.3f}, "
            f"itself by {self.direct_overlap:.3f}"
        )


def find_twin(image: ComplexImage, truth: ComplexImage, mask: Mask, *, direct_overlap: float) -> Twin | None:
    """Find a twin of an image that fits better than the image.

    Parameters
    ----------
    image, truth : ndarray, (H, W), complex
    mask : ndarray, (H, W), bool
        Turned about the middle of its box together with the image.
    direct_overlap : float
        Of the image itself, in [0, 1] (`Shift.confidence`).
    """
    if direct_overlap > 1.0 - CLEAR_GAIN:
        return None
    box = bounding_box(mask)
    turned = mask[box] & mask[box][::-1, ::-1]
    if not turned.any():
        return None
    # where a twin lies is free: it is searched in a quarter of the box
    radius = max(min(turned.shape) // 4, 8)
    try:
        found = register(np.conj(image[box][::-1, ::-1]), truth[box], turned, radius_px=radius)
    except ScoringError:  # nothing to register: no twin either
        return None
    if not found.registered or found.confidence < direct_overlap + CLEAR_GAIN:
        return None
    return Twin(found.confidence, direct_overlap)
