"""Phase E of one network: from a split's data to the bundle that phase G compares."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from ptycho_compare.errors import ArmError, HubError
from ptycho_compare.hub import Hub
from ptycho_compare.jobs.context import JobContext, job_context
from ptycho_compare.models.device import choose_device, fitting_memory
from ptycho_compare.models.training.bundle_file import write_bundle
from ptycho_compare.phases.train.checkpoint import TrainingCheckpoint, TrainingProgress
from ptycho_compare.phases.train.fit import fit
from ptycho_compare.phases.train.task import TrainingTask, prepare
from ptycho_compare.records.training_history import epoch_line, write_history
from ptycho_compare.records.training_list import list_training
from ptycho_compare.reporting.figures.one_arm import plot_history
from ptycho_compare.scan.read import open_scan
from ptycho_compare.scan.reading import Reading
from ptycho_compare.storage.files import sha256_of, write_text_atomic
from ptycho_compare.storage.fingerprint import Fingerprint
from ptycho_compare.storage.watched import WatchedFiles
from ptycho_compare.study import Study
from ptycho_compare.study.steps import TEST_SPLIT, TRAIN_SPLIT, TrainStep

_RULE = "=" * 80
_MEASURES = {True: "mean absolute error of patches", False: "Poisson misfit per photon"}


def train(hub: Hub, study: Study, dose: int, network: str) -> list[Path]:
    """Train one network of one dose.

    Stopped or killed, the same call goes on from the last whole epoch and ends with the same bundle.

    Parameters
    ----------
    study : Study
        `training` says how; groups are drawn by `grouping`.
    dose : int
        Photons per exposure.
    network : str
        ``baseline`` (single images, supervised by true patches), or a view: PtychoPINN on its data, in
        groups of four, unsupervised.

    Returns
    -------
    list of Path
        Bundle, log, history and its figure.

    Raises
    ------
    HubError, ScanError, ArchiveError, StudyError
        Data are missing or do not fit, or the study asks for what is not there.
    ExchangedError
        The data were exchanged meanwhile: this attempt is void.
    ArmError
        The training diverged, or a batch did not fit into memory.
    DeviceError
        There is a GPU that cannot be used.
    StorageError
        The hub cannot be written; whole epochs are safe.
    Stopped
        SIGTERM or Ctrl-C came; whole epochs are safe.
    """
    step = TrainStep(hub, dose, network)
    _require_data(step)
    step.files.folder.mkdir(parents=True, exist_ok=True)
    data = step.data(TRAIN_SPLIT)
    watched = WatchedFiles({"the training's data": data})
    with (
        job_context(step.records.job) as context,
        open_scan(data, spool_folder=step.files.folder, reading=Reading.of_study(study)) as scan,
        choose_device(study.training.device).in_use() as device,
    ):
        try:
            with fitting_memory("the network"):
                task = prepare(step, study, scan, device)
            progress = _fitted(task, context, watched)
        except ArmError as error:
            context.raise_if_stopped()
            with context.publishing():
                list_training(step, {"status": "failed", "error": str(error)})
            raise
        context.step("bundle")
        watched.require_same()
        with context.publishing():
            _publish(task, progress)
            with suppress(FileNotFoundError):
                shutil.rmtree(step.records.job.checkpoints)
    files = step.files
    return [files.bundle, files.log, files.history, files.history_plot]


def _require_data(step: TrainStep) -> None:
    for split in (TRAIN_SPLIT, TEST_SPLIT):
        if not (data := step.data(split)).is_file():
            (before,) = step.after
            raise HubError(f"{data}: no such file; phase {before.phase} makes it, and training needs it")


def _fitted(task: TrainingTask, context: JobContext, watched: WatchedFiles) -> TrainingProgress:
    step = task.step
    data = step.data(TRAIN_SPLIT)
    inputs = {step.hub.relative(data): watched.digests[data]}
    fingerprint = Fingerprint.here(inputs, step.settings(task.study), computed_by=__name__)
    print("Phase E5 Training Execution", *task.lines(), sep="\n", flush=True)

    def tell(progress: TrainingProgress) -> None:
        print(epoch_line(progress.epochs[-1], task.schedule.epochs), flush=True)
        _write_log(task, progress)

    return fit(
        task.trainer(),
        task.examples,
        task.schedule,
        context=context,
        checkpoint=TrainingCheckpoint(step.records.job, fingerprint, watched),
        tell=tell,
    )


def _publish(task: TrainingTask, progress: TrainingProgress) -> None:
    """Write the bundle and all that tells of it; the weights are the best ones."""
    step, files = task.step, task.step.files
    write_bundle(files.bundle, task.networks, task.facts())
    _write_log(task, progress)
    write_history(files.history, progress.epochs)
    plot_history(
        files.history_plot,
        [each.loss for each in progress.epochs],
        [each.val_loss for each in progress.epochs],
        kept=progress.kept.epoch,
        title=f"{step.network} (gs{step.gridsize}), dose {step.dose}",
        measure=_MEASURES[step.single],
    )
    digest, size = sha256_of(files.bundle), files.bundle.stat().st_size
    list_training(
        step,
        {
            "status": "complete",
            "final_loss": progress.epochs[-1].loss,
            "epochs_completed": len(progress.epochs),
            "kept_epoch": progress.kept.epoch,
            "kept_val_loss": progress.kept.val_loss,
            "bundle_path": files.bundle.name,
            "bundle_sha256": digest,
            "bundle_size_bytes": size,
        },
    )
    tag = f"[{step.network}/dose={step.dose:.0e}]:"
    print(f"Bundle {tag} {files.bundle.name}", f"SHA256 {tag} {digest}", f"Size {tag} {size} bytes", sep="\n")


def _write_log(task: TrainingTask, progress: TrainingProgress) -> None:
    """Write the whole log anew: it tells of the training, however many attempts that took."""
    step = task.step
    lines = [
        _RULE,
        "Phase E5 Training Execution",
        _RULE,
        f"network: {step.network}, gridsize {step.gridsize}, dose {step.dose}",
        *task.lines(),
        f"loss: {_MEASURES[step.single]}",
        *(epoch_line(epoch, task.schedule.epochs) for epoch in progress.epochs),
    ]
    write_text_atomic(step.files.log, "\n".join([*lines, ""]))
