"""A dose study of real comparisons: true patches with known noise give the analytic curve."""

from __future__ import annotations

from pathlib import Path

import pandas
import pytest

import true_patches
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
reconstructor = "lab_patches:{STRENGTH}"
[stitching]
crop_px = {CROP}
[uncertainty]
draws = 100
"""


@pytest.mark.slow
def test_comparisons_of_true_patches_with_noise_of_photons_fall_with_the_root_of_the_dose(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four jobs, each in a process of its own; a patch's noise falls as one over the root of the dose."""
    true_patches.install(tmp_path / "site", monkeypatch)
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
