"""What a network learns from: groups of a scan, what it should make of them, and their order.

The order, and which groups only the validation sees, follow from one seed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ScanError
from ptycho_compare.models.training.design import Design
from ptycho_compare.phases.simulate.exposure import true_patches
from ptycho_compare.scan.plan import Plan, Units
from ptycho_compare.scan.read import Scan

Batch = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[Any]]
"""Images (b, N, N, C), offsets (b, 1, 2, C) px, targets (b, ...)."""


@dataclass(frozen=True)
class Examples:
    """Groups of a scan, a batch at a time.

    Attributes
    ----------
    plan : Plan
        Groups and normalisation.
    units : Units
        Where the groups lie.
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

    `object_unit` is one unit of the network's object, in units of the true one. Raises ScanError when the
    true object is not known.
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


@dataclass(frozen=True)
class Schedule:
    """Which groups are trained on in which order, and when it ends.

    Attributes
    ----------
    rows, held : ndarray, int64
        Groups to train on, and those that only the validation sees.
    batch : int
        Groups per step.
    epochs, patience : int
        At most so many epochs, and so many without a lower validation loss.
    seed : int
        Of the order.
    """

    rows: NDArray[np.int64]
    held: NDArray[np.int64]
    batch: int
    epochs: int
    patience: int
    seed: int

    @property
    def steps(self) -> int:
        """Whole batches in an epoch; what is left over waits for the next order."""
        return len(self.rows) // self.batch

    def batches(self, epoch: int) -> NDArray[np.int64]:
        """Groups of each step of an epoch, (steps, batch)."""
        order = np.random.default_rng((self.seed, epoch)).permutation(self.rows)
        return order[: self.steps * self.batch].reshape(self.steps, self.batch)


def draw_schedule(
    count: int, *, share: float, batch: int, epochs: int, patience: int, seed: int, label: str
) -> Schedule:
    """Divide `count` groups by lot into those to train on and those to validate on.

    Parameters
    ----------
    share : float
        Part held out; at least one group is.
    batch, epochs, patience, seed : int
        See `Schedule`. A batch larger than all groups becomes one of all groups.
    label : str
        The data, for the message.

    Raises
    ------
    ScanError
        Fewer than two groups.
    """
    if count < 2:
        raise ScanError(
            f"{label}: {count} groups to train on; needed: at least 2, one of them for validation"
        )
    order = np.random.default_rng((seed, 0)).permutation(count)
    held = min(max(1, round(share * count)), count - 1)
    rows = np.sort(order[held:])
    return Schedule(rows, np.sort(order[:held]), min(batch, len(rows)), epochs, patience, seed)
