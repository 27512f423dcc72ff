"""The size of one of PtychoPINN's networks, and the numbers that follow from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import StudyError

ENCODER_FILTERS = {64: (32, 64, 128), 128: (16, 32, 64, 128), 256: (8, 16, 32, 64, 128)}
"""By side of the patch: feature maps of each stage on the way down, for ``n_filters_scale`` 1."""
DECODER_FILTERS = {64: (64, 32), 128: (128, 64, 32), 256: (256, 128, 64, 32)}
"""The same on the way up."""
OFFSET_PX, JITTER_PX = 4, 10
"""PtychoPINN's ``offset`` and ``max_position_jitter``: room on the canvas of a group."""
MEAN_AMPLITUDE = 0.5
"""Amplitude of a typical object in a network's units: the middle of its sigmoid's range."""


@dataclass(frozen=True)
class Design:
    """One network, before it has weights.

    Attributes
    ----------
    patch_px : int
        N, side of an image and of a patch: 64, 128 or 256 px.
    gridsize : int
        g; a group has g^2 images.
    filters_scale : int
        PtychoPINN's ``n_filters_scale``.
    photons : float
        Photons per exposure.

    Raises
    ------
    StudyError
        PtychoPINN has no network for images of that size.
    """

    patch_px: int
    gridsize: int
    filters_scale: int
    photons: float

    def __post_init__(self) -> None:
        if self.patch_px not in ENCODER_FILTERS:
            sides = ", ".join(map(str, ENCODER_FILTERS))
            raise StudyError(
                f"images of {self.patch_px} px; PtychoPINN has networks for {sides} px: simulate one"
            )

    @property
    def images(self) -> int:
        """C, images in a group."""
        return self.gridsize**2

    @property
    def input_scale(self) -> float:
        """S = sqrt(photons) / (N/2): makes normalised amplitudes the roots of photon counts."""
        return float(self.photons**0.5 / (self.patch_px / 2))

    @property
    def canvas_px(self) -> int:
        """P, side of the canvas that a group is merged on."""
        return self.patch_px + (self.gridsize - 1) * OFFSET_PX + JITTER_PX

    @property
    def border_filters(self) -> int:
        """Feature maps in front of the head for the outer part of a patch."""
        return self.filters_scale * 2048 // self.patch_px


def probe_scale(probe: NDArray[np.complex64]) -> float:
    """Factor that brings a probe into a network's units.

    An object of `MEAN_AMPLITUDE` everywhere then gives images of the energy (N/2)^2, which is what
    normalised images have on average.
    """
    side = len(probe)
    energy = np.sum(np.abs(probe) ** 2, dtype=np.float64)
    return float((side / 2) / (MEAN_AMPLITUDE * np.sqrt(energy)))
