"""pty-chi on a GPU: nearly the CPU's object, and the same one each time."""

from __future__ import annotations

import numpy as np
import pytest

from phases.reconstruct.conftest import DOSE, SPLIT, VIEW, make_tiny_hub
from processes import PTYCHO_HUB, run
from ptycho_compare.hub import Hub, ReconstructionFiles

from .conftest import ON_CPU, ON_GPU

RIM_PX = 16  # half an image


@pytest.fixture(scope="module", params=["LSQML", "RPIE"])
def reconstructed(
    request: pytest.FixtureRequest, engine_gpu: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Hub]:
    """One split twice on the GPU and once on the CPU."""
    hubs = {}
    for name, more in (("gpu", ON_GPU), ("again", ON_GPU), ("cpu", ON_CPU)):
        hub = hubs[name] = make_tiny_hub(tmp_path_factory.mktemp(request.param) / name)
        text = hub.study().read_text().replace('device = "cpu"', f'engine = "{request.param}"')
        hub.study().write_text(text)
        what = ("--hub", str(hub.root), "--dose", str(DOSE), "--view", VIEW, "--split", SPLIT)
        done = run((*PTYCHO_HUB, "reconstruct", *what), hub.root, **more)
        assert done.returncode == 0, done.stdout + done.stderr
    return hubs


def held(hub: Hub) -> dict[str, np.ndarray]:
    with np.load(hub.ptychi(DOSE, VIEW, SPLIT)) as arrays:
        return {name: arrays[name] for name in arrays.files if name != "reconstruction_time"}


def test_the_log_says_where_it_ran(reconstructed: dict[str, Hub], engine_gpu: str) -> None:
    logs = {
        name: ReconstructionFiles(hub.ptychi_dir(DOSE, VIEW, SPLIT)).log.read_text()
        for name, hub in reconstructed.items()
    }
    assert engine_gpu in logs["gpu"]
    assert engine_gpu not in logs["cpu"]


def test_it_is_the_same_to_the_bit_when_it_is_repeated(reconstructed: dict[str, Hub]) -> None:
    first, second = held(reconstructed["gpu"]), held(reconstructed["again"])
    for name, array in first.items():
        np.testing.assert_array_equal(array, second[name], err_msg=name)


def test_it_is_the_object_that_a_cpu_gives(reconstructed: dict[str, Hub]) -> None:
    # without the rim, where little light was
    on_gpu, on_cpu = (
        held(reconstructed[name])["reconstructed_object"][RIM_PX:-RIM_PX, RIM_PX:-RIM_PX]
        for name in ("gpu", "cpu")
    )
    overlap = abs(np.vdot(on_gpu, on_cpu)) / (np.linalg.norm(on_gpu) * np.linalg.norm(on_cpu))
    assert np.sqrt(max(0.0, 1 - overlap**2)) < 0.03  # Fienup's error; to the truth it is as much
