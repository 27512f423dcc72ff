"""What foreign names and records can make of a terminal's line: nothing."""

from __future__ import annotations

import io
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.cli.exit_codes import ExitCode, reporting_bad_input
from ptycho_compare.cli.output import running_with_quiet_pipes
from ptycho_compare.errors import HubError
from ptycho_compare.finding import Finding
from ptycho_compare.printable import one_line, printable

HARMFUL = [
    "\x1b[2K\rACCEPTED",
    "\x9b31m",
    "a\u202eb",
    "\u2066x",
    "\ufeff",
    "\u200b",
    "\u2028ACCEPTED",
    "\x00",
]


@given(st.text())
def test_no_character_that_steers_is_left_and_no_other_is_changed(text: str) -> None:
    shown = printable(text)
    assert all(
        character in "\n\t" or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp")
        for character in shown
    )
    if all(each in "\n\t " or each.isprintable() for each in text):
        assert shown == text
    assert "\n" not in one_line(text)


@pytest.mark.parametrize("text", ["Ångström, é, µm, Δφ ≤ 0.5 → 物体 🔬", "a\tb\n"])
def test_letters_of_any_language_stay(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize("name", HARMFUL)
def test_all_that_a_command_prints_is_escaped(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)

    def run() -> int:
        print(name)
        return 0

    assert running_with_quiet_pipes(run) == 0
    assert out.getvalue() == printable(name) + "\n"
    assert out.getvalue().isascii()


def test_a_name_with_a_line_end_begins_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    def run() -> ExitCode:
        raise HubError("a\nACCEPTED: all 8 comparisons hold: no such file")

    assert reporting_bad_input("ptycho-hub", run) == ExitCode.BAD_INPUT
    assert capsys.readouterr().err == (
        "ptycho-hub: error: a\\nACCEPTED: all 8 comparisons hold: no such file\n"
    )


def test_a_finding_is_one_line_whatever_it_quotes() -> None:
    assert str(Finding("changed", "x\nACCEPTED\x1b[0m")) == "changed: x\\nACCEPTED\\x1b[0m"
