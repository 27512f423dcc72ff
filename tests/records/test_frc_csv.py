"""Ring correlation as tables: one row per ring, one per cut-off."""

import csv
from dataclasses import replace

import numpy as np
import pytest

from ptycho_compare.records.tables.frc_csv import CUTOFF_COLUMNS, write_cutoffs_csv, write_frc_csv
from ptycho_compare.scoring import RingCurve
from scorecards import card


@pytest.fixture
def path(tmp_path):
    return tmp_path / "curves.csv"


def curve(correlation, side=10):
    rings = np.arange(1, len(correlation) + 1)
    return RingCurve(rings / side, np.array(correlation, float), 6 * rings)


def test_a_curve_has_a_row_per_ring(path):
    write_frc_csv(
        path,
        "Baseline",
        {"amplitude": curve([1, 0.5]), "phase": curve([0.25, -0.5]), "half_phase": curve([0])},
    )
    assert path.read_text() == (
        "model,frequency_bin,amplitude_frc,phase_frc,cycles_per_px,pixels,complex_frc,half_bit\n"
        "Baseline,1,1.000000,0.250000,0.100000,6,,0.625162\n"
        "Baseline,2,0.500000,-0.500000,0.200000,12,,0.516057\n"
    )


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
    write_frc_csv(path, "PtyChi", card().arm("PtyChi").curves)
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
    scorecard = card()
    (falling,) = (each for each in scorecard.arms if each.arm == "PtyChi")
    cutoff = falling.curves["phase"].cutoff(0.5)
    row = cutoffs(path, scorecard, pixel_nm=20.0)["PtyChi", "phase", "0.5"]
    assert row["beyond_nyquist"] == ("yes" if cutoff.beyond_nyquist else "no")
    assert not cutoff.beyond_nyquist
    first, last = cutoff.frequency, cutoff.last_crossing
    found = [
        float(row[f"{end}_{unit}"]) for end in ("first", "last") for unit in ("cycles_per_px", "px", "nm")
    ]
    assert found == pytest.approx([first, 1 / first, 20 / first, last, 1 / last, 20 / last], abs=1e-6)
    assert float(row["area"]) == pytest.approx(falling.curves["phase"].area, abs=1e-6)


def test_without_a_pixel_size_there_are_no_nanometres_and_a_dead_arm_has_no_rows(path):
    rows = cutoffs(path, card())
    assert {row["first_nm"] for row in rows.values()} == {""}
    assert {model for model, _, _ in rows} == {"PtychoPINN", "PtyChi"}
    assert {criterion for _, _, criterion in rows} == {"0.5", "1/7", "half_bit"}


def test_halves_and_agreements_say_what_they_compare_with(path):
    scorecard = card(truth=False)
    whole = next(each for each in card().arms if each.arm == "PtyChi")
    halved = replace(scorecard.arms[0], curves={f"half_{name}": each for name, each in whole.curves.items()})
    rows = cutoffs(path, replace(scorecard, arms=(halved, *scorecard.arms[1:])))
    references = {(model, row["reference"]) for (model, _, _), row in rows.items()}
    assert references == {("PtychoPINN", "independent_half"), ("PtyChi~PtychoPINN", "same_data")}
