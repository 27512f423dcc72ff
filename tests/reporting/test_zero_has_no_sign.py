"""A number whose digits are all zero has no minus, wherever it is written; a difference keeps its sign."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ptycho_compare.records.deciding import FIENUP, Margin, digits
from ptycho_compare.records.measures import number_text, signed_text
from ptycho_compare.records.tables.csv_cells import table_text
from ptycho_compare.reporting.figures.edges import written
from ptycho_compare.reporting.page import words

NEGATIVE_ZEROS = (-0.0, -4e-9)


@pytest.mark.parametrize("number", NEGATIVE_ZEROS)
@pytest.mark.parametrize(
    ("text_of", "said"),
    [
        (number_text, "0.000"),
        (lambda number: words.aligned_text(number, 3), "0.000"),
        (lambda number: words.interval_text(number, number, 2), "[0.00, 0.00]"),
        (lambda number: written(number, 1), "0.0"),
        (lambda number: table_text(["name"], [[number]]), "name\n0.000000\n"),
    ],
)
def test_rounded_away(number: float, text_of: Callable[[float], str], said: str) -> None:
    assert text_of(number) == said


@pytest.mark.parametrize(("text_of", "said"), [(digits, "0.0000"), (words.number_text, "0"), (written, "0")])
def test_of_digits_that_go_with_the_number(text_of: Callable[[float], str], said: str) -> None:
    assert text_of(-0.0) == said
    assert text_of(-4e-9).startswith(("-4", "\N{MINUS SIGN}4"))


def test_arms_that_are_equal() -> None:
    assert Margin(FIENUP, "A", "B", 0.0, -0.0, -0.0, False).distance == "no difference [0.0000, 0.0000]"


def test_a_difference_keeps_the_sign_that_ptychopinn_s_tools_give_it() -> None:
    assert [signed_text(number, 3) for number in (-0.0, -4e-9, 4e-9)] == ["+0.000", "-0.000", "+0.000"]
