"""Networks on a GPU: the CPU's numbers to rounding, and the same ones each time."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from hubs import command_of
from phases.train.mini import DOSE, make_hub
from phases.train.test_train import NETWORKS, files_of
from processes import COMPARE_MODELS, PTYCHO_HUB, run
from ptycho_compare.hub import Artifacts, Hub
from ptycho_compare.records.manifest import read_manifest
from results import assert_same_results, results

from .conftest import ON_CPU, ON_GPU

CLOSE = 1e-4  # of pixels, and rad; 3e-5 was seen


def devices(folder: Path) -> set[str]:
    """Where the networks of a comparison ran, as its manifest says."""
    arms = read_manifest(Artifacts(folder).manifest).arms
    return {str(arm.details["parameters"]["device"]) for name, arm in arms.items() if name != "PtyChi"}


@pytest.fixture(scope="module")
def compared(networks_gpu: str, small_hub: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One comparison three times: on the GPU, there again, and on the CPU."""
    folders = {}
    for name, more in (("gpu", ON_GPU), ("again", ON_GPU), ("cpu", ON_CPU)):
        folders[name] = tmp_path_factory.mktemp(name)
        command = (*COMPARE_MODELS, *command_of(small_hub, "train", folders[name]), "--engine", "tensorflow")
        done = run(command, folders[name], **more)
        assert done.returncode == 0, done.stderr
    return folders


def test_a_comparison_says_where_its_networks_ran(networks_gpu: str, compared: dict[str, Path]) -> None:
    assert devices(compared["gpu"]) == {networks_gpu}
    assert devices(compared["cpu"]) == {"cpu"}


def test_a_comparison_is_the_same_to_the_bit_when_it_is_repeated(compared: dict[str, Path]) -> None:
    assert_same_results(compared["again"], results(compared["gpu"]))


def test_canvases_are_those_of_the_cpu_but_for_rounding(compared: dict[str, Path]) -> None:
    on_gpu, on_cpu = (np.load(Artifacts(compared[name]).reconstructions) for name in ("gpu", "cpu"))
    assert set(on_gpu.files) == set(on_cpu.files)
    for key in on_cpu.files:
        np.testing.assert_allclose(on_gpu[key], on_cpu[key], atol=CLOSE, err_msg=key)


def training(hub: Hub, network: str) -> list[str]:
    return ["train", "--hub", str(hub.root), "--dose", str(DOSE), "--network", network]


@pytest.fixture(scope="module")
def trained(networks_gpu: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Hub]:
    """Both networks trained twice on the GPU and once on the CPU."""
    hubs = {}
    for name, more in (("gpu", ON_GPU), ("again", ON_GPU), ("cpu", ON_CPU)):
        hubs[name] = make_hub(tmp_path_factory.mktemp("training") / name)
        for network in NETWORKS:
            done = run([*PTYCHO_HUB, *training(hubs[name], network)], hubs[name].root, **more)
            assert done.returncode == 0, done.stdout + done.stderr
    return hubs


def losses(hub: Hub, network: str) -> np.ndarray:
    with files_of(hub, network).history.open() as file:
        return np.array([[float(row["loss"]), float(row["val_loss"])] for row in csv.DictReader(file)])


@pytest.mark.parametrize("network", NETWORKS)
def test_a_training_says_where_it_ran(trained: dict[str, Hub], networks_gpu: str, network: str) -> None:
    assert f"\ndevice: {networks_gpu}\n" in files_of(trained["gpu"], network).log.read_text()
    assert "\ndevice: cpu\n" in files_of(trained["cpu"], network).log.read_text()


@pytest.mark.parametrize("network", NETWORKS)
def test_a_training_with_one_seed_ends_with_one_bundle(trained: dict[str, Hub], network: str) -> None:
    digests = []
    for name in ("gpu", "again"):
        listed = json.loads((trained[name].phase_e() / "training_manifest.json").read_text())
        digests += [job["result"]["bundle_sha256"] for job in listed["jobs"] if job["view"] == network]
    assert digests[0] == digests[1]
    np.testing.assert_array_equal(losses(trained["gpu"], network), losses(trained["again"], network))


@pytest.mark.parametrize("network", NETWORKS)
def test_a_training_learns_as_on_the_cpu(trained: dict[str, Hub], network: str) -> None:
    on_gpu, on_cpu = losses(trained["gpu"], network), losses(trained["cpu"], network)
    np.testing.assert_allclose(on_gpu, on_cpu, rtol=1e-2)
