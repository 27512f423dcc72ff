"""What Keras itself writes as ONNX, by the recipe of the page, gives an arm the patches it gives in Keras."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from processes import PATIENCE_S
from ptycho_compare.models.own import inspect_own, load_own
from ptycho_compare.untrusted.onnx import parse_onnx, read_bytes

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


@pytest.mark.slow
def test_a_network_that_keras_exports_gives_its_own_patches(tmp_path: Path) -> None:
    for package in ("torch", "onnxscript"):
        pytest.importorskip(package)
    (recipe,) = re.findall(r"^```python\n(def export_keras.*?)^```", PAGE, flags=re.M | re.S)
    on_torch = {**os.environ, "KERAS_BACKEND": "torch"}
    command = [sys.executable, "-c", EXPORTED, recipe]
    subprocess.run(command, check=True, timeout=PATIENCE_S, env=on_torch, cwd=tmp_path, capture_output=True)
    path = tmp_path / "net.onnx"
    names = parse_onnx(read_bytes(path), label="net.onnx").output_names
    path.with_suffix(".toml").write_text(TOML.format(*names))
    with np.load(tmp_path / "known.npz") as known:
        predictor = load_own(inspect_own(path), batch_rows=2, normalization=1.0)
        found = predictor.predict(known["fed"], np.zeros((5, 1, 2, 1), np.float32))
        assert np.ptp(np.abs(found)) > 0.01
        np.testing.assert_allclose(found, known["patches"], atol=1e-5)
