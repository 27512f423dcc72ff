"""What a training leaves in the hub, and that everything in it says the same."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from exchanging import exchanging, replaced
from later import later
from phases.train.conftest import Trained
from phases.train.mini import DOSE, STUDY, VIEW, with_training
from ptycho_compare.errors import ArmError, ExchangedError, HubError, ScanError, StudyError
from ptycho_compare.hub import Hub, TrainingFiles
from ptycho_compare.jobs.progress import read_progress
from ptycho_compare.models.bundle import inspect_model
from ptycho_compare.models.predictor import load_predictor
from ptycho_compare.scan.plan import draw_plan
from ptycho_compare.scan.read import open_scan
from ptycho_compare.storage.files import sha256_of

training = later("ptycho_compare.phases.train.train")
trainer = later("ptycho_compare.models.training.trainer")
NETWORKS = {"baseline": 1, VIEW: 4}


def files_of(hub: Hub, network: str) -> TrainingFiles:
    return TrainingFiles(hub.baseline_dir(DOSE) if network == "baseline" else hub.pinn_dir(DOSE, network))


def entries(hub: Hub) -> dict[str, dict]:
    listed = json.loads((hub.phase_e() / "training_manifest.json").read_text())
    return {each["view"]: each for each in listed["jobs"]}


@pytest.mark.parametrize("network", NETWORKS)
def test_the_bundle_is_one_that_phase_g_runs(trained: Trained, network: str) -> None:
    model = inspect_model(files_of(trained.hub, network).bundle)
    assert (model.kind, model.patch_px, model.group_size) == ("ptychopinn", 64, NETWORKS[network])
    assert model.input_scale == pytest.approx(1000 / 32)
    with open_scan(trained.hub.patched(DOSE, "test")) as scan:
        plan = draw_plan(scan, group_size=model.group_size, groups=2, neighbors=7, seed=0)
        units = plan.units(scan.positions, group_size=model.group_size)
        images = plan.network_input(scan.diffraction, units.images)
    patches = load_predictor(model, batch_rows=2).predict(images, units.local_offsets)
    assert np.isfinite(patches).all()
    assert 0.1 < np.abs(patches[:, 32, 32]).mean() < 1


@pytest.mark.parametrize("network", NETWORKS)
def test_the_training_loss_falls(trained: Trained, network: str) -> None:
    with files_of(trained.hub, network).history.open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["epoch", "loss", "val_loss", "seconds"]
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    losses = [float(row["loss"]) for row in rows]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("network", NETWORKS)
def test_disk_manifest_and_output_name_the_same_bundle(trained: Trained, network: str) -> None:
    entry, files = entries(trained.hub)[network], files_of(trained.hub, network)
    result = entry["result"]
    assert trained.hub.root / entry["artifact_dir"] / result["bundle_path"] == files.bundle
    assert result["bundle_sha256"] == sha256_of(files.bundle)
    assert result["bundle_size_bytes"] == files.bundle.stat().st_size
    tag = f"[{network}/dose=1e+06]:"
    told = [line for line in trained.printed[network].splitlines() if tag in line]
    assert told == [
        f"Bundle {tag} wts.h5.zip",
        f"SHA256 {tag} {result['bundle_sha256']}",
        f"Size {tag} {result['bundle_size_bytes']} bytes",
    ]


@pytest.mark.parametrize("network", NETWORKS)
def test_the_log_tells_every_epoch_under_the_header(trained: Trained, network: str) -> None:
    text = files_of(trained.hub, network).log.read_text()
    assert "Phase E5 Training Execution" in text.splitlines()[:3]
    assert "device: cpu" in text.splitlines()
    assert [line.split(":")[0] for line in text.splitlines() if line.startswith("epoch ")] == [
        f"epoch {number}/3" for number in (1, 2, 3)
    ]


def test_the_manifest_has_both_networks_with_paths_below_the_hub(trained: Trained) -> None:
    listed = json.loads((trained.hub.phase_e() / "training_manifest.json").read_text())
    skipped = json.loads((trained.hub.phase_e() / listed["skip_summary_path"]).read_text())
    assert [(each["view"], each["gridsize"]) for each in listed["jobs"]] == [("baseline", 1), (VIEW, 2)]
    for entry in listed["jobs"]:
        for key in ("train_data_path", "test_data_path", "log_path", "artifact_dir"):
            assert (trained.hub.root / entry[key]).exists(), key
        assert (entry["backend"], entry["result"]["status"]) == ("tensorflow", "complete")
        assert entry["result"]["epochs_completed"] == 3
    assert (listed["skipped_count"], skipped["skipped_count"]) == (0, 0)
    assert listed["timestamp"] == skipped["timestamp"]
    assert listed["timestamp"].endswith("Z")


@pytest.mark.parametrize("network", NETWORKS)
def test_all_that_was_written_is_named_and_no_checkpoint_is_left(trained: Trained, network: str) -> None:
    written = trained.written[network]
    folder = files_of(trained.hub, network).folder
    assert sorted(written) == sorted(folder.iterdir())
    records = trained.hub.step(f"dose_{DOSE}-train-{network}").job
    assert not records.checkpoints.exists()
    progress = read_progress(records)
    assert (progress.unit, progress.done, progress.saved) == ("steps", progress.total, progress.total)


def test_each_split_must_be_there(hub: Hub) -> None:
    hub.overlap_view(DOSE, VIEW, "test").unlink()
    with pytest.raises(HubError, match=r"dense_test.npz: no such file; phase D makes it"):
        training.train(hub, STUDY, DOSE, VIEW)
    hub.patched(DOSE, "train").unlink()
    with pytest.raises(HubError, match=r"patched_train.npz: no such file; phase C makes it"):
        training.train(hub, STUDY, DOSE, "baseline")


@pytest.mark.parametrize(("key", "network"), [("objectGuess", "baseline"), ("probeGuess", VIEW)])
def test_what_a_network_learns_from_must_be_in_the_data(hub: Hub, key: str, network: str) -> None:
    path = hub.patched(DOSE, "train") if network == "baseline" else hub.overlap_view(DOSE, network, "train")
    leave_out(path, key)
    with pytest.raises(ScanError, match=f"'{key}' is missing"):
        training.train(hub, STUDY, DOSE, network)


def leave_out(path: Path, key: str) -> None:
    with np.load(path) as held:
        np.savez(path, **{name: held[name] for name in held.files if name not in (key, "_metadata")})


def test_a_gpu_that_is_not_there_is_said(hub: Hub) -> None:
    study = STUDY.model_copy(update={"training": STUDY.training.model_copy(update={"device": "gpu"})})
    with pytest.raises(StudyError, match=r"'training\.device' is gpu and TensorFlow finds none"):
        training.train(hub, study, DOSE, VIEW)


def test_a_training_that_diverges_fails_by_name_and_in_the_manifest(hub: Hub, shallow: None) -> None:
    with pytest.raises(ArmError, match=r"the loss is nan in epoch \d; lower this network's 'learning_rate'"):
        training.train(hub, with_training(learning_rate=1e30), DOSE, "baseline")
    result = entries(hub)["baseline"]["result"]
    assert result["status"] == "failed"
    assert "the loss is nan" in result["error"]
    assert not files_of(hub, "baseline").bundle.exists()


@pytest.mark.slow
def test_data_exchanged_while_a_network_trains_make_it_void(
    trained: Trained, hub: Hub, monkeypatch: pytest.MonkeyPatch, shallow: None
) -> None:
    data = hub.patched(DOSE, "train")
    shutil.copy2(data, hub.root / "kept")
    record = hub.step(f"dose_{DOSE}-train-baseline").job.checkpoints / "training.json"
    (part,) = read_progress(trained.hub.step(f"dose_{DOSE}-train-baseline").job).parts.values()
    steps = part.total // 3
    with monkeypatch.context() as patch:
        patch.setattr(
            trainer.Trainer, "step", exchanging(data, replaced, trainer.Trainer.step, call=steps + 1)
        )
        with pytest.raises(ExchangedError) as caught:
            training.train(hub, STUDY, DOSE, "baseline")
    assert str(caught.value) == (
        f"{data}: was exchanged or written to while it was used as the training's data; this attempt is "
        "void, and nothing of it counts: run the same command again"
    )
    assert not files_of(hub, "baseline").bundle.exists()
    # an epoch by the file that the checkpoint names is safe, and none by the other
    assert len(json.loads(record.read_text())["epochs"]) == 1
    (hub.root / "kept").replace(data)
    training.train(hub, STUDY, DOSE, "baseline")
    assert sha256_of(files_of(hub, "baseline").bundle) == sha256_of(files_of(trained.hub, "baseline").bundle)
