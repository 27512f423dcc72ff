"""What all tests share: the reference data, when it is there."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

REFERENCE = Path(__file__).parents[2] / "shared" / "reference"

# the tests run beside others on few cores: one thread each
for _name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.pop("PTYCHO_HUB", None)


@pytest.fixture(scope="session")
def reference() -> Path:
    """Folder of the real inputs; tests that need it are skipped where it is absent."""
    if not REFERENCE.is_dir():
        pytest.skip(f"the reference data are not here: {REFERENCE}")
    return REFERENCE


@pytest.fixture
def reference_hub(reference: Path, tmp_path: Path) -> Path:
    """A writable copy of the reference hub."""
    hub = tmp_path / "hub"
    shutil.copytree(reference / "hub", hub)
    for path in [hub, *hub.rglob("*")]:
        path.chmod(path.stat().st_mode | 0o200)
    return hub
