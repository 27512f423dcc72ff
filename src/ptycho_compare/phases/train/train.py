"""Phase E of one network: from a split's data to the bundle that phase G compares."""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from ptycho_compare.errors import ArmError, ScanError
from ptycho_compare.hub import Hub
from ptycho_compare.jobs import JobContext, job_context
from ptycho_compare.models.device import Device, choose_device, fitting_memory
from ptycho_compare.models.training.bundle_file import write_bundle
from ptycho_compare.models.training.design import Design, probe_scale
from ptycho_compare.models.training.losses import patch_loss, poisson_loss
from ptycho_compare.models.training.networks import Networks, build_networks, set_initial_weights
from ptycho_compare.models.training.trainer import Trainer
from ptycho_compare.phases.train.checkpoint import TrainingCheckpoint, TrainingProgress
from ptycho_compare.phases.train.examples import Examples, measured, with_truth
from ptycho_compare.phases.train.fit import fit
from ptycho_compare.phases.train.job import TRAIN_SPLIT, TrainingJob
from ptycho_compare.phases.train.manifest import list_training
from ptycho_compare.phases.train.record import epoch_line, write_history, write_log
from ptycho_compare.phases.train.schedule import Schedule, draw_schedule
from ptycho_compare.scan import Reading, Scan, draw_plan, open_scan
from ptycho_compare.storage.files import sha256_of
from ptycho_compare.storage.fingerprint import Fingerprint
from ptycho_compare.study import Study

_MARGIN_PX = 8
"""How much more than the stitched part of a patch the Baseline learns: its convolutions see edges."""


@dataclass(frozen=True)
class TrainingTask:
    """A training, ready to begin.

    Attributes
    ----------
    job : TrainingJob
    device : Device
        Where the networks lie and are trained.
    networks : Networks
        With their initial weights.
    examples : Examples
    schedule : Schedule
    """

    job: TrainingJob
    device: Device
    networks: Networks
    examples: Examples
    schedule: Schedule

    def trainer(self) -> Trainer:
        """Make what takes the steps."""
        job, side, rows = self.job, self.networks.design.patch_px, self.schedule.batch
        images = self.networks.design.images
        steps = self.schedule.steps * self.schedule.epochs
        if not job.single:
            target = tf.TensorSpec((rows, side, side, images), tf.float32)
            loss, model = poisson_loss(self.networks.design), self.networks.measure
        else:
            target = tf.TensorSpec((rows, side, side), tf.complex64)
            loss, model = patch_loss(_window(side, job.study.stitching.crop_px)), self.networks.reconstruct
        return Trainer(model, loss, target=target, learning_rate=job.how.learning_rate, steps=steps)

    def facts(self) -> dict[str, Any]:
        """What the bundle says of its training, under PtychoPINN's names."""
        job, images = self.job, len(self.examples.scan.positions)
        how = "supervised, on true patches" if job.single else "unsupervised, on photon counts"
        return {
            "batch_size": self.schedule.batch,
            "nepochs": job.how.epochs,
            "npseed": job.study.training.seed,
            "n_groups": self.examples.count,
            "n_subsample": images,
            "neighbor_count": job.study.grouping.neighbors,
            "label": f"pytest-ptycho: {how}",
            "output_prefix": job.hub.relative(job.files.folder),
            "train_data_file_path": job.hub.relative(job.data(TRAIN_SPLIT)),
        }

    def told(self) -> list[str]:
        """What is about to happen, in lines."""
        design, schedule, data = self.networks.design, self.schedule, self.job.data(TRAIN_SPLIT)
        weights = sum(int(np.prod(each.shape)) for each in self.networks.reconstruct.weights)
        scales = f"s = {design.input_scale:.6g}, k = {self.examples.plan.normalization:.6g}"
        groups = f"{len(schedule.rows)} to train on, {len(schedule.held)} held out"
        return [
            f"data: {self.job.hub.relative(data)}, {len(self.examples.scan.positions)} images",
            f"network: N = {design.patch_px}, C = {design.images}, {weights} weights, {scales}",
            f"device: {self.device.name}",
            f"groups: {groups}; {schedule.steps} steps of {schedule.batch} an epoch, seed {schedule.seed}",
        ]


