"""A tiny hub, and pty-chi's reconstruction of its test split, made once."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from ptycho_compare.hub import Hub
from ptycho_compare.phases.reconstruct.reconstruct import reconstruct
from ptycho_compare.study import Study, load_study
from scans import make_scan, write_scan
from sharing import shared

DOSE, VIEW, SPLIT = 1_000_000, "dense", "test"
EPOCHS, SEGMENT = 15, 5

STUDY = f"""\
name = "tiny"
doses = [{DOSE}]
views = ["{VIEW}"]
splits = ["train", "{SPLIT}"]

[tiers.full]
required_arms = ["PtyChi"]

[reconstruction]
epochs = {EPOCHS}
batch = 24
segment = {SEGMENT}
device = "cpu"
"""


@pytest.fixture(scope="session")
def ptychi() -> None:
    """Tests that run the engine are skipped where it is not installed."""
    missing = [
        name for name in ("torch", "ptychi", "sklearn", "tqdm") if importlib.util.find_spec(name) is None
    ]
    if missing:
        pytest.skip(f"pty-chi cannot run here: no {', '.join(missing)}")


def make_tiny_hub(root: Path) -> Hub:
    hub = Hub(root)
    arrays = make_scan(count=120, side=32, height=80, width=88, seed=3, photons=DOSE)
    for split in ("train", SPLIT):
        write_scan(hub.patched(DOSE, split), arrays)
    hub.study().write_text(STUDY)
    return hub


@pytest.fixture(scope="session")
def tiny_study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    path = tmp_path_factory.mktemp("tiny study") / "study.toml"
    path.write_text(STUDY)
    return load_study(path)


@pytest.fixture(scope="session")
def whole(ptychi: None, tiny_study: Study, tmp_path_factory: pytest.TempPathFactory) -> Hub:
    """A hub in which the split was reconstructed without a break; no test may damage it."""

    def make(folder: Path) -> None:
        reconstruct(make_tiny_hub(folder / "hub"), tiny_study, DOSE, VIEW, SPLIT)

    return Hub(shared(tmp_path_factory, "reconstructed", make) / "hub")
