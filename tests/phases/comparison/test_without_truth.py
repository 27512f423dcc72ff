"""A comparison without a true object is a real one: residual, halves and agreement are its scores."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest

from forged import edit_manifest, edit_table
from hubs import DOSE, make_split, request_on
from ptycho_compare.checks import judge_comparison
from ptycho_compare.phases.comparison.compare import compare
from ptycho_compare.phases.comparison.request import ArmRequest
from ptycho_compare.reconstruction.image_source import ImageSource
from ptycho_compare.records.tables.metrics_csv import read_metrics_csv
from scans import write_scan

pytestmark = pytest.mark.usefixtures("undrawn", "built_once")

ARMS = ("PtychoPINN", "Baseline", "PtyChi")


@pytest.fixture(scope="module")
def blind(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scan of the small hub's train split, its true object taken out."""
    arrays = make_split(0)
    del arrays["objectGuess"]
    return write_scan(tmp_path_factory.mktemp("scan") / "blind.npz", arrays)


@pytest.fixture(scope="module")
def finished(small_hub: Path, blind: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("out")
    scorecard = compare(request_on(small_hub, output, test_data=blind), command=["test"], console_level=None)
    assert [score.status for score in scorecard.arms] == ["ok"] * 3
    assert scorecard.reference == "none"
    return output


def test_every_arm_has_a_residual_and_networks_have_halves(finished: Path) -> None:
    rows = {(row.model, row.metric): row for row in read_metrics_csv(finished / "comparison_metrics.csv")}
    for arm in ARMS:
        row = rows[arm, "r_factor"]
        assert 0 < row.value < 10
        assert row.value_low <= row.value <= row.value_high
        assert row.reference == "same_data"
        assert (arm, "mae") not in rows
    # the noisy truth explains the data far better than an untrained network
    assert rows["PtyChi", "r_factor"].value < 0.5 * rows["Baseline", "r_factor"].value
    assert ("Baseline", "half_frc_half_bit") in rows
    assert ("PtyChi", "half_frc_half_bit") not in rows


def test_residuals_are_told_apart_where_frames_are_known(finished: Path) -> None:
    with (finished / "comparison_differences.csv").open() as stream:
        found = {
            (row["first"], row["second"]): row
            for row in csv.DictReader(stream)
            if row["metric"] == "r_factor"
        }
    assert found["PtychoPINN", "Baseline"]["told_apart"] in ("yes", "no")
    # the place of PtyChi's image is a guess, fitted to make its residual small
    assert found["Baseline", "PtyChi"]["told_apart"] == ""


def test_every_two_arms_are_compared_with_each_other(finished: Path) -> None:
    with (finished / "arm_agreement.csv").open() as stream:
        pairs = {(row["first"], row["second"]) for row in csv.DictReader(stream)}
    assert pairs == {("PtychoPINN", "Baseline"), ("PtychoPINN", "PtyChi"), ("Baseline", "PtyChi")}


def test_the_maps_are_there(finished: Path) -> None:
    with np.load(finished / "residuals.npz") as arrays:
        assert np.isfinite(arrays["ptychi_map"]).any()
        assert arrays["ptychi_images"].size == arrays["ptychi_r_factor"].size > 0
    assert (finished / "residual_plot.png").is_file()


def test_the_evidence_is_judged_by_its_own_verdicts(finished: Path) -> None:
    assert judge_comparison(finished, required=ARMS) == []


def test_an_arm_without_a_residual_is_blank_unless_there_is_no_probe(finished: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(finished, tmp_path / "copy"))
    edit_table(folder, lambda line: "" if line.startswith("Baseline,r_factor,") else line)
    (finding,) = judge_comparison(folder, required=ARMS)
    assert (finding.kind, finding.arm) == ("blank", "Baseline")
    assert "has no r_factor row" in finding.text
    edit_manifest(folder, lambda manifest: manifest["scan"].update(probe=False))
    assert judge_comparison(folder, required=ARMS) == []


def test_ready_made_arms_find_each_other(small_hub: Path, blind: Path, tmp_path: Path) -> None:
    with np.load(small_hub / f"data/phase_f/dose_{DOSE}/dense/train/ptychi_reconstruction.npz") as arrays:
        values = arrays["reconstructed_object"]
    np.save(tmp_path / "moved.npy", np.roll(values, (2, -1), (0, 1)) * 3j)
    more = ArmRequest("Moved", ImageSource(tmp_path / "moved.npy"))
    request = request_on(small_hub, tmp_path / "out", more, networks=False, test_data=blind)
    scorecard = compare(request, command=["test"], console_level=None)
    (pair,) = scorecard.agreements
    assert (pair.shift.dy, pair.shift.dx) == pytest.approx((-2, 1), abs=0.02)
    # an arm's own image and residual do not depend on who else is there
    assert not scorecard.arm("Moved").moved
    (fienup,) = (row.value for row in pair.metrics if row.name == "fienup")
    assert fienup < 0.01
