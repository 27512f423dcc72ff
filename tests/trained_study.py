"""A study of two doses with what its trainings and phase F left: losses, and a network on another dose."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from answered import make_study
from forged import edit_manifest
from ptycho_compare.hub import Hub
from ptycho_compare.records.reconstructions_npz import write_arrays
from ptycho_compare.records.training_history import Epoch, write_history
from ptycho_compare.records.training_list import list_training
from ptycho_compare.study import Study, load_study
from ptycho_compare.study.steps import ReconstructStep, TrainStep
from sharing import shared

ARMS = ("PtychoPINN", "Baseline", "PtyChi", "pinn_low")
DOSES = (100, 6400)
LOW = DOSES[0]
EPOCHS = 5


def trained_study(factory: pytest.TempPathFactory, root: Path) -> tuple[Hub, Study]:
    """Copy the hub: two splits, and an arm that is the network of the lowest dose everywhere."""
    hub = Hub(Path(shutil.copytree(shared(factory, "trained study", _make_trained_study), root)))
    return hub, load_study(hub.study())


def _make_trained_study(root: Path) -> None:
    noises = {arm: (lambda each, n=n: (n + 1) / each.dose**0.5) for n, arm in enumerate(ARMS)}
    hub, study = make_study(root, noises, doses=DOSES, splits=("train", "test"))
    for dose in DOSES:
        _train(hub, dose, "dense")
        _train(hub, dose, "baseline")
        for split in study.splits:
            files = ReconstructStep(hub, dose, "dense", split).files
            files.folder.mkdir(parents=True)
            losses = 100.0 * 0.5 ** np.arange(8)
            held = {"losses": losses, "reconstruction_time": np.array(4.0)}
            write_arrays(files.reconstruction, held)
    _of_networks(hub, study)


def digest_of_network(dose: int, network: str) -> str:
    """What stands in the place of the bundle's."""
    return f"{dose:04d}{network:_<60}"


def _train(hub: Hub, dose: int, network: str) -> None:
    """Write what a training leaves beside its bundle."""
    step = TrainStep(hub, dose, network)
    step.files.folder.mkdir(parents=True)
    write_history(
        step.files.history, [Epoch(n, -3.0 + 1.0 / n**2, 1.0 / n, 0.5 * n) for n in range(1, EPOCHS + 1)]
    )
    list_training(step, {"status": "complete", "bundle_sha256": digest_of_network(dose, network)})


def _of_networks(hub: Hub, study: Study) -> None:
    """Say in every manifest which network each arm ran: one of them is that of the lowest dose everywhere."""
    for each in study.comparisons():
        ran = {
            "PtychoPINN": digest_of_network(each.dose, "dense"),
            "Baseline": digest_of_network(each.dose, "baseline"),
            "pinn_low": digest_of_network(LOW, "dense"),
        }
        inputs = {arm: {"path": "wts.h5.zip", "sha256": sha256, "bytes": 1} for arm, sha256 in ran.items()}
        edit_manifest(each.folder(hub), lambda manifest, inputs=inputs: manifest["inputs"].update(inputs))
