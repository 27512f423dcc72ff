"""What a training leaves beside its network: the log, the losses as a table and as a figure."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from ptycho_compare.phases.train.checkpoint import Epoch, TrainingProgress
from ptycho_compare.phases.train.job import TrainingJob
from ptycho_compare.reporting.figures import plot_history
from ptycho_compare.storage.files import write_text_atomic

_RULE = "=" * 80
_MEASURES = {True: "mean absolute error of patches", False: "Poisson misfit per photon"}


def write_log(job: TrainingJob, facts: Sequence[str], progress: TrainingProgress) -> None:
    """Write the whole log anew: it tells the progress of the training, however many attempts that took."""
    lines = [
        _RULE,
        "Phase E5 Training Execution",
        _RULE,
        f"network: {job.network}, gridsize {job.gridsize}, dose {job.dose}",
        *facts,
        f"loss: {_MEASURES[job.single]}",
        *(epoch_line(epoch, job) for epoch in progress.epochs),
    ]
    write_text_atomic(job.files.log, "\n".join([*lines, ""]))


def epoch_line(epoch: Epoch, job: TrainingJob) -> str:
    """Tell what an epoch gave."""
    return (
        f"epoch {epoch.epoch}/{job.how.epochs}: loss {epoch.loss:.6g}, val_loss {epoch.val_loss:.6g}, "
        f"{epoch.seconds:.1f} s"
    )


def write_history(job: TrainingJob, progress: TrainingProgress) -> None:
    """Write the losses as CSV (``epoch,loss,val_loss,seconds``) and as a figure."""
    buffer = io.StringIO()
    table = csv.writer(buffer, lineterminator="\n")
    table.writerow(("epoch", "loss", "val_loss", "seconds"))
    for each in progress.epochs:
        table.writerow((each.epoch, f"{each.loss:.9g}", f"{each.val_loss:.9g}", f"{each.seconds:.3f}"))
    write_text_atomic(job.files.history, buffer.getvalue())
    plot_history(
        job.files.history_plot,
        [each.loss for each in progress.epochs],
        [each.val_loss for each in progress.epochs],
        kept=progress.kept.epoch,
        title=f"{job.network} (gs{job.gridsize}), dose {job.dose}",
        measure=_MEASURES[job.single],
    )
