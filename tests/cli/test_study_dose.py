"""A dose study of real comparisons: true patches with known noise give the analytic curve."""

from __future__ import annotations

import importlib
import os
from pathlib import Path

import pandas
import pytest

from hubs import CROP, SHAPE, SIDE
from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.hub import Hub
from ptycho_compare.study import load_study
from scans import make_scan, write_scan

DOSES = (1_000, 8_000, 64_000, 512_000)
STRENGTH = 3.0
ARM = "TruePatches"
STUDY = f"""\
name = "true patches"
doses = {list(DOSES)}
views = ["dense"]
splits = ["test"]
[tiers.full]
required_arms = ["{ARM}"]
[arms.{ARM}]
reconstructor = "true_patches:{STRENGTH}"
[stitching]
crop_px = {CROP}
[uncertainty]
draws = 100
"""
CODE = '''\
"""Patches of the true object with white noise, of the deviation that photons give, on a canvas."""

import numpy as np

from ptycho_compare.reconstruction import Canvas

CROP = 12


def reconstruct(scan, plan, grid, argument):
    dose = int(scan.path.parent.name.removeprefix("dose_"))
    images = np.unique(plan.groups)
    centres = scan.positions[images]
    side = scan.patch_px
    rng = np.random.default_rng(dose)
    canvas = Canvas.covering(centres, crop_px=CROP)
    for x, y in centres.astype(int):
        top, left = y - side // 2, x - side // 2
        patch = scan.truth[top : top + side, left : left + side].astype(complex)
        noise = rng.standard_normal(patch.shape) + 1j * rng.standard_normal(patch.shape)
        patch += float(argument) / np.sqrt(dose) * noise
        canvas.add(patch[np.newaxis], np.array([[x, y]], float))
    return canvas.on_grid(grid)
'''


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install the reconstructor, as pip would, for this process and those that it starts."""
    site = tmp_path / "site"
    info = site / "true_patches-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "true_patches.py").write_text(CODE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: true_patches\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[ptycho_compare.reconstructors]\ntrue_patches = true_patches:reconstruct\n"
    )
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]))
    importlib.invalidate_caches()


@pytest.mark.slow
@pytest.mark.usefixtures("code")
def test_comparisons_of_true_patches_with_noise_of_photons_fall_with_the_root_of_the_dose(
    tmp_path: Path,
) -> None:
    """Four jobs, each in a process of its own; a patch's noise falls as one over the root of the dose."""
    hub = Hub(tmp_path / "hub")
    for dose in DOSES:
        arrays = make_scan(count=150, side=SIDE, height=SHAPE[0], width=SHAPE[1], photons=dose, whole=True)
        write_scan(hub.patched(dose, "test"), arrays)
    hub.study().write_text(STUDY)
    for each in load_study(hub.study()).comparisons():
        assert main(["compare", each.id, "--hub", str(hub.root)]) == 0

    assert main(["study", "--hub", str(hub.root)]) == 0

    answers = pandas.read_csv(hub.answers().answers)
    (slope,) = answers.query(f"question == 'slope' and first == '{ARM}' and metric == 'fienup'").itertuples()
    assert slope.low <= -0.5 <= slope.high
    assert slope.high - slope.low < 0.1
    curve = pandas.read_csv(hub.answers().curves).query("metric == 'fienup'")
    assert [*curve["mean"]] == pytest.approx(
        [curve["mean"].iloc[0] * (DOSES[0] / dose) ** 0.5 for dose in DOSES], rel=0.1
    )
