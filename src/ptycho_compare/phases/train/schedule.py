"""Which groups are trained on in which order, and when it ends: all of it follows from one seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ScanError


@dataclass(frozen=True)
class Schedule:
    """The progress of a training, before it begins.

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
    count : int
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
