"""Predictors against PtychoPINN's own numbers, and the promises of the Protocol."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from bundles import damage_weights, diffraction_like, write_bundle, write_supervised_baseline
from processes import PATIENCE_S
from ptycho_compare.errors import ArmError, BundleError
from ptycho_compare.models.bundle import find_model, inspect_model
from ptycho_compare.models.predictor import NetworkPredictor, load_predictor
from ptycho_compare.study import EngineName

ARMS = {"gs2": "dense/gs2", "gs1": "baseline/gs1"}
BATCHES = (1, 3, 16, 64)
BAR = 1e-5  # max |difference| to PtychoPINN's own layers
ENGINES = get_args(EngineName)


def reference_case(reference: Path, arm: str):
    """Return the model file, what to feed it, and PtychoPINN's patches."""
    expected = np.load(reference / f"expected/{arm}_patches.npz")
    split = np.load(reference / "hub/data/phase_c/dose_1000000000/patched_test.npz")
    images = float(expected["normalization"]) * split["diff3d"][expected["group_indices"]]
    images = images.transpose(0, 2, 3, 1).astype(np.float32)
    path = find_model(reference / "hub/data/phase_e/dose_1000000000" / ARMS[arm])
    return path, images, expected["local_offsets"], expected["patches"]


REVERSED = """
import sys
import numpy as np
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from models.test_predictor import BATCHES, ENGINES, reference_case
from ptycho_compare.models.bundle import inspect_model
from ptycho_compare.models.predictor import load_predictor
cases = {arm: reference_case(Path(sys.argv[1]), arm) for arm in ("gs1", "gs2")}
found = {}
for engine in ENGINES:
    for rows in BATCHES:
        how = {"batch_rows": rows, "engine": engine}
        predictors = {arm: load_predictor(inspect_model(case[0]), **how) for arm, case in cases.items()}
        for arm in ("gs2", "gs1"):
            found[f"{engine} {arm} {rows}"] = predictors[arm].predict(*cases[arm][1:3])
np.savez(sys.argv[3], **found)

# no network needs Keras to run, or more than Keras to be trained; whoever does need it later finds it as ever
import os
import tensorflow
assert not {"keras", "sklearn", "pandas", "matplotlib"} & set(sys.modules)
assert "TF_USE_LEGACY_KERAS" not in os.environ
from ptycho_compare.models import layers
assert "keras" in sys.modules
assert not {"sklearn", "pandas", "matplotlib.pyplot"} & set(sys.modules)
import matplotlib.pyplot, pandas
assert tensorflow.keras.__version__.startswith("3.")
"""


@pytest.fixture(scope="module")
def forward_order(reference):
    """Patches by engine, arm and batch size; gs2 loaded first, gs1 second, in one process."""

    @functools.cache
    def patches(engine, arm, rows):
        if arm == "gs1":
            patches(engine, "gs2", rows)
        path, images, offsets, _ = reference_case(reference, arm)
        return load_predictor(inspect_model(path), batch_rows=rows, engine=engine).predict(images, offsets)

    return patches


@pytest.mark.parametrize("rows", [16, 3])
@pytest.mark.parametrize("arm", ["gs2", "gs1"])
@pytest.mark.parametrize("engine", ENGINES)
def test_patches_are_those_of_ptychopinn(reference, forward_order, engine, arm, rows):
    expected = reference_case(reference, arm)[3]
    found = forward_order(engine, arm, rows)
    assert found.shape == expected.shape
    assert found.dtype == np.complex64
    assert np.max(np.abs(found - expected)) < BAR


@pytest.mark.parametrize("arm", ["gs2", "gs1"])
def test_batch_size_changes_no_patch(forward_order, arm):
    """TensorFlow nearly, ONNX Runtime to the last bit."""
    one, other = (forward_order("tensorflow", arm, rows) for rows in (3, 16))
    assert np.max(np.abs(one - other)) < 1e-6
    one, other = (forward_order("onnxruntime", arm, rows) for rows in (3, 16))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("arm", ["gs2", "gs1"])
