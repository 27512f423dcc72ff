"""What holds on a GPU as well; tests are skipped where there is none."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from processes import environment

ON_GPU, ON_CPU = {"CUDA_VISIBLE_DEVICES": "0"}, {"CUDA_VISIBLE_DEVICES": "-1"}
"""For the environment of a process that shall find one GPU, or none."""

_NETWORKS = "from ptycho_compare.models.device import choose_device; print(choose_device('gpu').name)"
_ENGINE = "import torch; print(torch.cuda.get_device_name())"


@pytest.fixture(scope="session")
def networks_gpu() -> str:
    """Name of the GPU that TensorFlow finds."""
    return _found_by("TensorFlow", _NETWORKS)


@pytest.fixture(scope="session")
def engine_gpu() -> str:
    """Name of the GPU that torch finds."""
    return _found_by("torch", _ENGINE)


def _found_by(library: str, question: str) -> str:
    if shutil.which("nvidia-smi") is None:
        pytest.skip("there is no GPU here")
    command = (sys.executable, "-c", question)
    asked = subprocess.run(
        command, env=environment(None, **ON_GPU), capture_output=True, text=True, check=False
    )
    if asked.returncode != 0:
        pytest.skip(f"{library} finds no GPU here: {asked.stderr.strip().splitlines()[-1]}")
    return asked.stdout.strip()
