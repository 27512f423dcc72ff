"""An arm whose patches are the truth's, laid on a canvas with known noise by code of a lab's own."""

from __future__ import annotations

import importlib
import os
from pathlib import Path

import pytest

ENTRY = "lab_patches"
_CODE = '''\
"""Patches of the true object with white noise, of the deviation that photons give, on a canvas."""

import numpy as np

from ptycho_compare.reconstruction.canvas import Canvas

CROP = 12
GAIN = {"test": 1.0, "train": 1.7j}


def reconstruct(scan, plan, grid, argument):
    dose = int(scan.path.parent.name.removeprefix("dose_"))
    gain = GAIN[scan.path.stem.removeprefix("patched_")]
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
        canvas.add(gain * patch[np.newaxis], np.array([[x, y]], float))
    return canvas.on_grid(grid)
'''


def install(site: Path, patch: pytest.MonkeyPatch) -> None:
    """Install the reconstructor, as pip would, for this process and those that it starts."""
    info = site / f"{ENTRY}-1.0.dist-info"
    info.mkdir(parents=True)
    (site / f"{ENTRY}.py").write_text(_CODE)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {ENTRY}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        f"[ptycho_compare.reconstructors]\n{ENTRY} = {ENTRY}:reconstruct\n"
    )
    patch.syspath_prepend(site)
    patch.setenv("PYTHONPATH", os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]))
    importlib.invalidate_caches()