def test_engines_agree(forward_order, arm):
    one, other = (forward_order(engine, arm, 16) for engine in ENGINES)
    assert 0 < np.max(np.abs(one - other)) < BAR


@pytest.mark.parametrize("arm", ["gs2", "gs1"])
def test_threads_change_no_bit_of_onnx_runtime(reference, forward_order, monkeypatch, arm):
    path, images, offsets, _ = reference_case(reference, arm)
    for threads in (1, 2):
        monkeypatch.setenv("OMP_NUM_THREADS", str(threads))
        patches = load_predictor(inspect_model(path), batch_rows=3).predict(images, offsets)
        np.testing.assert_array_equal(patches, forward_order("onnxruntime", arm, 16))


@pytest.mark.slow  # in a process of its own: TensorFlow is told once how many threads it has, here one
def test_neither_threads_nor_load_order_change_a_patch_and_keras_is_not_needed(
    reference, forward_order, tmp_path
):
    out = tmp_path / "reversed.npz"
    tests = str(Path(__file__).parents[1])
    told = dict.fromkeys(("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), "2")
    subprocess.run(
        [sys.executable, "-c", REVERSED, str(reference), tests, str(out)],
        check=True,
        timeout=PATIENCE_S,
        env={**os.environ, **told},
    )
    with np.load(out) as other:
        for engine, arm, rows in itertools.product(ENGINES, ("gs1", "gs2"), BATCHES):
            patches = other[f"{engine} {arm} {rows}"]
            assert np.max(np.abs(patches - reference_case(reference, arm)[3])) < BAR
            if engine == "onnxruntime" or rows == 16:
                np.testing.assert_array_equal(patches, forward_order(engine, arm, 16))
            else:
                assert np.max(np.abs(patches - forward_order(engine, arm, 16))) < 1e-6


def test_feeding_faults_would_be_seen(reference):
    """The bar tells right from wrong: unscaled input, positions of the wrong sign (D3, D4)."""
    path, images, offsets, expected = reference_case(reference, "gs2")
    predictor = load_predictor(inspect_model(path), batch_rows=16)
    assert np.max(np.abs(predictor.predict(images, -offsets) - expected)) > 1000 * BAR
    assert np.max(np.abs(predictor.predict(images / 988, offsets) - expected)) > 1000 * BAR


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A small two-by-two predictor compiled for batches of 4."""
    path = write_bundle(tmp_path_factory.mktemp("small") / "wts.h5.zip", patch_px=16)
    return load_predictor(inspect_model(path), batch_rows=4)


def feed(count: int, patch_px: int, members: int) -> tuple[np.ndarray, np.ndarray]:
    offsets = np.random.default_rng(2).uniform(-2, 2, (count, 1, 2, members)).astype(np.float32)
    return diffraction_like(count, patch_px, members), offsets


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 11])
def test_any_number_of_groups(small, count):
    images, offsets = feed(11, 16, 4)
    whole = small.predict(images, offsets)
    part = small.predict(images[:count], offsets[:count])
    assert part.shape == (count, 16, 16)
    np.testing.assert_array_equal(part, whole[:count])


@pytest.mark.parametrize("sizes", [(5, 32), pytest.param((2, 8, 16), marks=pytest.mark.slow)])
@pytest.mark.parametrize("gridsize", [1, 2])
@pytest.mark.parametrize("engine", ENGINES)
def test_batch_size_changes_no_bit_of_a_small_network(tmp_path, engine, gridsize, sizes):
    """On every processor: without oneDNN TensorFlow's sums depend on how many rows there are."""
    model = inspect_model(write_bundle(tmp_path / "w.zip", gridsize=gridsize))
    fed = feed(32, model.patch_px, model.group_size)
    expected, *others = (
        load_predictor(model, batch_rows=rows, engine=engine).predict(*fed) for rows in sizes
    )
    for patches in others:
        np.testing.assert_array_equal(patches, expected)


def test_rows_do_not_see_each_other(small):
    images, offsets = feed(4, 16, 4)
    alone = small.predict(images, offsets)
    images[1:], offsets[1:] = 1e6, 40.0
    np.testing.assert_array_equal(small.predict(images, offsets)[0], alone[0])


def test_warm_up_says_how_long(small, tmp_path):
    """Of what the first batch would compile: on a processor ONNX Runtime leaves nothing to it."""
    assert small.warm_up() == 0.0
    model = inspect_model(write_bundle(tmp_path / "w.zip", gridsize=2))
    assert 0 < load_predictor(model, batch_rows=4, engine="tensorflow").warm_up() < 60
    assert (small.patch_px, small.group_size, small.batch_rows) == (16, 4, 4)


def test_wrong_shapes_are_named(small):
    images, offsets = feed(2, 16, 4)
    for bad in ((images[..., :1], offsets), (images, offsets[:1]), (images[:, :8], offsets)):
        with pytest.raises(ArmError, match="needed:"):
            small.predict(*bad)


def test_fewer_rows_out_than_in_is_an_error():
    """What PtychoPINN's own layer does from 64 images on (D1, D2)."""
    collapsing = NetworkPredictor(16, 4, 4, lambda x, d: np.ones((1, 16, 16), np.complex64), "arm X")
    with pytest.raises(ArmError, match=r"arm X: the network returned \(1, 16, 16\) for 4 groups"):
        collapsing.predict(*feed(4, 16, 4))


def test_a_single_image_lies_at_its_own_centre(tmp_path):
    """With C = 1 scan positions handed in by mistake change nothing (D3)."""
    predictor = load_predictor(inspect_model(write_bundle(tmp_path / "w.zip", gridsize=1)), batch_rows=3)
    images, offsets = feed(3, 32, 1)
    np.testing.assert_array_equal(
        predictor.predict(images, offsets + 87), predictor.predict(images, 0 * offsets)
    )


@pytest.mark.parametrize("nphotons", [1e9, 1e6])
def test_each_network_owns_its_scale(tmp_path, nphotons):
    """The scale multiplies and divides, so the dose of the bundle does not show (D5)."""
    images, offsets = feed(3, 32, 4)
    known = write_bundle(tmp_path / "known.zip", nphotons=4 * 16**2)  # s = 2
    other = write_bundle(tmp_path / "other.zip", nphotons=nphotons)
    first, second = (load_predictor(inspect_model(path), batch_rows=3) for path in (known, other))
    difference = second.predict(images, offsets) - first.predict(images, offsets)
    assert np.max(np.abs(difference)) < 1e-5


@pytest.mark.parametrize(
    "settings",
    [
        {"object_big": False, "use_polar": False},
        {"probe_big": False, "amp_activation": "swish"},
        {"gridsize": 1, "object_big": False, "pad_object": False},
    ],
    ids=str,
)
def test_every_variant_of_the_network_runs_alike_in_all_engines(tmp_path, settings):
    model = inspect_model(write_bundle(tmp_path / "wts.h5.zip", **settings))
    fed = feed(3, 32, model.group_size)
    patches, other = (load_predictor(model, batch_rows=2, engine=name).predict(*fed) for name in ENGINES)
    assert patches.shape == (3, 32, 32)
    assert np.max(np.abs(patches - other)) < BAR * max(1, np.max(np.abs(patches)))
    centre = np.abs(patches[:, 8:24, 8:24])
    assert np.all(np.isfinite(centre))
    assert np.all(centre.std((1, 2)) > 0.1 * centre.mean((1, 2)))


def test_without_a_merge_positions_do_not_matter(tmp_path):
    predictor = load_predictor(
        inspect_model(write_bundle(tmp_path / "w.zip", object_big=False)), batch_rows=3
    )
    images, offsets = feed(3, 32, 4)
    np.testing.assert_array_equal(predictor.predict(images, offsets), predictor.predict(images, 3 * offsets))


def test_supervised_output_is_amplitude_and_phase(tmp_path):
    path = write_supervised_baseline(tmp_path / "baseline_model.h5")
    predictor = load_predictor(inspect_model(path), batch_rows=4)
    images, offsets = feed(6, 32, 1)
    patches = predictor.predict(images, offsets)
    assert patches.shape == (6, 32, 32)
    assert np.std(np.abs(patches)) > 0.1 * np.mean(np.abs(patches))
    np.testing.assert_array_equal(predictor.predict(images, 9 * offsets), patches)


@pytest.mark.parametrize("how", ["zero", "flat", "nan"])
def test_a_dead_network_runs_and_looks_dead(tmp_path, how):
    path = write_bundle(tmp_path / "wts.h5.zip", gridsize=1)
    damage_weights(path, how)
    images, offsets = feed(3, 32, 1)
    patches = load_predictor(inspect_model(path), batch_rows=3).predict(images, offsets)
    if how == "nan":
        assert np.isnan(patches).any()
    else:
        np.testing.assert_array_equal(patches[0], patches[1])
        assert np.ptp(np.abs(patches[0, 10:22, 10:22])) < 1e-3


def test_a_file_that_changed_after_inspection_is_refused(tmp_path):
    path = write_bundle(tmp_path / "wts.h5.zip")
    model = inspect_model(path)
    write_bundle(path, seed=1)
    with pytest.raises(BundleError, match="changed since it was inspected"):
        load_predictor(model, batch_rows=4)
    with pytest.raises(BundleError, match="changed"):
        load_predictor(dataclasses.replace(model, sha256="0" * 64), batch_rows=4)


def test_a_batch_has_rows(tmp_path):
    model = inspect_model(write_bundle(tmp_path / "wts.h5.zip"))
    with pytest.raises(ValueError, match="batch_rows is 0"):
        load_predictor(model, batch_rows=0)


def test_a_network_of_real_output_is_refused(tmp_path):
    def edit(parts):  # the complex layers removed: trimmed straight from the amplitude
        layers = parts.config["config"]["layers"]
        trim = layers[-1]
        layers[:] = [
            x
            for x in layers
            if "complex" not in str(x["config"].get("dtype")) and "Combine" not in x["class_name"]
        ]
        amplitude = next(x for x in layers if x["name"] == "add" or x["class_name"] == "Add")
        trim["inbound_nodes"][0]["args"][0]["config"]["keras_history"][0] = amplitude["name"]
        layers.append(trim)

    path = write_bundle(tmp_path / "wts.h5.zip", gridsize=1, edit=edit)
    for engine in ENGINES:
        with pytest.raises(BundleError, match=r"the network yields .*float32.*; needed: complex patches"):
            load_predictor(inspect_model(path), batch_rows=2, engine=engine)


def test_a_network_that_cannot_be_built_is_refused(tmp_path):
    def edit(parts):  # a convolution of complex numbers
        layers = parts.config["config"]["layers"]
        combine = next(x for x in layers if x["class_name"] == "CombineComplexLayer")
        silu = {
            **next(x for x in layers if x["class_name"] == "Silu"),
            "name": "late",
            "config": {"name": "late"},
        }
        layers.insert(layers.index(combine) + 1, silu)
        silu["inbound_nodes"] = layers[-1]["inbound_nodes"]
        mask = next(x for x in layers if x["class_name"] == "ActivationLayer")
        late = {
            **mask,
            "name": "late2",
            "config": {**mask["config"], "name": "late2", "activation_name": "gelu"},
        }
        late["inbound_nodes"] = silu["inbound_nodes"] = [{"args": [tensor(combine["name"])], "kwargs": {}}]
        layers.insert(-2, late)
        layers[-2]["inbound_nodes"][0]["args"][0][0]["config"]["keras_history"][0] = "late2"

    path = write_bundle(tmp_path / "wts.h5.zip", edit=edit)
    for engine, name in zip(ENGINES, ("ONNX Runtime", "TensorFlow"), strict=True):
        with pytest.raises(BundleError, match=f"{name} cannot build this network"):
            load_predictor(inspect_model(path), batch_rows=2, engine=engine)


def tensor(name: str) -> dict:
    return {"class_name": "__keras_tensor__", "config": {"keras_history": [name, 0, 0]}}
