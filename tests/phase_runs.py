"""A small study whose phases are all real: Keras trains its networks, pty-chi reconstructs.

No two of its splits and networks are of one size or as many epochs: what is exchanged can be told.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from processes import PTYCHO_HUB, nobody_left, run
from ptycho_compare.hub import Hub
from sharing import shared

DOSE = 1_000_000
WHERE = ("--dose", str(DOSE), "--view", "dense")
STUDY = f"""\
name = "small, and all of it real"
doses = [{DOSE}]
views = ["dense"]
splits = ["train", "test"]

[tiers.debug]
groups = 32
chunk = 16
batch = 16

[tiers.full]
chunk = 16
batch = 4

[uncertainty]
draws = 20

[simulation]
object = "siemens"
object_px = 160
images = 121

[overlap.views.dense]
n_groups = 64

[training.ptychopinn]
epochs = 3
batch = 8
filters_scale = 1

[training.baseline]
epochs = 2
batch = 8
filters_scale = 1

[reconstruction]
epochs = 6
segment = 2
"""


def hub_of(folder: Path) -> Hub:
    """A hub with nothing but the study."""
    hub = Hub(folder / "hub")
    hub.root.mkdir(parents=True)
    hub.study().write_text(STUDY)
    return hub


def finished_hub(factory: pytest.TempPathFactory) -> Hub:
    """A hub that `conditions` made from nothing, undisturbed; no test may damage it."""
    pytest.importorskip("torch", reason="no torch: make .venv/.ptychi")

    def make(folder: Path) -> None:
        hub = hub_of(folder)
        with nobody_left(hub.root):
            done = run((*PTYCHO_HUB, "conditions", "--hub", str(hub.root), *WHERE), hub.root)
        assert done.returncode == 0, done.stdout

    return Hub(shared(factory, "real_phases", make) / "hub")
