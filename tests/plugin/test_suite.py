"""Whoever named a hub and found no test reads what to type, and that finds the suite in any folder."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from hubs import DOSE
from sessions import run_here

CASES = [f"dose_{DOSE}-dense-{split}-debug" for split in ("train", "test")]


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    (tmp_path / "empty").mkdir()
    return tmp_path / "empty"


def said(done: subprocess.CompletedProcess[str]) -> str:
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("ptycho: no test ")]
    return line


def test_where_no_test_lies_the_suite_is_named_and_what_is_said_can_be_typed(
    empty: Path, quick_hub: Path
) -> None:
    done = run_here(quick_hub, "-m", "debug", folder=empty)
    assert done.returncode == 5, done.stdout
    assert "collected 0 items" in done.stdout
    program, *words = shlex.split(said(done).partition("type: ")[2])
    assert (program, words[-1]) == ("pytest", f"--hub={quick_hub}")
    again = run_here(quick_hub, *words[:-1], "--collect-only", "-q", folder=empty)
    assert again.returncode == 0, again.stdout
    assert [line.partition("[")[2].rstrip("]") for line in again.stdout.splitlines() if "[" in line] == CASES


def test_where_marks_select_nothing_those_that_do_are_named(empty: Path, quick_hub: Path) -> None:
    words = ("--pyargs", "pytest_ptycho.acceptance", "-m", "deubg", "-k", "a or b")
    for workers in ((), ("-n1",)):
        done = run_here(quick_hub, *words, *workers, folder=empty)
        assert done.returncode == 5, done.stdout
        line = said(done)
        assert "no test is selected by -m deubg -k 'a or b'; marks are debug, full, acceptance, " in line
        assert line.endswith("did you mean debug?")


def test_a_session_without_a_hub_is_told_nothing(empty: Path) -> None:
    done = run_here(None, folder=empty)
    assert done.returncode == 5
    assert "ptycho:" not in done.stdout
