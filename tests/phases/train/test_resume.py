"""A training that is stopped, killed or damaged ends as one that was not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from later import later
from phases.train.conftest import Trained
from phases.train.mini import DOSE, STUDY, VIEW, with_training
from phases.train.test_train import files_of
from processes import until
from ptycho_compare.hub import Hub, JobFiles
from ptycho_compare.jobs.progress import read_progress
from ptycho_compare.sigterm import Stopped
from ptycho_compare.storage.files import sha256_of

training = later("ptycho_compare.phases.train.train")
trainer = later("ptycho_compare.models.training.trainer")


def records_of(hub: Hub, network: str) -> JobFiles:
    return hub.step(f"dose_{DOSE}-train-{network}").job


@pytest.mark.slow
def test_killed_it_loses_less_than_an_epoch_and_ends_with_the_same_bytes(trained: Trained, hub: Hub) -> None:
    command = [sys.executable, "-m", "ptycho_compare.cli.ptycho_hub", "train", "--network", VIEW]
    command += ["--hub", str(hub.root), "--dose", str(DOSE)]
    record = records_of(hub, VIEW).checkpoints / "training.json"
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as child:
        until(lambda: record.exists() or child.poll() is not None, "no checkpoint")
        child.kill()
        told = child.stderr.read().decode() if child.stderr else ""
    assert child.returncode == -signal.SIGKILL, told
    done = len(json.loads(record.read_text())["epochs"])
    assert not files_of(hub, VIEW).bundle.exists()
    training.train(hub, STUDY, DOSE, VIEW)
    assert sha256_of(files_of(hub, VIEW).bundle) == sha256_of(files_of(trained.hub, VIEW).bundle)
    progress = read_progress(records_of(hub, VIEW))
    assert len(progress.attempts) == 2
    assert progress.attempts[1].gained == (3 - done) * progress.total // 3


def test_the_baseline_asked_to_stop_loses_no_epoch(
    trained: Trained, hub: Hub, monkeypatch: pytest.MonkeyPatch, shallow: None
) -> None:
    """A request is heard between steps, here in the second epoch."""
    step, taken = trainer.Trainer.step, []

    def step_and_be_asked(self: Any, *batch: np.ndarray) -> float:
        taken.append(step(self, *batch))
        if len(taken) == 8:
            os.kill(os.getpid(), signal.SIGTERM)
        return taken[-1]

    with monkeypatch.context() as patch:
        patch.setattr(trainer.Trainer, "step", step_and_be_asked)
        with pytest.raises(Stopped):
            training.train(hub, STUDY, DOSE, "baseline")
    assert len(taken) == 8
    record = records_of(hub, "baseline").checkpoints / "training.json"
    assert len(json.loads(record.read_text())["epochs"]) == 1
    training.train(hub, STUDY, DOSE, "baseline")
    ours, theirs = (files_of(each, "baseline").bundle for each in (hub, trained.hub))
    assert sha256_of(ours) == sha256_of(theirs)


def test_training_ends_when_the_validation_loss_falls_no_more(hub: Hub, shallow: None) -> None:
    training.train(hub, with_training(epochs=40, patience=1, learning_rate=0.05), DOSE, "baseline")
    listed = json.loads((hub.phase_e() / "training_manifest.json").read_text())
    result = listed["jobs"][0]["result"]
    assert result["epochs_completed"] == result["kept_epoch"] + 1 < 40
    progress = read_progress(records_of(hub, "baseline"))
    assert progress.done == progress.total
