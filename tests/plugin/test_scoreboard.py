"""Who is best, where people and programs look: summary at 80 columns, junit, GitHub; under workers too."""

from __future__ import annotations

import os
import pty
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bundles import write_ptychi
from hubs import DOSE, light, make_quick_hub, make_split
from ptycho_compare.hub import Artifacts
from ptycho_compare.records.answering import answer_of, read_tables
from pytest_ptycho.github import error_lines
from pytest_ptycho.terminal import laid_out
from sessions import folder_of, run_here

GOOD, BAD = f"dose_{DOSE}-dense-train-debug", f"dose_{DOSE}-dense-test-debug"


@dataclass(frozen=True)
class Judged:
    """A hub that was judged as it stands, of which one comparison does not hold."""

    hub: Path
    said: str
    junit: ElementTree.ElementTree
    summary: str


@pytest.fixture(scope="module")
def judged(compared_hub: Path, tmp_path_factory: pytest.TempPathFactory) -> Judged:
    place = tmp_path_factory.mktemp("judged")
    hub = Path(shutil.copytree(compared_hub, place / "hub"))
    table = Artifacts(folder_of(hub, "test", "debug")).metrics
    table.write_text(table.read_text().replace("PtychoPINN,ssim,", "PtychoPINN,ssim,9"))
    done = run_here(
        hub,
        *("-m", "debug", "-n2", "--ptycho-verify", f"--junitxml={place / 'junit.xml'}"),
        COLUMNS="80",
        GITHUB_ACTIONS="true",
        GITHUB_STEP_SUMMARY=str(place / "summary.md"),
    )
    assert done.returncode == 1, done.stdout
    junit = ElementTree.parse(place / "junit.xml")
    return Judged(hub, done.stdout, junit, (place / "summary.md").read_text())


def test_who_wins_stands_first_in_the_summary_and_fits_80_columns(judged: Judged) -> None:
    answer = answer_of(*read_tables(Artifacts(folder_of(judged.hub, "train", "debug"))))
    lines = judged.said.splitlines()
    start = next(index for index, line in enumerate(lines) if "ptycho: acceptance" in line)
    section = lines[start + 1 :]
    board = section[: section.index("")]
    assert " ".join(board[:2]).startswith(f"{GOOD}: {answer.verdict}")
    assert max(map(len, board)) <= 80
    assert {line.split()[0] for line in board} >= {*answer.numbers, "arm"}


def test_what_does_not_hold_has_no_scoreboard(judged: Judged) -> None:
    assert not re.search(rf"^{BAD}: .*(best|told apart|no winner)", judged.said, re.MULTILINE)


def test_junit_has_the_answer_and_the_numbers_as_properties(judged: Judged) -> None:
    answer = answer_of(*read_tables(Artifacts(folder_of(judged.hub, "train", "debug"))))
    (case,) = (each for each in judged.junit.iter("testcase") if GOOD in each.get("name", ""))
    found = {each.get("name"): each.get("value", "") for each in case.iter("property")}
    assert found["ptycho.answer"] == answer.verdict
    assert found["ptycho.comparison"] == GOOD
    for arm, number in answer.numbers.items():
        assert re.fullmatch(rf"{number:.6g} \[.*, .*\]", found[f"ptycho.{arm}.fienup.value"])


def test_a_workflow_shows_what_failed_where_and_who_is_best(judged: Judged) -> None:
    commands = [line for line in judged.said.splitlines() if line.startswith("::")]
    (command,) = commands
    assert re.match(rf"::error file=pytest_ptycho/acceptance/\S+\.py,line=\d+,title={BAD} failed::", command)
    rows = [line for line in judged.summary.splitlines() if line.startswith("| dose_")]
    assert any(line.startswith(f"| {GOOD} | passed | ") for line in rows)
    assert any(line.startswith(f"| {BAD} | failed | ") for line in rows)


def test_what_a_finding_quotes_is_no_command_of_the_workflow(tmp_path: Path) -> None:
    record = {
        "id": "a,b::c", "test": "test_x.py::test_x", "outcome": "blocked", "place": ["test_x.py", 4],
        "log": "", "findings": ["100 %\r\n::warning::x", "second"],
    }  # fmt: skip
    (line,) = error_lines([record], root=tmp_path)
    assert line == (
        "::error file=test_x.py,line=5,title=a%2Cb%3A%3Ac blocked::100 %25%0A::warning::x%0Asecond"
    )


def test_a_terminal_gets_lines_broken_between_words_and_commands_whole(pytestconfig: pytest.Config) -> None:
    width = pytestconfig.get_terminal_writer().fullwidth
    line = "word " * width + "/a/path/" + "x" * width
    reader, writer = pty.openpty()
    with os.fdopen(writer, "w") as stream, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        *lines, path = laid_out(line, pytestconfig)
        assert max(map(len, lines)) <= width
        assert path.strip() == "/a/path/" + "x" * width
        assert laid_out(f"go on: {line}", pytestconfig) == [f"go on: {line}"]
    os.close(reader)
    assert laid_out(line, pytestconfig) == [line]  # a file, or whatever reads it


def test_a_session_with_several_comparisons_says_what_the_study_says(
    compared_hub: Path, tmp_path: Path
) -> None:
    hub = Path(shutil.copytree(compared_hub, tmp_path / "hub"))
    done = run_here(hub, "-m", "debug", "--ptycho-verify")
    assert "were compared under 2 conditions (2 of 2 comparisons of the debug tier)." in done.stdout
    assert " of 2" in done.stdout.partition("were compared under")[2]


def test_a_session_of_several_trials_says_who_is_best_over_them(tmp_path: Path) -> None:
    """Comparisons are named with their cells, and conditions have the answer of their trials' means."""
    hub = light(make_quick_hub(tmp_path / "hub"))  # nobody looks at figures
    write_ptychi(hub / "data/other.npz", make_split(), noise=0.15)
    text = (hub / "study.toml").read_text().replace('["train", "test"]', '["train"]')
    (hub / "study.toml").write_text(
        f'{text}\n[arms.other]\npath = "data/other.npz"\n[factors]\nseed = [1, 2]\n'
    )
    done = run_here(hub, "-m", "debug", COLUMNS="200")
    assert done.returncode == 0, done.stdout
    for seed in (1, 2):
        assert f"dose_{DOSE}-dense-train-debug-seed_{seed}: PtyChi is best" in done.stdout
    assert f"dose {DOSE}, dense, train, over its trials: PtyChi is best (Fienup error 0." in done.stdout
    assert "under 1 condition, 2 trials of each (2 of 2 comparisons of the debug tier)" in done.stdout
