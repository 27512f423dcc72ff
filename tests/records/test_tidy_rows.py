"""Rows of a table as tidy numbers: none is lost, and one without a number is told as such."""

import pytest

from ptycho_compare.records.tables.metrics_csv import MetricRow
from ptycho_compare.records.tables.tidy_rows import TidyNumber, numbers_of


@pytest.mark.parametrize(
    ("row", "found"),
    [
        (
            MetricRow("A", "mae", 0.5, 0.25, None, amplitude_low=0.25, amplitude_high=0.75),
            [TidyNumber("amplitude", 0.5, 0.25, 0.75), TidyNumber("phase", 0.25)],
        ),
        (MetricRow("A", "fienup", None, None, 0.0), [TidyNumber("value", 0.0)]),
        (MetricRow("A", "fienup", None, None, None, status="failed"), [TidyNumber("", None)]),
    ],
)
def test_a_number_is_a_line_and_a_row_without_any_is_one(row, found):
    assert list(numbers_of(row)) == found
