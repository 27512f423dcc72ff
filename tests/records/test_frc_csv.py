"""Ring correlation as tables: one row per ring, one per cut-off."""

import csv
from dataclasses import replace

import numpy as np
import pytest

from ptycho_compare.records.tables.frc_csv import CUTOFF_COLUMNS, write_cutoffs_csv, write_frc_csv
from ptycho_compare.scoring.metrics.ring_curve import RingCurve
from scorecards import card, three_scored


@pytest.fixture
def path(tmp_path):
    return tmp_path / "curves.csv"


def curve(correlation, side=10, transfer=None):
    rings = np.arange(1, len(correlation) + 1)
    transfer = None if transfer is None else np.array(transfer, float)
    return RingCurve(rings / side, np.array(correlation, float), 6 * rings, transfer)


def test_a_curve_has_a_row_per_ring(path):
    write_frc_csv(
        path,
        "Baseline",
        {
            "amplitude": curve([1, 0.5]),
            "phase": curve([0.25, -0.5], transfer=[0.9, np.nan]),
            "half_phase": curve([0]),
        },
    )
    assert path.read_text() == (
        "model,frequency_bin,amplitude_frc,phase_frc,cycles_per_px,pixels,complex_frc,half_bit,"
        "amplitude_transfer,phase_transfer,complex_transfer\n"
        "Baseline,1,1.000000,0.250000,0.100000,6,,0.625162,,0.900000,\n"
        "Baseline,2,0.500000,-0.500000,0.200000,12,,0.516057,,,\n"
    )


def test_half_data_have_the_signal_to_noise_ratio_of_all_data(path):
    write_frc_csv(path, "Baseline", {"phase": curve([1, 0.5, 1 / 3, -0.5])}, halves=True)
    rows = list(csv.DictReader(path.open()))
    assert list(rows[0])[8:] == ["amplitude_ssnr", "phase_ssnr", "complex_ssnr"]
    assert [row["phase_ssnr"] for row in rows] == ["inf", "2.000000", "1.000000", "0.000000"]
    assert {row["complex_ssnr"] for row in rows} == {""}


def test_a_ring_without_signal_and_a_missing_curve_are_empty_cells(path):
    write_frc_csv(path, "Baseline", {"phase": curve([0.25, np.nan])})
    rows = list(csv.DictReader(path.open()))
    assert [row["amplitude_frc"] for row in rows] == ["", ""]
    assert [row["phase_frc"] for row in rows] == ["0.250000", ""]


def test_no_curves_give_the_header_alone(path):
    write_frc_csv(path, "Baseline", {})
    assert path.read_text().count("\n") == 1


def test_curves_of_different_rings_are_an_error(path):
    with pytest.raises(
        ValueError, match="Baseline: the curves of amplitude, phase and complex field have different rings"
    ):
        write_frc_csv(path, "Baseline", {"amplitude": curve([1, 1]), "phase": curve([1, 1], side=12)})
    assert not path.exists()


def test_the_curves_of_a_scored_arm(path):
    write_frc_csv(path, "PtyChi", three_scored().arm("PtyChi").curves)
    rows = list(csv.DictReader(path.open()))
    assert [int(row["frequency_bin"]) for row in rows] == list(range(1, len(rows) + 1))
    assert float(rows[-1]["cycles_per_px"]) <= 0.5
    assert all(-1 <= float(row["amplitude_frc"]) <= 1 for row in rows)
    assert float(rows[0]["phase_frc"]) > 0.9


def test_ptychopinns_curves_start_with_ring_zero(path):
    rings = RingCurve(np.arange(3) / 10, np.array([1, 0.5, 0.25]), np.array([1, 8, 12]))
    write_frc_csv(path, "Baseline", {"amplitude": rings})
    assert [row["frequency_bin"] for row in csv.DictReader(path.open())] == ["0", "1", "2"]


def cutoffs(path, scorecard, pixel_nm=None):
    write_cutoffs_csv(path, scorecard, pixel_nm=pixel_nm)
    rows = list(csv.DictReader(path.open()))
    assert tuple(rows[0]) == CUTOFF_COLUMNS
    return {(row["model"], row["component"], row["criterion"]): row for row in rows}


def test_cutoffs_stand_in_every_unit(path):
    scorecard = three_scored()
    curve = scorecard.arm("PtyChi").curves["phase"]
    cutoff = curve.cutoff(0.5)
    found = cutoffs(path, scorecard, pixel_nm=20.0)
    row = found["PtyChi", "phase", "0.5"]
    assert (row["end"], cutoff.beyond_nyquist) == ("", False)
    frequencies = cutoff.frequency, cutoff.first_crossing, cutoff.last_crossing
    written = [
        float(row[f"{end}{unit}"])
        for end in ("", "first_", "last_")
        for unit in ("cycles_per_px", "px", "nm")
    ]
    expected = [number for each in frequencies for number in (each, 1 / each, 20 / each)]
    assert written == pytest.approx(expected, abs=1e-6)
    assert float(row["area"]) == pytest.approx(curve.area, abs=1e-6)
    transfer, row = curve.transfer_cutoff(), found["PtyChi", "phase", "transfer_0.5"]
    assert (float(row["cycles_per_px"]), row["end"], row["area"]) == (
        pytest.approx(transfer.frequency, abs=1e-6),
        transfer.end,
        "",
    )


def test_ends_of_the_grid_are_declared(path):
    scorecard = three_scored()
    curves = {"amplitude": curve([1.0] * 5), "phase": curve([0.0] * 5)}
    rows = cutoffs(path, replace(scorecard, arms=(replace(scorecard.arms[0], curves=curves),)))
    beyond, below = rows["PtychoPINN", "amplitude", "0.5"], rows["PtychoPINN", "phase", "0.5"]
    assert (beyond["end"], beyond["cycles_per_px"], beyond["first_px"]) == ("beyond Nyquist", "", "")
    assert (below["end"], float(below["px"])) == ("below the first ring", 10.0)


def test_without_a_pixel_size_there_are_no_nanometres_and_a_dead_arm_has_no_rows(path):
    rows = cutoffs(path, three_scored())
    assert {row["nm"] for row in rows.values()} == {row["first_nm"] for row in rows.values()} == {""}
    assert {model for model, _, _ in rows} == {"PtychoPINN", "PtyChi"}
    assert {criterion for _, _, criterion in rows} == {"0.5", "1/7", "half_bit", "transfer_0.5"}


def test_halves_and_agreements_say_what_they_compare_with(path):
    scorecard = card(truth=False)
    whole = next(each for each in three_scored().arms if each.arm == "PtyChi")
    halved = replace(scorecard.arms[0], curves={f"half_{name}": each for name, each in whole.curves.items()})
    rows = cutoffs(path, replace(scorecard, arms=(halved, *scorecard.arms[1:])))
    references = {(model, row["reference"]) for (model, _, _), row in rows.items()}
    assert references == {("PtychoPINN", "independent_half"), ("PtyChi~PtychoPINN", "same_data")}
