"""Epoch after epoch, until the validation loss falls no more: what can be stopped, and goes on exactly."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ArmError
from ptycho_compare.jobs.context import JobContext
from ptycho_compare.models.training.trainer import Trainer
from ptycho_compare.phases.train.checkpoint import TrainingCheckpoint, TrainingProgress
from ptycho_compare.phases.train.examples import Batch, Examples, Schedule
from ptycho_compare.records.training_history import Epoch

PART = "training"


def fit(
    trainer: Trainer,
    examples: Examples,
    schedule: Schedule,
    *,
    context: JobContext,
    checkpoint: TrainingCheckpoint,
    tell: Callable[[TrainingProgress], None],
) -> TrainingProgress:
    """Train, or go on training.

    The order of an epoch's batches follows from the seed and its number alone, so a training that was
    killed and goes on from its last whole epoch ends as one that was not.

    Parameters
    ----------
    trainer : Trainer
        With its initial weights; ends with the best ones.
    checkpoint : TrainingCheckpoint
        Written after each epoch.
    tell : callable
        Told of the progress after each epoch.

    Raises
    ------
    ArmError
        The loss became something else than a number.
    Stopped
        Asked to; the whole epochs are safe.
    """
    progress = checkpoint.load(lambda reason: context.noted("set_aside", part=PART, reason=reason))
    trainer.restore(progress.state)
    steps = schedule.steps
    done = len(progress.epochs)
    seconds = sum(epoch.seconds for epoch in progress.epochs)
    context.planned({PART: (done * steps, schedule.epochs * steps)}, unit="steps")
    while len(progress.epochs) < schedule.epochs and progress.idle < schedule.patience:
        epoch = _epoch(trainer, examples, schedule, len(progress.epochs) + 1, context, seconds)
        seconds += epoch.seconds
        progress = _after(progress, epoch, trainer)
        with context.holding():  # whoever asks now is heard when the epoch is safe
            context.working(PART, epoch.epoch * steps, seconds, now=True)
            spent = checkpoint.save(progress)
            context.saved(PART, epoch.epoch * steps, spent)
            tell(progress)
    if len(progress.epochs) < schedule.epochs:  # no better for so long: what was planned is done
        context.planned({PART: (len(progress.epochs) * steps,) * 2}, unit="steps")
    trainer.restore(progress.best)
    return progress


def _epoch(
    trainer: Trainer,
    examples: Examples,
    schedule: Schedule,
    number: int,
    context: JobContext,
    before_s: float,
) -> Epoch:
    began = time.perf_counter()
    losses = []
    for step, rows in enumerate(schedule.batches(number), start=(number - 1) * schedule.steps + 1):
        losses.append(trainer.step(*examples.batch(rows)))
        if not math.isfinite(losses[-1]):
            raise ArmError(
                f"{examples.scan.path}: the loss is {losses[-1]} in epoch {number}; lower this network's "
                "'learning_rate' in the study"
            )
        context.working(PART, step, before_s + time.perf_counter() - began)
    validation = _validation(trainer, examples, schedule)
    return Epoch(number, float(np.mean(losses)), validation, round(time.perf_counter() - began, 3))


def _validation(trainer: Trainer, examples: Examples, schedule: Schedule) -> float:
    """Mean loss of the groups held out."""
    rows, size = schedule.held, schedule.batch
    losses = [
        trainer.losses(*_filled(examples, rows[start : start + size], size))[: len(rows) - start]
        for start in range(0, len(rows), size)
    ]
    return float(np.concatenate(losses).mean(dtype=np.float64))


def _filled(examples: Examples, rows: NDArray[np.int64], size: int) -> Batch:
    """A batch of constant size: the last row stands for those that are missing."""
    return examples.batch(np.pad(rows, (0, size - len(rows)), mode="edge"))


def _after(progress: TrainingProgress, epoch: Epoch, trainer: Trainer) -> TrainingProgress:
    epochs = [*progress.epochs, epoch]
    better = not progress.epochs or epoch.val_loss < progress.kept.val_loss
    return TrainingProgress(epochs, trainer.state(), trainer.weights() if better else progress.best)
