"""What holds on a GPU as well; tests are skipped where there is none."""

from __future__ import annotations

import pytest

WITHOUT_GPU = {"CUDA_VISIBLE_DEVICES": "-1"}
"""For the environment of a process that shall find none."""


@pytest.fixture(scope="session")
def networks_gpu() -> str:
    """Name of the GPU that TensorFlow finds."""
    from ptycho_compare.models.device import choose_device

    device = choose_device()
    if device.name == "cpu":
        pytest.skip("TensorFlow finds no GPU here")
    return device.name


@pytest.fixture(scope="session")
def engine_gpu() -> str:
    """Name of the GPU that torch finds."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    if not torch.cuda.is_available():
        pytest.skip("torch finds no GPU here")
    return str(torch.cuda.get_device_name())
