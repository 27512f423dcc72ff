"""What holds on a GPU as well; tests are skipped where there is none."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys

import pytest

from processes import environment

ON_GPU, ON_CPU = {"CUDA_VISIBLE_DEVICES": "0"}, {"CUDA_VISIBLE_DEVICES": "-1"}
"""For the environment of a process that shall find one GPU, or none."""

# asked of the libraries, not of ours: where they find one, ours has to use it
_NETWORKS = """
import tensorflow as tf
for gpu in tf.config.list_physical_devices("GPU")[:1]:
    print(tf.config.experimental.get_device_details(gpu)["device_name"])
"""
_ENGINE = """
import torch
if torch.cuda.is_available():
    print(torch.cuda.get_device_name())
"""


@pytest.fixture(scope="session")
def networks_gpu() -> str:
    """Name of the GPU that TensorFlow finds."""
    return _found_by("tensorflow", _NETWORKS)


@pytest.fixture(scope="session")
def engine_gpu() -> str:
    """Name of the GPU that torch finds."""
    return _found_by("torch", _ENGINE)


def _found_by(library: str, question: str) -> str:
    if shutil.which("nvidia-smi") is None:
        pytest.skip("there is no GPU here")
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    command = (sys.executable, "-c", question)
    asked = subprocess.run(
        command, env=environment(None, **ON_GPU), capture_output=True, text=True, check=True
    )
    return asked.stdout.strip() or pytest.skip(f"{library} finds no GPU here")
