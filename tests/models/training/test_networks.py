"""The networks are PtychoPINN's: same layers, same names, same wiring as in the bundles it wrote."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from later import later
from ptycho_compare.errors import InputError, StudyError
from ptycho_compare.models.training.design import Design, probe_scale

if TYPE_CHECKING:
    from ptycho_compare.models.training.networks import Networks

keras, bundle_file = later("keras"), later("ptycho_compare.models.training.bundle_file")
building = later("ptycho_compare.models.training.networks")
HUB = Path("hub/data/phase_e/dose_1000000000")
BUNDLES = {1: HUB / "baseline/gs1/wts.h5.zip", 2: HUB / "dense/gs2/wts.h5.zip"}
SIDE = 64


def networks(gridsize: int, **other: Any) -> Networks:
    probe = np.exp(-((np.arange(SIDE) - SIDE // 2) ** 2) / 90.0)
    probe = (probe[:, None] * probe).astype(np.complex64)
    design = Design(**{"patch_px": SIDE, "gridsize": gridsize, "filters_scale": 1, "photons": 1e9, **other})
    return building.build_networks(design, probe * np.float32(probe_scale(probe)))


def stored(bundle: Path, model: str) -> dict[str, Any]:
    with zipfile.ZipFile(bundle) as outer, zipfile.ZipFile(io.BytesIO(outer.read(model))) as inner:
        return dict(json.loads(inner.read("config.json")))


def without_what_keras_infers(value: Any) -> Any:
    """Leave out shapes and dtypes of tensors inside the graph, and addresses in memory."""
    if isinstance(value, list):
        return [without_what_keras_infers(each) for each in value]
    if not isinstance(value, dict):
        return value
    if value.get("class_name") == "__keras_tensor__":
        return value["config"]["keras_history"]
    unwanted = ("shared_object_id", "build_config", "compile_config")
    return {key: without_what_keras_infers(each) for key, each in value.items() if key not in unwanted}


@pytest.mark.parametrize("model", ["diffraction_to_obj", "autoencoder"])
@pytest.mark.parametrize("gridsize", BUNDLES)
def test_a_configuration_is_that_of_the_reference_bundle(reference: Path, gridsize: int, model: str) -> None:
    building.build_networks(
        Design(SIDE, 1, 1, 1.0), np.ones((SIDE, SIDE), np.complex64)
    )  # names must not count on
    built = networks(gridsize)
    ours = built.reconstruct if model == "diffraction_to_obj" else built.measure
    config = bundle_file.as_ptychopinn(json.loads(ours.to_json()))
    theirs = stored(reference / BUNDLES[gridsize], f"{model}/model.keras")
    assert without_what_keras_infers(config["config"]) == without_what_keras_infers(theirs["config"])
    assert [config[key] for key in ("module", "class_name", "registered_name")] == [
        theirs[key] for key in ("module", "class_name", "registered_name")
    ]


@pytest.mark.parametrize(("side", "stages"), [(64, 3), (128, 4), (256, 5)])
def test_larger_images_have_a_deeper_network_of_the_same_layout(side: int, stages: int) -> None:
    built = building.build_networks(Design(side, 1, 1, 1e6), np.ones((side, side), np.complex64))
    kinds = [type(layer).__name__ for layer in built.reconstruct.layers]
    assert kinds.count("MaxPooling2D") == stages
    assert kinds.count("UpSampling2D") == 2 * stages
    assert built.reconstruct.output_shape == (None, side, side, 1)


def test_another_image_size_is_refused_with_those_there_are() -> None:
    with pytest.raises(StudyError, match=r"images of 32 px; PtychoPINN has networks for 64, 128, 256 px"):
        Design(32, 2, 1, 1e9)


def test_a_seed_gives_the_same_weights_again_and_another_seed_others() -> None:
    drawn = []
    for seed in (7, 7, 8):
        built = networks(2)
        building.set_initial_weights(built, seed)
        drawn.append(np.concatenate([each.ravel() for each in built.measure.get_weights()]))
    assert np.array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])


def test_an_untrained_network_counts_about_the_photons_of_the_dose() -> None:
    built = networks(2)
    building.set_initial_weights(built, seed=0)
    images = np.random.default_rng(0).random((2, SIDE, SIDE, 4), np.float32)
    offsets = np.zeros((2, 1, 2, 4), np.float32)
    counts = np.asarray(built.measure([images * np.float32(built.design.input_scale), offsets])[2])
    np.testing.assert_allclose(counts.sum(axis=(1, 2)), 1e9, rtol=0.3)


def test_another_keras_backend_is_named(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(InputError, match="set KERAS_BACKEND=tensorflow"):
        networks(1)
