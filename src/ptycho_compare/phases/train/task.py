"""One training, ready to begin: network, groups and schedule, from the study and a scan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ScanError, StudyError
from ptycho_compare.models.device import Device
from ptycho_compare.models.training.design import Design, probe_scale
from ptycho_compare.models.training.losses import patch_loss, poisson_loss
from ptycho_compare.models.training.networks import Networks, build_networks, set_initial_weights
from ptycho_compare.models.training.trainer import Trainer
from ptycho_compare.phases.train.examples import Examples, Schedule, draw_schedule, measured, with_truth
from ptycho_compare.scan.plan import draw_plan
from ptycho_compare.scan.read import Scan
from ptycho_compare.study import Study
from ptycho_compare.study.steps import TRAIN_SPLIT, TrainStep

_AROUND_PX = 8
"""How much more than the stitched part of a patch the Baseline learns: its convolutions see edges.

A canvas reads a little more still, to interpolate. To learn that as well makes it worse (docs/benchmarks.md).
"""


@dataclass(frozen=True)
class TrainingTask:
    """A training, ready to begin.

    Attributes
    ----------
    device : Device
        Where the networks lie and are trained.
    networks : Networks
        With their initial weights.
    """

    step: TrainStep
    study: Study
    device: Device
    networks: Networks
    examples: Examples
    schedule: Schedule

    def trainer(self) -> Trainer:
        """Make what takes the steps."""
        side, rows = self.networks.design.patch_px, self.schedule.batch
        images = self.networks.design.images
        steps, rate = self.schedule.steps * self.schedule.epochs, self.step.how(self.study).learning_rate
        shape: tuple[int, ...]
        if not self.step.single:
            shape, dtype = (rows, side, side, images), "float32"
            loss, model = poisson_loss(self.networks.design), self.networks.measure
        else:
            shape, dtype = (rows, side, side), "complex64"
            loss, model = (
                patch_loss(learnt_pixels(side, self.study.stitching.crop_px)),
                self.networks.reconstruct,
            )
        return Trainer(model, loss, target_shape=shape, target_dtype=dtype, learning_rate=rate, steps=steps)

    def facts(self) -> dict[str, Any]:
        """Facts that the bundle holds on its training, under PtychoPINN's names."""
        step, study, images = self.step, self.study, len(self.examples.plan.pool)
        how = "supervised, on true patches" if step.single else "unsupervised, on photon counts"
        return {
            "batch_size": self.schedule.batch,
            "nepochs": self.schedule.epochs,
            "npseed": study.training.seed,
            "n_groups": self.examples.count,
            "n_subsample": images,
            "neighbor_count": study.grouping.neighbors,
            "label": f"pytest-ptycho: {how}",
            "output_prefix": step.hub.relative(step.files.folder),
            "train_data_file_path": step.hub.relative(step.data(TRAIN_SPLIT)),
        }

    def _images(self) -> str:
        kept, there = len(self.examples.plan.pool), len(self.examples.scan.positions)
        return str(kept) if kept == there else f"{kept} of {there}"

    def lines(self) -> list[str]:
        """Say what is about to happen."""
        design, schedule, data = self.networks.design, self.schedule, self.step.data(TRAIN_SPLIT)
        weights = sum(int(np.prod(each.shape)) for each in self.networks.reconstruct.weights)
        scales = f"s = {design.input_scale:.6g}, k = {self.examples.plan.normalization:.6g}"
        groups = f"{len(schedule.rows)} to train on, {len(schedule.held)} held out"
        return [
            f"data: {self.step.hub.relative(data)}, {self._images()} images",
            f"network: N = {design.patch_px}, C = {design.images}, {weights} weights, {scales}",
            f"device: {self.device.name}",
            f"groups: {groups}; {schedule.steps} steps of {schedule.batch} an epoch, seed {schedule.seed}",
        ]


def prepare(step: TrainStep, study: Study, scan: Scan, device: Device) -> TrainingTask:
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
    how, seed = step.how(study), study.training.seed
    design = Design(scan.patch_px, step.gridsize, how.filters_scale, float(step.dose))
    plan = draw_plan(
        scan,
        group_size=design.images,
        groups=how.groups,
        neighbors=study.grouping.neighbors,
        seed=seed,
        images=_images(study, scan),
    )
    scale = probe_scale(scan.probe)
    if step.single:
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
    return TrainingTask(step, study, device, networks, examples, schedule)


def _images(study: Study, scan: Scan) -> int | None:
    """How many images the network sees; all of them, or no more than there are."""
    asked, there = study.training.images, len(scan.positions)
    if asked is not None and asked > there:
        raise StudyError(
            f"training.images is {asked}, and {scan.path} has {there} images; ask for no more than there are"
        )
    return asked


def learnt_pixels(side: int, crop_px: int) -> NDArray[np.float32]:
    """Weights (N, N) of the Baseline: 1 where its patches are stitched, and a little around."""
    half = min(side // 2, crop_px + _AROUND_PX) // 2
    learnt = slice(side // 2 - half, side // 2 + half)
    weights = np.zeros((side, side), np.float32)
    weights[learnt, learnt] = 1.0
    return weights
