"""The table of scores: PtychoPINN's columns first, every arm in it, never a NaN."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest

from ptycho_compare.errors import InputError
from ptycho_compare.records.tables.metrics_csv import (
    COLUMNS,
    METRIC_NAMES,
    MetricRow,
    read_metrics_csv,
    verdicts_in,
    write_metrics_csv,
)
from ptycho_compare.scoring.alignment.gauge import Gauge
from ptycho_compare.scoring.alignment.registration import Shift
from ptycho_compare.scoring.alignment.twin import Twin
from ptycho_compare.scoring.arm_verdict import ArmVerdict
from ptycho_compare.scoring.metrics.estimate import Interval
from ptycho_compare.scoring.metrics.metric import Metric, declared
from ptycho_compare.scoring.scorecard import ArmScore, Scorecard
from scorecards import card, three_scored


def arm(
    name="PtychoPINN", *, status="ok", reason="", shift=None, moved=False, metrics=None, gauge=None, twin=None
):
    if metrics is None:
        metrics = [Metric(each, 0.125, 0.25, None, "", "") for each in METRIC_NAMES] if status == "ok" else []
    image = np.zeros((4, 5), np.complex64)
    return ArmScore(name, status, reason, gauge, shift, moved, twin, tuple(metrics), {}, image)


def scorecard(*arms):
    mask = np.zeros((4, 5), bool)
    mask[1:3, 1:4] = True
    return Scorecard(mask, arms, "version-7", "truth")


def lines(path, card, **settings):
    write_metrics_csv(path, card, **{"groups": 320, "seconds": {}, **settings})
    return path.read_text().splitlines()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "comparison_metrics.csv"


def test_the_first_columns_are_ptychopinns_own(path):
    header, *_ = lines(path, scorecard(arm()))
    assert header == (
        "model,metric,amplitude,phase,value,status,metric_version,mask_pixels,groups,unit,note,reference,"
        "amplitude_low,amplitude_high,phase_low,phase_high,value_low,value_high"
    )
    assert COLUMNS[:5] == ("model", "metric", "amplitude", "phase", "value")


def test_numbers_have_six_decimals_and_missing_ones_are_empty(path):
    metrics = [
        Metric("psnr", 31.4159265, float("inf"), None, "dB", ""),
        Metric("fienup", None, None, 0.0123456789, "", "complex field"),
        Metric("mae", -0.0, -1e-9, np.float64(2), "", ""),
    ]
    assert lines(path, scorecard(arm(metrics=metrics)))[1:] == [
        "PtychoPINN,psnr,31.415927,inf,,ok,version-7,6,320,dB,,truth,,,,,,",
        "PtychoPINN,fienup,,,0.012346,ok,version-7,6,320,,complex field,truth,,,,,,",
        "PtychoPINN,mae,0.000000,0.000000,2.000000,ok,version-7,6,320,,,truth,,,,,,",
    ]


def test_rows_stand_in_order_metrics_then_shifts_then_times(path):
    shift = Shift(0.5, -1.25, registered=True, confidence=0.9, reason="")
    write_metrics_csv(
        path,
        scorecard(arm("PtychoPINN", shift=shift), arm("Baseline"), arm("PtyChi", shift=shift, moved=True)),
        groups=320,
        seconds={"PtyChi": 7.0, "PtychoPINN": 12},
    )
    rows = read_metrics_csv(path)
    assert [(row.model, row.metric) for row in rows] == [
        *((model, metric) for model in ("PtychoPINN", "Baseline", "PtyChi") for metric in METRIC_NAMES),
        *(
            (model, f"registration_offset_{axis}")
            for model in ("PtychoPINN", "PtyChi")
            for axis in ("dy", "dx")
        ),
        ("PtychoPINN", "computation_time_s"),
        ("PtyChi", "computation_time_s"),
    ]
    assert [row.value for row in rows[-6:]] == [0.5, -1.25, 0.5, -1.25, 12.0, 7.0]
    assert [row.unit for row in rows[-6:]] == ["px"] * 4 + ["s"] * 2
    assert [row.note for row in rows[-6:]] == ["measured, not applied"] * 2 + ["applied"] * 2 + [""] * 2


def test_an_interval_stands_behind_its_number(path):
    ends = {"phase": Interval(0.25, 0.75), "value": Interval(1, 2)}
    metric = Metric("mae", 0.1, 0.5, 1.5, "", "", ends, "same_data")
    (row,) = lines(path, scorecard(arm(metrics=[metric])))[1:]
    assert row.endswith(",,,same_data,,,0.250000,0.750000,1.000000,2.000000")
    (read,) = read_metrics_csv(path)
    assert (read.amplitude_low, read.phase_low, read.value_high) == (None, 0.25, 2.0)
    assert read.reference == "same_data"


def test_the_gauge_and_what_was_kept_follow_the_times(path):
    shift = Shift(0.5, -1.25, registered=True, confidence=0.9, reason="", ramp=(0.01, -0.02))
    kept = arm("kept", shift=shift, gauge=Gauge(2j, 0.5, 0.75, because="by the settings"))
    removed = arm("removed", shift=shift, gauge=Gauge(1 + 0j, 0.5, 0.75, ramp=(0.03, 0.0), freed=True))
    turned = arm("turned", gauge=Gauge(1 + 0j, 0.1, 0.2), twin=Twin(0.875, 0.125))
    write_metrics_csv(path, scorecard(kept, removed, turned), groups=1, seconds={"kept": 1.0})
    rows = {(row.model, row.metric): row for row in read_metrics_csv(path)}
    names = [metric for model, metric in rows if model == "kept"]
    assert names[-6:] == [
        *("computation_time_s", "gauge_gain", "gauge_ramp_y", "gauge_ramp_x"),
        *("overlap_before", "overlap_after"),
    ]
    gain = rows["kept", "gauge_gain"]
    assert (gain.amplitude, gain.phase) == (2.0, pytest.approx(np.pi / 2, abs=1e-6))
    ramps = [
        (rows[name, "gauge_ramp_y"].value, rows[name, "gauge_ramp_y"].note) for name in ("kept", "removed")
    ]
    assert ramps == [(0.01, "measured, not removed: by the settings"), (0.03, "removed")]
    # nothing says "removed", or 0, of a ramp that was not measured
    assert rows["turned", "gauge_ramp_y"].value is None
    assert rows["turned", "gauge_ramp_y"].note == "not measured: the arm is not registered; not removed"
    assert rows["turned", "twin_overlap"].value == 0.875
    assert ("kept", "twin_overlap") not in rows
    assert (rows["kept", "overlap_before"].value, rows["kept", "overlap_after"].value) == (0.5, 0.75)


@pytest.mark.parametrize(
    ("version", "reference", "names"),
    [
        ("version-7", "truth", METRIC_NAMES),
        ("ptychopinn-1", "truth", METRIC_NAMES[:7]),
        ("version-7", "none", ("r_factor",)),
    ],
)
def test_a_failed_arm_has_the_rows_that_a_scored_one_would_have(path, version, reference, names):
    failed = dataclasses.replace(
        scorecard(arm(status="failed", reason="dead")), metric_version=version, reference=reference
    )
    write_metrics_csv(path, failed, groups=1, seconds={})
    assert tuple(row.metric for row in read_metrics_csv(path)) == names


@pytest.mark.parametrize("status", ["failed", "unscored"])
def test_an_arm_without_scores_keeps_its_rows_and_gives_its_reason(path, status):
    write_metrics_csv(
        path, scorecard(arm(), arm("Baseline", status=status, reason="zero: all of it")), groups=1, seconds={}
    )
    rows = [row for row in read_metrics_csv(path) if row.model == "Baseline"]
    assert [row.metric for row in rows] == list(METRIC_NAMES)
    assert all((row.amplitude, row.phase, row.value) == (None, None, None) for row in rows)
    assert all((row.status, row.note) == (status, "zero: all of it") for row in rows)


def test_every_row_says_status_version_mask_and_groups(path):
    shift = Shift(0.5, 0.0, registered=True, confidence=0.9, reason="")
    write_metrics_csv(
        path,
        scorecard(arm(shift=shift), arm("Baseline", status="failed", reason="x")),
        groups=5088,
        seconds={"Baseline": 1.0},
    )
    rows = read_metrics_csv(path)
    assert {(row.metric_version, row.mask_pixels, row.groups) for row in rows} == {("version-7", 6, 5088)}
    assert {(row.model, row.status) for row in rows} == {("PtychoPINN", "ok"), ("Baseline", "failed")}


def test_a_shift_that_was_not_found_has_no_number(path):
    shift = Shift(0.0, 0.0, registered=False, confidence=0.2, reason="the peak lies at the border")
    rows = lines(path, scorecard(arm(shift=shift)))[-2:]
    note = "not registered: the peak lies at the border"
    assert rows == [
        f"PtychoPINN,registration_offset_{axis},,,,ok,version-7,6,320,px,{note},truth,,,,,,"
        for axis in ("dy", "dx")
    ]


@pytest.mark.parametrize("part", ["amplitude", "phase", "value"])
def test_nan_is_never_written(path, part):
    path.write_text("old")
    metric = dataclasses.replace(Metric("ssim", 1.0, 1.0, None, "", ""), **{part: float("nan")})
    with pytest.raises(ValueError, match=f"PtychoPINN, ssim: {part} is NaN"):
        lines(path, scorecard(arm(metrics=[metric])))
    assert path.read_text() == "old"


@pytest.mark.parametrize(
    ("shift", "seconds", "metric"),
    [
        (Shift(float("nan"), 0.0, registered=True, confidence=0.5, reason=""), {}, "registration_offset_dy"),
        (None, {"PtychoPINN": float("nan")}, "computation_time_s"),
    ],
)
def test_nan_is_not_written_as_shift_or_time_either(path, shift, seconds, metric):
    with pytest.raises(ValueError, match=f"PtychoPINN, {metric}: value is NaN"):
        lines(path, scorecard(arm(shift=shift)), seconds=seconds)
    assert not path.exists()


def test_a_time_of_an_arm_that_is_not_there_is_an_error(path):
    with pytest.raises(ValueError, match="not scored: Tike"):
        lines(path, scorecard(arm()), seconds={"PtychoPINN": 1.0, "Tike": 2.0})


def test_a_reason_with_commas_quotes_and_line_ends_stays_one_row(path):
    reason = 'first,\nsecond "third"\r\n\tfourth'
    rows = lines(path, scorecard(arm(status="failed", reason=reason)))
    assert len(rows) == 1 + len(METRIC_NAMES)
    assert read_metrics_csv(path)[0].note == 'first, second "third" fourth'


def test_equal_scorecards_give_equal_bytes_with_unix_line_ends(path, tmp_path):
    lines(path, three_scored(), seconds={"Baseline": 1.5})
    lines(tmp_path / "b.csv", card(), seconds={"Baseline": 1.5})
    assert path.read_bytes() == (tmp_path / "b.csv").read_bytes()
    assert b"\r" not in path.read_bytes()
    assert path.read_bytes().endswith(b"\n")


def test_what_is_written_is_read_back(path):
    scores = three_scored()
    write_metrics_csv(path, scores, groups=320, seconds={"PtychoPINN": 1.25})
    rows = read_metrics_csv(path)
    mae = next(row for row in rows if (row.model, row.metric) == ("PtyChi", "mae"))
    expected = scores.arm("PtyChi").metrics[0]
    for part in ("amplitude", "phase", "value"):
        ends = expected.intervals[part]
        written = getattr(mae, part), getattr(mae, f"{part}_low"), getattr(mae, f"{part}_high")
        assert written == pytest.approx((getattr(expected, part), ends.low, ends.high), abs=5e-7)
    assert (mae.status, mae.metric_version, mae.reference) == ("ok", scores.metric_version, "truth")
    assert (mae.mask_pixels, mae.groups, mae.unit, mae.note) == (int(scores.mask.sum()), 320, "", "")


def test_a_failed_arm_has_the_rows_of_a_scored_one():
    """The names here and the rows of scoring are one list, kept in two places."""
    assert tuple(metric.name for metric in three_scored().arm("PtychoPINN").metrics) == METRIC_NAMES


def test_pandas_reads_it_as_well(path):
    pandas = pytest.importorskip("pandas")
    write_metrics_csv(path, three_scored(), groups=320, seconds={})
    table = pandas.read_csv(path)
    assert list(table.columns) == list(COLUMNS)
    assert (table.set_index(["model", "metric"]).loc[("PtychoPINN", "ssim"), "amplitude"] > 0.5).all()


def test_ptychopinns_own_table_is_read(path):
    path.write_text("model,metric,amplitude,phase,value\nBaseline,mae,0.1,,\nBaseline,time,,,nan\n")
    first, second = read_metrics_csv(path)
    assert first == MetricRow("Baseline", "mae", 0.1, None, None)
    assert second.value != second.value  # NaN is handed on, to be judged


def test_columns_in_another_order_and_unknown_ones_are_read(path):
    path.write_text("value,metric,model,phase,amplitude,more\n1,mae,Baseline,2,inf,text\n")
    assert read_metrics_csv(path) == [MetricRow("Baseline", "mae", float("inf"), 2.0, 1.0)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "columns none; needed: model, metric, amplitude, phase, value"),
        ("model,metric,value\nA,mae,1\n", "columns model, metric, value; needed"),
        ("model,metric,amplitude,phase,value\nA,mae,1,2,\nA,mse,zero,2,\n", ":3: amplitude is 'zero'"),
        ("model,metric,amplitude,phase,value,groups\nA,mae,1,2,,many\n", ":2: groups is 'many'"),
    ],
)
def test_what_is_no_table_of_scores_is_refused(path, text, message):
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_metrics_csv(path)


def test_a_missing_or_unreadable_file_is_named(path, tmp_path):
    with pytest.raises(InputError, match=r"comparison_metrics\.csv: no such file"):
        read_metrics_csv(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not a readable table"):
        read_metrics_csv(path)
    with pytest.raises(InputError, match="not a readable table"):
        read_metrics_csv(tmp_path)


def test_importing_the_module_is_cheap():
    code = (
        "import sys, ptycho_compare.records.tables.metrics_csv\n"
        "print(sorted({'numpy', 'pandas', 'scipy', 'skimage', 'matplotlib'} & set(sys.modules)))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_contrasts_come_last_and_their_note_holds_the_verdicts(path):
    gauge = Gauge(1 + 0j, 0.5, 0.75)
    verdicts = (ArmVerdict("flat in phase", "0.01 rad"), ArmVerdict("phase only", "none"))
    faint = dataclasses.replace(
        arm("faint", gauge=gauge), verdicts=verdicts, contrast={"amplitude": 0.0, "phase": 0.04}
    )
    plain = dataclasses.replace(arm("plain", gauge=gauge), contrast={"phase": 1.0})
    without = arm("without", gauge=gauge)
    write_metrics_csv(path, scorecard(faint, plain, without), groups=1, seconds={})
    rows = read_metrics_csv(path)
    found = {row.model: row for row in rows if row.metric == "contrast"}
    assert [row.metric for row in rows[-2:]] == ["contrast"] * 2
    assert list(found) == ["faint", "plain"]
    assert (found["faint"].amplitude, found["faint"].phase, found["faint"].unit) == (
        0.0,
        0.04,
        "of the truth's",
    )
    assert (found["plain"].amplitude, found["plain"].phase, found["plain"].note) == (None, 1.0, "")
    assert verdicts_in(rows) == [("faint", "flat in phase: 0.01 rad"), ("faint", "phase only: none")]


@pytest.mark.parametrize(
    ("note", "reason"),
    [
        ("levels=4; phase: no contrast in the truth", "no contrast in the truth"),
        (
            "amplitude beyond Nyquist; phase: the truth's phase has 3 residues",
            "the truth's phase has 3 residues",
        ),
        ("phase: the arm has none; amplitude: no contrast in the truth", "the arm has none"),
        ("amplitude: the arm has none", ""),
        ("phase: left out", ""),
        ("phase on 90 of 100 px: the truth is opaque in the others", ""),
        ("", ""),
    ],
)
def test_only_a_known_reason_declares_that_a_number_does_not_exist(note, reason):
    assert declared(note, "phase") == reason
