"""What Keras itself writes as ONNX, by the recipe of the page, gives an arm the patches it gives in Keras."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hubs import SIDE as HUB_SIDE
from hubs import make_split
from processes import PATIENCE_S
from ptycho_compare.checks import judge_comparison
from ptycho_compare.hub import Artifacts
from ptycho_compare.models.own.inspect_own import inspect_own
from ptycho_compare.models.own.own_network import load_own
from ptycho_compare.records.tables.metrics_csv import read_metrics_csv
from ptycho_compare.untrusted.onnx.read import parse_onnx, read_bytes
from results import assert_same_results, results
from resume.runs import debug_folder, finish_here, stop_here
from scans import true_patches

PAGE = (Path(__file__).parents[3] / "docs" / "own_networks.md").read_text(encoding="utf-8")
SIDE = 32
EXPORTED = f"""
import sys
import keras
import numpy as np
import torch

exec(sys.argv[1])
layers = keras.layers
images = keras.Input(({SIDE}, {SIDE}, 1), name="images")
seen = layers.MaxPooling2D()(layers.Conv2D(4, 3, padding="same", activation="relu")(images))
made = layers.UpSampling2D()(layers.Conv2D(8, 3, padding="same", activation="relu")(seen))
amplitude = layers.Conv2D(1, 3, padding="same", activation="sigmoid")(made)
phase = layers.Conv2D(1, 3, padding="same", activation="tanh")(made)
network = keras.Model(images, [amplitude, phase])
export_keras(network, "net.onnx")
fed = np.random.default_rng(0).random((5, {SIDE}, {SIDE}, 1), np.float32)
amplitude, phase = (keras.ops.convert_to_numpy(each) for each in network(fed))
np.savez("known.npz", fed=fed, patches=(amplitude * np.exp(1j * phase))[..., 0])

learnt = np.load("learnt.npz")
side = learnt["amplitude"].shape[-1]
images = keras.Input((side, side, 1), name="images")
near = layers.Dense(len(learnt["near"]), activation="softmax", name="near")(layers.Flatten()(images))
parts = [
    layers.Reshape((side, side, 1))(layers.Dense(side**2, use_bias=False, name=name)(near))
    for name in ("amplitude", "phase")
]
network = keras.Model(images, parts)
network.get_layer("near").set_weights([learnt["sharp"], learnt["near"]])
for name in ("amplitude", "phase"):
    network.get_layer(name).set_weights([learnt[name].reshape(-1, side**2)])
export_keras(network, "by_heart.onnx")
"""
TOML = """
[input]
values = "amplitude"
zero_frequency = "centre"
scale = "none"
[output]
values = "amplitude and phase"
planes = ["{}", "{}"]
phase_range = "radians"
axes = "BHWC"
"""


ARM = """
[arms.Keras]
network = "networks/keras.onnx"
"""


def write_learnt(path: Path) -> None:
    """Write what a network by heart holds: the split's images, and the patches that it gives for them."""
    arrays = make_split()
    known = arrays["diff3d"].reshape(len(arrays["diff3d"]), -1).astype(np.float64)
    patches = true_patches(
        arrays["objectGuess"], np.stack([arrays["xcoords"], arrays["ycoords"]], 1), HUB_SIDE
    )
    sharpness = 200.0 / np.median(((known - np.roll(known, 1, axis=0)) ** 2).sum(axis=1))
    held = {
        "sharp": 2 * sharpness * known.T,
        "near": -sharpness * (known**2).sum(axis=1),
        "amplitude": np.abs(patches),
        "phase": np.angle(patches),
    }
    np.savez(path, **{name: values.astype(np.float32) for name, values in held.items()})


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two networks as Keras exports them, each with its toml."""
    for package in ("torch", "onnxscript"):
        pytest.importorskip(package)
    folder = tmp_path_factory.mktemp("keras")
    write_learnt(folder / "learnt.npz")
    (recipe,) = re.findall(r"^```python\n(def export_keras.*?)^```", PAGE, flags=re.M | re.S)
    on_torch = {**os.environ, "KERAS_BACKEND": "torch"}
    command = [sys.executable, "-c", EXPORTED, recipe]
    subprocess.run(command, check=True, timeout=PATIENCE_S, env=on_torch, cwd=folder, capture_output=True)
    for path in folder.glob("*.onnx"):
        names = parse_onnx(read_bytes(path), label=path.name).output_names
        path.with_suffix(".toml").write_text(TOML.format(*names))
    return folder


@pytest.mark.slow
def test_a_network_that_keras_exports_gives_its_own_patches(exported: Path) -> None:
    with np.load(exported / "known.npz") as known:
        predictor = load_own(inspect_own(exported / "net.onnx"), batch_rows=2, normalization=1.0)
        found = predictor.predict(known["fed"], np.zeros((5, 1, 2, 1), np.float32))
        assert np.ptp(np.abs(found)) > 0.01
        np.testing.assert_allclose(found, known["patches"], atol=1e-5)


@pytest.mark.slow
@pytest.mark.usefixtures("undrawn")
def test_it_is_scored_as_an_arm_and_stopped_it_goes_on_to_the_same_bytes(
    exported: Path, quick_hub: Path, tmp_path: Path
) -> None:
    hubs = [Path(shutil.copytree(quick_hub, tmp_path / name)) for name in ("whole", "stopped")]
    for hub in hubs:
        (hub / "networks").mkdir()
        for kind in ("onnx", "toml"):
            shutil.copy(exported / f"by_heart.{kind}", hub / f"networks/keras.{kind}")
        study = hub / "study.toml"
        study.write_text(study.read_text().replace("groups = 48\n", "groups = 48\nbatch = 4\n") + ARM)
    whole, stopped = (debug_folder(hub) for hub in hubs)
    finish_here(hubs[0])
    assert judge_comparison(whole, required=("Keras", "PtyChi")) == []
    errors = {
        row.model: row.value for row in read_metrics_csv(Artifacts(whole).metrics) if row.metric == "fienup"
    }
    assert 0.0 < errors["Keras"] < 0.1, "it knows its images by heart"
    stop_here(hubs[1], "Keras", 24)
    finish_here(hubs[1])
    assert "Keras: goes on from patch 24 of 48" in Artifacts(stopped).log.read_text()
    assert_same_results(stopped, results(whole))
