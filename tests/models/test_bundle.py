"""What inspection says about a sound model, and what it holds against an unsound one."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from bundles import NETWORK, damage_weights, hdf5_bytes, write_bundle, write_supervised_baseline
from ptycho_compare.errors import BundleError
from ptycho_compare.models import bundle
from ptycho_compare.models.bundle import find_model, inspect_model, read_model

DOSE = "hub/data/phase_e/dose_1000000000"


@pytest.mark.parametrize(("folder", "images"), [("dense/gs2", 4), ("baseline/gs1", 1)])
def test_the_reference_bundles_are_read(reference, folder, images):
    path = find_model(reference / DOSE / folder)
    model = inspect_model(path)
    assert (model.kind, model.patch_px, model.group_size) == ("ptychopinn", 64, images)
    assert model.input_scale == pytest.approx(988.2118, rel=1e-6)
    assert model.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert model.parameters["nphotons"] == 1e9
    assert model.parameters["object.big"] is True
    assert "probe" not in model.parameters


@pytest.mark.parametrize(("gridsize", "patch_px"), [(1, 64), (2, 32), (3, 16)])
def test_a_written_bundle_says_what_it_was_written_with(tmp_path, gridsize, patch_px):
    path = write_bundle(tmp_path / "wts.h5.zip", gridsize=gridsize, patch_px=patch_px, nphotons=1e6)
    model = inspect_model(path)
    assert model.path == path
    assert (model.kind, model.patch_px, model.group_size) == ("ptychopinn", patch_px, gridsize**2)
    assert model.input_scale == pytest.approx(1000 / (patch_px / 2))


def test_parameters_fit_into_strict_json(tmp_path):
    odd = {"nan": float("nan"), "number": np.float32(2.5), "array0": np.array(3), "list": [1], 7: "x"}
    path = write_bundle(tmp_path / "wts.h5.zip", edit=lambda parts: parts.parameters.update(odd))
    parameters = inspect_model(path).parameters
    assert json.loads(json.dumps(parameters, allow_nan=False)) == parameters
    assert (parameters["nan"], parameters["number"], parameters["array0"]) == ("nan", 2.5, 3)
    assert {"list", 7, "probe"}.isdisjoint(parameters)


def test_the_supervised_baseline_needs_no_scale_and_has_one_image(tmp_path):
    model = inspect_model(write_supervised_baseline(tmp_path / "baseline_model.h5", patch_px=16))
    assert (model.kind, model.patch_px, model.group_size) == ("supervised", 16, 1)
    assert (model.input_scale, model.parameters) == (1.0, {})


def test_equal_bytes_elsewhere_are_the_same_model_and_changed_ones_are_looked_at(tmp_path):
    first = write_bundle(tmp_path / "a.zip")
    second, damaged = tmp_path / "b.zip", tmp_path / "c.zip"
    second.write_bytes(first.read_bytes())
    damaged.write_bytes(first.read_bytes()[:-30])
    assert inspect_model(second) == replace(inspect_model(first), path=second)
    for _ in range(2):
        with pytest.raises(BundleError, match=r"c\.zip"):
            inspect_model(damaged)
    first.write_bytes(damaged.read_bytes())
    with pytest.raises(BundleError, match=r"a\.zip"):
        inspect_model(first)


def test_a_file_that_is_exchanged_while_it_is_read_is_not_taken_for_the_one_before(tmp_path, monkeypatch):
    path = write_bundle(tmp_path / "a.zip", patch_px=16, seed=41)
    first, second = path.read_bytes(), write_bundle(tmp_path / "b.zip", patch_px=32, seed=42).read_bytes()
    read = bundle.read_zip_bundle

    def exchanged(*arguments, **more):
        path.write_bytes(second)
        return read(*arguments, **more)

    with monkeypatch.context() as patch:
        patch.setattr(bundle, "read_zip_bundle", exchanged)
        inspect_model(path)
    path.write_bytes(first)
    assert inspect_model(path).patch_px == 16


def test_weights_come_only_when_asked_for(tmp_path):
    path = write_bundle(tmp_path / "wts.h5.zip")
    assert read_model(path, with_weights=False)[2] == {}
    _, graph, weights = read_model(path, with_weights=True)
    needed = {node.name: node.weights for node in graph.nodes if node.weights}
    assert {name: tuple(array.shape for array in arrays) for name, arrays in weights.items()} == needed


@pytest.mark.parametrize("how", ["zero", "nan", "flat"])
def test_damaged_weights_are_no_bad_input(tmp_path, how):
    path = write_bundle(tmp_path / "wts.h5.zip")
    sound = inspect_model(path)
    damage_weights(path, how)
    assert inspect_model(path).sha256 != sound.sha256


def test_a_file_stands_for_itself(tmp_path):
    path = write_bundle(tmp_path / "any_name.zip")
    assert find_model(path) == path
    assert inspect_model(path).patch_px == 32


def test_the_one_model_below_a_folder_is_found(tmp_path):
    path = write_supervised_baseline(tmp_path / "run" / "2026_baseline_gs1" / "baseline_model.h5")
    assert find_model(tmp_path) == path


def test_a_file_too_large_to_be_a_model_is_not_even_read(tmp_path):
    path = tmp_path / "wts.h5.zip"
    with path.open("wb") as stream:
        stream.truncate(9 << 30)  # sparse: takes no space
    with pytest.raises(BundleError, match="holds 9663676416 bytes"):
        inspect_model(path)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(BundleError, match=r"nowhere: no such folder"):
        find_model(tmp_path / "nowhere")


def refuse(tmp_path: Path, match: str, **parts_changes: object) -> None:
    def edit(parts):
        for name, value in parts_changes.items():
            setattr(parts, name, value)

    with pytest.raises(BundleError, match=match):
        inspect_model(write_bundle(tmp_path / "wts.h5.zip", edit=edit))


def parameters(**changes: object) -> dict:
    scale = float(np.sqrt(1e9) / 16)
    return {"N": 32, "gridsize": 2, "intensity_scale": scale} | changes


@pytest.mark.parametrize(
    "value", [None, float("nan"), float("inf"), 0.0, -3.0, "988", [1.0, 2.0], [[1], 2], 10**300]
)
def test_an_impossible_scale_is_refused(tmp_path, value):
    refuse(tmp_path, r"params\.dill: key 'intensity_scale'", parameters=parameters(intensity_scale=value))


def test_the_scale_must_stand_in_both_members(tmp_path):
    refuse(tmp_path, r"model\.h5: attribute 'intensity_scale' is missing", stored_scale=None)
    refuse(tmp_path, r"model\.h5: attribute 'intensity_scale' is nan", stored_scale=float("nan"))


@pytest.mark.parametrize("changes", [{"N": "32"}, {"N": 0}, {"gridsize": True}, {"gridsize": 10**9}])
def test_sizes_must_be_whole_numbers(tmp_path, changes):
    (key,) = changes
    refuse(tmp_path, f"key '{key}' is .*; needed: a whole number", parameters=parameters(**changes))


def test_the_manifest_must_list_the_network(tmp_path):
    refuse(tmp_path, "manifest.dill lists", manifest={"models": ["autoencoder"]})
    refuse(tmp_path, "manifest.dill lists None", manifest=["models"])
    refuse(tmp_path, "manifest.dill lists", manifest={"models": [np.arange(3)]})


def test_parameters_must_be_a_dict(tmp_path):
    refuse(tmp_path, "params.dill holds a list", parameters=[1, 2])


@pytest.mark.parametrize("name", ["model.keras", "params.dill", "model.h5"])
def test_a_missing_member_is_named(tmp_path, name):
    refuse(tmp_path, f"{name}' is missing", members={f"{NETWORK}/{name}": None})


def test_numpy_numbers_are_numbers(tmp_path):
    def edit(parts):
        scale = np.float32(parts.parameters["intensity_scale"])
        parts.parameters.update(intensity_scale=np.array(scale), N=np.int64(32), gridsize=np.int32(2))

    model = inspect_model(write_bundle(tmp_path / "wts.h5.zip", edit=edit))
    assert (model.patch_px, model.group_size) == (32, 4)
    assert model.input_scale == pytest.approx(np.sqrt(1e9) / 16, rel=1e-6)


def test_weights_of_another_shape_are_refused(tmp_path):
    def edit(parts):
        parts.weights["layers/conv2d_3/vars/0"] = parts.weights["layers/conv2d_3/vars/0"][:2]

    with pytest.raises(
        BundleError, match=r"layers/conv2d_3/vars/0.*\(2, 3, 8, 8\); needed: float32\(3, 3, 8, 8\)"
    ):
        inspect_model(write_bundle(tmp_path / "wts.h5.zip", edit=edit))


def test_weights_too_few_or_too_many_are_refused(tmp_path):
    def drop(parts):
        del parts.weights["layers/conv2d_1/vars/1"]

    with pytest.raises(BundleError, match=r"'layers/conv2d_1/vars/1' of layer 'conv2d_1' are missing"):
        inspect_model(write_bundle(tmp_path / "wts.h5.zip", edit=drop))

    def add(parts):
        parts.weights["layers/conv2d_99/vars/0"] = np.zeros(3, np.float32)

    with pytest.raises(BundleError, match=r"conv2d_99/vars/0' belong to no layer"):
        inspect_model(write_bundle(tmp_path / "wts.h5.zip", edit=add))


@pytest.mark.parametrize(
    ("values", "match"),
    [
        (np.array([b"text"]), "only plain numbers"),
        (np.zeros(3, np.complex64), "only plain numbers"),
        (np.zeros(8, np.int32), "needed: float32"),
    ],
)
def test_weights_must_be_floats(tmp_path, values, match):
    def edit(parts):
        parts.weights["layers/conv2d_2/vars/1"] = values

    with pytest.raises(BundleError, match=match):
        inspect_model(write_bundle(tmp_path / "wts.h5.zip", edit=edit))


def test_claimed_sizes_are_bounded_before_anything_is_read(tmp_path):
    def edit(parts):
        buffer = io.BytesIO(hdf5_bytes(parts.weights, {}))
        with h5py.File(buffer, "r+") as file:  # 16 GiB that no byte of the file holds
            file.create_dataset("optimizer/huge", (1 << 32,), "f4", chunks=(1 << 20,))
        parts.keras_members["model.weights.h5"] = buffer.getvalue()

    with pytest.raises(BundleError, match="claim"):
        inspect_model(write_bundle(tmp_path / "wts.h5.zip", edit=edit))


def test_a_filter_that_needs_a_plug_in_is_refused(tmp_path):
    path = write_supervised_baseline(tmp_path / "baseline_model.h5")
    with h5py.File(path, "r+") as file:
        settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        settings.set_chunk((64,))
        settings.set_filter(40_000, h5py.h5z.FLAG_OPTIONAL)  # which nobody has
        space = h5py.h5s.create_simple((64,))
        h5py.h5d.create(file.id, b"other", h5py.h5t.NATIVE_FLOAT, space, settings)
    with pytest.raises(BundleError, match="packed by the filter"):
        inspect_model(path)


def test_a_baseline_with_weights_alone_is_refused(tmp_path):
    path = write_supervised_baseline(tmp_path / "baseline_model.h5")
    with h5py.File(path, "r+") as file:
        del file.attrs["model_config"]
    with pytest.raises(BundleError, match="'model_config' is missing"):
        inspect_model(path)


def test_a_baseline_with_other_ends_is_refused(tmp_path):
    def one_output(config):
        config["config"]["output_layers"] = config["config"]["output_layers"][:1]

    with pytest.raises(BundleError, match="needed: amplitude and phase"):
        inspect_model(write_supervised_baseline(tmp_path / "baseline_model.h5", edit=one_output))

    def oblong(config):
        config["config"]["layers"][0]["config"]["batch_shape"] = [None, 32, 64, 1]

    with pytest.raises(BundleError, match="one square image"):
        inspect_model(write_supervised_baseline(tmp_path / "baseline_model.h5", edit=oblong))


def test_a_baseline_layer_without_its_weights_is_refused(tmp_path):
    path = write_supervised_baseline(tmp_path / "baseline_model.h5")
    with h5py.File(path, "r+") as file:
        file["model_weights/conv2d"].attrs["weight_names"] = ["conv2d/kernel"]
    with pytest.raises(BundleError, match="layer 'conv2d' has 1 weights; needed: 2"):
        inspect_model(path)


def test_keras_2_wiring_is_read_too(tmp_path):
    """Keras 2.13 to 2.15: lists for calls, plain dtypes, batch_input_shape, modules for layers."""

    def older(config):
        for layer in config["config"]["layers"]:
            settings = layer["config"]
            settings["dtype"] = "float32"
            layer["module"], layer["registered_name"] = "keras.layers", None
            if "batch_shape" in settings:
                settings["batch_input_shape"] = settings.pop("batch_shape")
            layer["inbound_nodes"] = [
                [[*tensor["config"]["keras_history"], {}] for tensor in call["args"]]
                for call in layer["inbound_nodes"]
            ]

    new = read_model(write_supervised_baseline(tmp_path / "a.h5"), with_weights=False)[1]
    old = read_model(write_supervised_baseline(tmp_path / "b.h5", edit=older), with_weights=False)[1]
    assert old == new