def train(hub: Hub, study: Study, dose: int, network: str) -> list[Path]:
    """Train one network of one dose.

    Stopped or killed, the same call goes on from the last whole epoch and ends with the same bundle.

    Parameters
    ----------
    hub : Hub
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
    ArmError
        The training diverged, or a batch did not fit into memory.
    DeviceError
        There is a GPU that cannot be used.
    StorageError
        The hub cannot be written; whole epochs are safe.
    Stopped
        SIGTERM or Ctrl-C came; whole epochs are safe.
    """
    job = TrainingJob(hub, study, dose, network)
    job.require_data()
    job.files.folder.mkdir(parents=True, exist_ok=True)
    with (
        job_context(job.records) as context,
        open_scan(
            job.data(TRAIN_SPLIT), spool_folder=job.files.folder, reading=Reading.of_study(study)
        ) as scan,
        choose_device(study.training.device).in_use() as device,
    ):
        try:
            with fitting_memory("the network"):
                task = prepare(job, scan, device)
            progress = _fitted(task, context)
        except ArmError as error:
            context.raise_if_stopped()
            list_training(job, {"status": "failed", "error": str(error)})
            raise
        context.step("bundle")
        _publish(task, progress)
        with suppress(FileNotFoundError):
            shutil.rmtree(job.records.checkpoints)
    files = job.files
    return [files.bundle, files.log, files.history, files.history_plot]


def prepare(job: TrainingJob, scan: Scan, device: Device) -> TrainingTask:
    """Draw the groups, build the network and set its initial weights, on the device in use.

    Raises
    ------
    ScanError
        The scan has no probe, too few images, or no true object for the Baseline.
    StudyError
        PtychoPINN has no network for images of that size.
    """
    if scan.probe is None:
        raise ScanError(f"{scan.path}: 'probeGuess' is missing; networks are trained with a known probe")
    study, how, seed = job.study, job.how, job.study.training.seed
    design = Design(scan.patch_px, job.gridsize, how.filters_scale, float(job.dose))
    plan = draw_plan(
        scan, group_size=design.images, groups=how.groups, neighbors=study.grouping.neighbors, seed=seed
    )
    scale = probe_scale(scan.probe)
    if job.single:
        examples = with_truth(scan, plan, design, object_unit=scale / scan.normalization)
    else:
        examples = measured(scan, plan, design)
    schedule = draw_schedule(
        examples.count,
        share=study.training.validation,
        batch=how.batch,
        epochs=how.epochs,
        patience=how.patience,
        seed=seed,
        label=str(scan.path),
    )
    networks = build_networks(design, scan.probe * np.float32(scale))
    set_initial_weights(networks, seed)
    return TrainingTask(job, device, networks, examples, schedule)


def _fitted(task: TrainingTask, context: JobContext) -> TrainingProgress:
    job = task.job
    data = job.data(TRAIN_SPLIT)
    fingerprint = Fingerprint.here(
        {job.hub.relative(data): sha256_of(data)}, job.settings(), computed_by=__name__
    )
    told = task.told()
    print("Phase E5 Training Execution", *told, sep="\n", flush=True)

    def tell(progress: TrainingProgress) -> None:
        print(epoch_line(progress.epochs[-1], job), flush=True)
        write_log(job, told, progress)

    return fit(
        task.trainer(),
        task.examples,
        task.schedule,
        context=context,
        checkpoint=TrainingCheckpoint(job.records, fingerprint),
        tell=tell,
    )


def _publish(task: TrainingTask, progress: TrainingProgress) -> None:
    """Write the bundle and all that tells of it; the weights are the best ones."""
    job, files = task.job, task.job.files
    write_bundle(files.bundle, task.networks, task.facts())
    write_log(job, task.told(), progress)
    write_history(job, progress)
    digest, size = sha256_of(files.bundle), files.bundle.stat().st_size
    list_training(
        job,
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
    tag = f"[{job.network}/dose={job.dose:.0e}]:"
    print(f"Bundle {tag} {files.bundle.name}", f"SHA256 {tag} {digest}", f"Size {tag} {size} bytes", sep="\n")


def _window(side: int, crop_px: int) -> Any:
    """Weights (N, N) of the pixels that the Baseline learns: those that are stitched, and some around."""
    half = min(side // 2, crop_px + _MARGIN_PX) // 2
    weights = np.zeros((side, side), np.float32)
    middle = slice(side // 2 - half, side // 2 + half)
    weights[middle, middle] = 1.0
    return weights
