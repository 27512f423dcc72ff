"""The independent implementations, as fixtures: a test is skipped where its oracle is absent.

They are imported when a test asks, so that collecting the suite loads no torch.
"""

from types import ModuleType

import pytest

PACKAGES = "pip install --no-deps -r tests/oracles/requirements.txt"
TORCH = "pip install torch (the CPU build is enough)"


@pytest.fixture(scope="session")
def ptychodus() -> ModuleType:
    """`ptychodus.api.metrics`."""
    return pytest.importorskip("ptychodus.api.metrics", reason=f"no ptychodus: {PACKAGES}")


@pytest.fixture(scope="session")
def torch() -> ModuleType:
    """The library that the two below compute with."""
    return pytest.importorskip("torch", reason=f"no torch: {TORCH}")


@pytest.fixture(scope="session")
def cdtools(torch: ModuleType) -> ModuleType:
    """`cdtools.tools.analysis`."""
    return pytest.importorskip("cdtools.tools.analysis", reason=f"no cdtools: {PACKAGES}")


@pytest.fixture(scope="session")
def pytorch_msssim(torch: ModuleType) -> ModuleType:
    return pytest.importorskip("pytorch_msssim", reason=f"no pytorch-msssim: {PACKAGES}")
