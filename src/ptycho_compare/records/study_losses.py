"""Losses of networks and of the iterative code, epoch by epoch, as trainings and reconstructions left them.

They are of different quantities, so that only their courses compare: of each the part of its decrease that
is still to come.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from ptycho_compare.errors import InputError
from ptycho_compare.hub import Hub, Level
from ptycho_compare.records.arm_costs import steps_behind
from ptycho_compare.records.compared import Compared
from ptycho_compare.records.tables.csv_cells import finite
from ptycho_compare.records.training_history import read_history
from ptycho_compare.study.steps import ReconstructStep, TrainStep
from ptycho_compare.untrusted.npz import open_npz

NEARLY = 0.1
"""Of a decrease: what is still to come where nine tenths are done."""


@dataclass(frozen=True)
class LossPoint:
    """After an epoch.

    Attributes
    ----------
    seconds : float or None
        Since the beginning; None where it was not recorded.
    held_out : float or None
        Loss on the held-out groups; None of an iterative code, which has none.
    """

    epoch: int
    seconds: float | None
    loss: float
    held_out: float | None = None


@dataclass(frozen=True)
class LossCurve:
    """The course of one training or iterative reconstruction.

    Attributes
    ----------
    step : str
        Its id.
    levels : dict
        Where it belongs: ``dose``, ``view`` and ``split`` as far as it depends on them, and its cell.
    points : tuple of LossPoint
        At least one.
    """

    arm: str
    step: str
    levels: dict[str, Level]
    points: tuple[LossPoint, ...]

    @property
    def remaining(self) -> list[float | None]:
        """Part of the decrease from the first to the lowest loss that is still to come, 1 to 0, by epoch."""
        losses = [point.loss for point in self.points]
        low = min(losses)
        if losses[0] <= low:
            return [None] * len(losses)
        return [(loss - low) / (losses[0] - low) for loss in losses]

    def course(self, *, seconds: bool) -> list[tuple[float, float]]:
        """Return epoch or seconds, and what is still to come; empty where one of the two is not known."""
        pairs = zip(self.points, self.remaining, strict=True)
        held = [(point.seconds if seconds else point.epoch, left) for point, left in pairs]
        known = [(place, left) for place, left in held if place is not None and left is not None]
        return known if len(known) == len(held) else []

    @property
    def nearly(self) -> LossPoint | None:
        """The first epoch after which nine tenths of the decrease are done; None without a decrease."""
        pairs = zip(self.points, self.remaining, strict=True)
        return next((point for point, left in pairs if left is not None and left <= NEARLY), None)


def losses_behind(hub: Hub, compared: Iterable[Compared]) -> list[LossCurve]:
    """Read the losses behind comparisons, each training and reconstruction once.

    One that left none that can be read is left out: the checks of phases E and F judge it.
    """
    found: dict[str, LossCurve | None] = {}
    for each in compared:
        arms = {row.model for row in each.rows}
        for arm, step in steps_behind(hub, each.comparison).items():
            if arm in arms and step.id not in found:
                points = _trained(step) if isinstance(step, TrainStep) else _iterated(step)
                found[step.id] = LossCurve(arm, step.id, _levels(step), tuple(points)) if points else None
    return [curve for curve in found.values() if curve is not None]


def _levels(step: TrainStep | ReconstructStep) -> dict[str, Level]:
    place = dict(step.place)
    if isinstance(step, TrainStep):
        network = place.pop("network")
        place |= {} if step.single else {"view": network}
    return {"dose": step.dose, **place, **dict(step.cell)}


def _trained(step: TrainStep) -> Sequence[LossPoint]:
    try:
        epochs = read_history(step.files.history)
    except InputError:
        return []
    seconds = list(accumulate(each.seconds for each in epochs))
    timed = all(each.seconds > 0 for each in epochs)
    return [
        LossPoint(each.epoch, total if timed else None, each.loss, each.val_loss)
        for each, total in zip(epochs, seconds, strict=True)
    ]


def _iterated(step: ReconstructStep) -> Sequence[LossPoint]:
    """Read pty-chi's losses; its epochs take equal times, of which the file tells the sum."""
    try:
        with open_npz(step.files.reconstruction) as held:
            losses = held.array("losses")
            total = float(held.array("reconstruction_time")) if "reconstruction_time" in held else math.nan
    except (InputError, OSError, TypeError, ValueError):
        return []
    if losses.ndim != 1 or losses.dtype.kind != "f" or not all(map(math.isfinite, losses)):
        return []
    whole = finite(total) if total > 0 else None
    return [
        LossPoint(at, None if whole is None else whole * at / len(losses), float(loss))
        for at, loss in enumerate(losses, start=1)
    ]
