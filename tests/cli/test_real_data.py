"""Real x-ray data through the command line: no truth, counts, DC in the corner, units in the file."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from ptycho_compare.cli.compare_models import main
from ptycho_compare.records.tables.metrics_csv import read_metrics_csv
from ptycho_compare.scan.read import open_scan
from star import STAR_SCAN

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def compared(reference: Path, star: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a comparison of the star leaves; its pixel is told, which scales cut-offs and nothing else."""
    folder = tmp_path_factory.mktemp("compared")
    arms = [f"--arm={name}={star}/{name.lower()}.npz" for name in ("All", "Even")]
    halves = ["--halves", "All", f"{star}/even.npz", f"{star}/odd.npz"]
    words = [
        "--test_data",
        str(reference / STAR_SCAN),
        "--output_dir",
        str(folder),
        *arms,
        *halves,
        "--quiet",
        "--pixel-nm",
        "20",
    ]
    assert main(words) == 0
    return folder


def test_the_star_is_compared_as_it_is(compared: Path) -> None:
    rows = {(row.model, row.metric): row for row in read_metrics_csv(compared / "comparison_metrics.csv")}
    # the file's probe is a guess: an object explains the images through the probe it was found with
    assert rows["All", "r_factor_own_probe"].value < 0.18
    assert rows["All", "r_factor_own_probe"].value < 0.6 * rows["All", "r_factor"].value
    # all images explain all images better than half of them do
    assert rows["All", "r_factor_own_probe"].value < rows["Even", "r_factor_own_probe"].value
    # independent halves measure resolution; a full period of about 4 px
    half_bit = rows["All", "half_frc_half_bit"]
    assert half_bit.reference == "independent_half"
    assert 3.5 < 1 / half_bit.phase < 5.2
    assert half_bit.phase_low < half_bit.phase < half_bit.phase_high
    assert half_bit.amplitude is None
    assert "amplitude: no contrast in the truth" in half_bit.note
    with (compared / "arm_agreement.csv").open() as stream:
        (fienup,) = (row for row in csv.DictReader(stream) if row["metric"] == "fienup")
    assert float(fienup["value"]) < 0.15
    scan = json.loads((compared / "manifest.json").read_text())["scan"]
    assert (scan["values"], scan["dc"]) == ("counts", "corner")


def test_cutoffs_in_nanometres_where_the_pixel_is_told(compared: Path) -> None:
    with (compared / "frc_cutoffs.csv").open() as stream:
        rows = [row for row in csv.DictReader(stream) if row["px"]]
    assert rows
    for row in rows:
        assert float(row["nm"]) == pytest.approx(20 * float(row["px"]), rel=1e-4)


def test_the_near_field_scan_reads_with_units(reference: Path) -> None:
    with open_scan(reference / "p25_near_field.cxi") as scan:
        assert scan.optics.wavelength_m == pytest.approx(9.794912e-11, rel=1e-5)
        assert scan.optics.detector_pixel_m == pytest.approx(55e-6, rel=1e-5)
        assert scan.optics.distance_m == pytest.approx(1.12, rel=1e-5)
        assert scan.diffraction.count == 200
