"""Examples: groups of a scan as a network is shown them, and what it should have made of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ScanError
from ptycho_compare.models.training.design import Design
from ptycho_compare.phases.simulate.exposure import true_patches
from ptycho_compare.scan import Plan, Scan, Units

Batch = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[Any]]
"""Images (b, N, N, C), offsets (b, 1, 2, C) px, targets (b, ...)."""


@dataclass(frozen=True)
class Examples:
    """Groups of a scan, a batch at a time.

    Attributes
    ----------
    scan : Scan
    plan : Plan
        Groups and normalisation.
    units : Units
        Where the groups lie.
    design : Design
        Of the network.
    targets : callable
        Makes the targets of a batch of rows from its images.
    """

    scan: Scan
    plan: Plan
    units: Units
    design: Design
    targets: Callable[[NDArray[np.int64], NDArray[np.float32]], NDArray[Any]]

    def batch(self, rows: NDArray[np.int64]) -> Batch:
        """Read the groups of these rows."""
        images = self.plan.network_input(self.scan.diffraction, self.units.images[rows])
        images *= np.float32(self.design.input_scale)
        return images, self.units.local_offsets[rows], self.targets(rows, images)

    @property
    def count(self) -> int:
        """Groups in all."""
        return len(self.units.images)


def measured(scan: Scan, plan: Plan, design: Design) -> Examples:
    """Show groups; the targets are the measured images themselves, as the network gets them."""
    units = plan.units(scan.positions, group_size=design.images)
    return Examples(scan, plan, units, design, lambda _rows, images: images)


def with_truth(scan: Scan, plan: Plan, design: Design, *, object_unit: float) -> Examples:
    """Show single images; the targets are true patches (b, N, N) complex64.

    Parameters
    ----------
    scan : Scan
    plan : Plan
        Of single images.
    design : Design
    object_unit : float
        One unit of the network's object, in units of the true one.

    Raises
    ------
    ScanError
        The true object is not known.
    """
    if scan.truth is None:
        raise ScanError(
            f"{scan.path}: 'objectGuess' is missing; the Baseline learns from the true object: simulate one, "
            "or bring a trained Baseline"
        )
    units = plan.units(scan.positions, group_size=1)
    side = design.patch_px
    # patches at the rim of a scan may reach beyond the object; its last pixel goes on there
    truth = np.pad(scan.truth / np.float32(object_unit), side, mode="edge")
    centres = units.centres + side
    return Examples(scan, plan, units, design, lambda rows, _images: true_patches(truth, centres[rows], side))
