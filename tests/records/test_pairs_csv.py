"""Two arms side by side: differences with their verdicts, agreements without a truth."""

import csv
import subprocess
import sys

import pytest

from ptycho_compare.errors import InputError
from ptycho_compare.records.tables.pairs_csv import (
    AGREEMENT_COLUMNS,
    read_differences_csv,
    write_agreements_csv,
    write_differences_csv,
)
from ptycho_compare.reporting.terminal import summary_lines
from ptycho_compare.scoring.metrics.estimate import Interval
from ptycho_compare.scoring.metrics.metric import Difference
from scorecards import card


@pytest.fixture
def path(tmp_path):
    return tmp_path / "pairs.csv"


def differences():
    return (
        Difference("A", "B", "mae", "phase", -0.5, Interval(-0.75, -0.25)),
        Difference("A", "B", "fienup", "value", 0.125, Interval(-0.5, 0.5)),
        Difference("A", "C", "mae", "phase", 0.25, None),
    )


def test_differences_are_read_back_with_their_verdict(path):
    write_differences_csv(path, differences())
    found = read_differences_csv(path)
    assert [(row.first, row.second, row.metric, row.component, row.difference) for row in found] == [
        ("A", "B", "mae", "phase", -0.5),
        ("A", "B", "fienup", "value", 0.125),
        ("A", "C", "mae", "phase", 0.25),
    ]
    assert [row.told_apart for row in found] == [True, False, None]


def test_what_is_no_table_of_differences_is_refused(path):
    path.write_text("first,second\nA,B\n")
    with pytest.raises(InputError, match="columns first, second; needed: first, second, metric"):
        read_differences_csv(path)


def test_agreements_are_tables_of_the_second_against_the_first(path):
    scorecard = card(truth=False)
    write_agreements_csv(path, scorecard.agreements)
    rows = list(csv.DictReader(path.open()))
    assert tuple(rows[0]) == AGREEMENT_COLUMNS
    assert {(row["first"], row["second"], row["reference"]) for row in rows} == {
        ("PtychoPINN", "PtyChi", "same_data")
    }
    fienup = next(row for row in rows if row["metric"] == "fienup")
    assert 0 < float(fienup["value_low"]) <= float(fienup["value"]) <= float(fienup["value_high"]) < 0.2
    lines = list(summary_lines(scorecard))
    assert f"PtyChi and PtychoPINN differ by {float(fienup['value']):.4f} (Fienup)" in lines


def test_reading_them_is_cheap():
    code = (
        "import sys, ptycho_compare.records.tables.pairs_csv, ptycho_compare.reporting.terminal\n"
        "print(sorted({'numpy', 'pandas', 'scipy', 'skimage', 'matplotlib'} & set(sys.modules)))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
