"""Bundles: what PtychoPINN's hold, read back by our own reader and by Keras."""

from __future__ import annotations

import io
import pickletools
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pytest

from bundles import diffraction_like
from later import later
from models.training.test_networks import BUNDLES, SIDE, networks
from ptycho_compare.models.bundle import inspect_model
from ptycho_compare.models.predictor import load_predictor
from ptycho_compare.storage.files import sha256_of
from ptycho_compare.untrusted.pickles import load_plain

if TYPE_CHECKING:
    from ptycho_compare.models.training.networks import Networks

keras, tf = later("keras"), later("tensorflow")
layers, building = later("ptycho_compare.models.layers"), later("ptycho_compare.models.training.networks")
bundle_file = later("ptycho_compare.models.training.bundle_file")
FACTS = {
    "batch_size": 8,
    "nepochs": 3,
    "npseed": 42,
    "n_groups": 90,
    "n_subsample": 100,
    "neighbor_count": 7,
    "label": "test",
    "output_prefix": "data/phase_e",
    "train_data_file_path": "data/phase_c/dose_1000/patched_train.npz",
}


def drawn(gridsize: int) -> Networks:
    built = networks(gridsize)
    building.set_initial_weights(built, seed=3)
    return built


@pytest.fixture(scope="module", params=[1, 2])
def built(request: pytest.FixtureRequest) -> Networks:
    return drawn(request.param)


@pytest.fixture(scope="module")
def path(built: Networks, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bundle") / "wts.h5.zip"
    bundle_file.write_bundle(path, built, FACTS)
    return path


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def theirs_of(reference: Path, built: Networks) -> dict[str, bytes]:
    return members(reference / BUNDLES[built.design.gridsize])


def test_the_predictor_gives_what_the_trained_network_gave(built: Networks, path: Path) -> None:
    count = 4
    images = diffraction_like(count, SIDE, built.design.images, seed=1)
    generator = np.random.default_rng(0)
    offsets = generator.uniform(-4, 4, (count, 1, 2, built.design.images)).astype(np.float32)
    offsets -= offsets.mean(axis=-1, keepdims=True)
    predictor = load_predictor(inspect_model(path), batch_rows=4)
    patches = predictor.predict(images, offsets)
    scaled = images * np.float32(built.design.input_scale)
    own = np.asarray(keras.tree.flatten(tf.function(built.reconstruct)([scaled, offsets]))[0])[..., 0]
    middle = np.s_[:, SIDE // 4 : -SIDE // 4, SIDE // 4 : -SIDE // 4]
    assert own[middle].std() > 0.01
    # another graph of the same layers: single precision rounds its sums otherwise on some processors
    np.testing.assert_allclose(patches, own, atol=2e-6)


def test_it_holds_every_member_and_parameter_of_the_reference(
    built: Networks, path: Path, reference: Path
) -> None:
    ours, theirs = members(path), theirs_of(reference, built)
    assert set(ours) == set(theirs)
    for name in ("autoencoder", "diffraction_to_obj"):
        own, known = (load_plain(found[f"{name}/params.dill"], label=name) for found in (ours, theirs))
        assert set(own) == set(known)
        both_set = [
            key for key in known if own[key] is not None and known[key] is not None and key != "probe"
        ]
        assert [type(own[key]) for key in both_set] == [type(known[key]) for key in both_set]
        assert (own["probe"].shape, own["probe"].dtype) == (known["probe"].shape, known["probe"].dtype)
        assert own["intensity_scale"] == pytest.approx(known["intensity_scale"], rel=1e-6)
    assert load_plain(ours["manifest.dill"], label="") == load_plain(theirs["manifest.dill"], label="")


def test_custom_objects_name_the_same_globals(built: Networks, path: Path, reference: Path) -> None:
    found = [
        globals_in(each["autoencoder/custom_objects.dill"])
        for each in (members(path), theirs_of(reference, built))
    ]
    assert found[0] == found[1]


def globals_in(data: bytes) -> dict[str, tuple[str, str]]:
    """Key to module and name of a pickled dict of globals; nothing is looked up."""
    memo: list[str] = []
    words: list[str] = []
    for opcode, argument, _ in pickletools.genops(data):
        if opcode.name == "SHORT_BINUNICODE":
            words.append(argument)
        elif opcode.name == "BINGET":
            words.append(memo[argument])
        elif opcode.name == "MEMOIZE":
            memo.append(words[-1] if words else "")
    return {key: (module, name) for key, module, name in zip(*[iter(words)] * 3, strict=True)}


def test_weights_lie_where_keras_would_look_for_them(built: Networks, path: Path, reference: Path) -> None:
    listed = []
    for found in (members(path), theirs_of(reference, built)):
        with zipfile.ZipFile(io.BytesIO(found["diffraction_to_obj/model.keras"])) as inner:
            data = io.BytesIO(inner.read("model.weights.h5"))
        with h5py.File(data) as file:
            shapes: dict[str, Any] = {}
            file.visititems(
                lambda name, item, into=shapes: (
                    into.update({name: item.shape}) if isinstance(item, h5py.Dataset) else None
                )
            )
        listed.append(shapes)
    assert listed[0] == listed[1]


def test_keras_itself_opens_it(built: Networks, path: Path, tmp_path: Path) -> None:
    class Scaler(layers.IntensityScaler):
        def __init__(self, **settings: Any) -> None:
            super().__init__(scale=built.design.input_scale, **settings)

    file = tmp_path / "model.keras"
    file.write_bytes(members(path)["diffraction_to_obj/model.keras"])
    objects = {**layers.CUSTOM_OBJECTS, "ptycho>IntensityScaler": Scaler}
    loaded = keras.saving.load_model(file, custom_objects=objects, compile=False, safe_mode=True)
    images = np.random.default_rng(0).random((2, SIDE, SIDE, built.design.images), np.float32)
    inputs = [
        images * np.float32(built.design.input_scale),
        np.zeros((2, 1, 2, built.design.images), np.float32),
    ]
    own, again = (np.asarray(keras.tree.flatten(model(inputs))[0]) for model in (built.reconstruct, loaded))
    np.testing.assert_allclose(again, own, atol=1e-6)


def test_the_same_weights_give_the_same_bytes(path: Path, built: Networks, tmp_path: Path) -> None:
    again = drawn(built.design.gridsize)
    bundle_file.write_bundle(tmp_path / "again.zip", again, dict(FACTS))
    assert sha256_of(tmp_path / "again.zip") == sha256_of(path)


def test_it_says_how_it_was_trained(path: Path) -> None:
    parameters = inspect_model(path).parameters
    assert {key: parameters[key] for key in FACTS} == FACTS
    assert parameters["model_type"] == "pinn"
