"""A hub of two small splits and a study with two views of them, for the tests of phase D."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import numpy as np

from ptycho_compare.hub import Hub
from ptycho_compare.study import Study
from scans import make_scan, write_scan

DOSE, COUNT = 1000, 60
KEPT = {"dense": 48, "sparse": 30}
STUDY_TEXT = f"""\
name = "views"
doses = [{DOSE}]
views = ["dense", "sparse"]
splits = ["train", "test"]
[tiers.debug]
[overlap.views.dense]
s_img = 0.8
n_groups = 32
[overlap.views.sparse]
s_img = 0.5
gridsize = 1
"""
STUDY = Study.model_validate(tomllib.loads(STUDY_TEXT))
CANONICAL = np.array(json.dumps({"data_transformations": [{"tool": "transpose_rename_convert"}]}))
"""Metadata of data whose history is known."""


def write_splits(root: Path, **more: np.ndarray) -> Hub:
    """Write a hub that has phase C, each split with `more` arrays, and a study file."""
    hub = Hub(root.resolve())
    for seed, split in enumerate(("train", "test")):
        scan = make_scan(count=COUNT, side=16, height=40, width=48, seed=seed)
        write_scan(hub.patched(DOSE, split), {**scan, **more})
    hub.study().write_text(STUDY_TEXT)
    return hub
