"""A suite with fixtures, marks and parameters of our names keeps them; ours are there with a prefix."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hubs import DOSE
from pytest_ptycho.marks import MEANINGS
from sessions import pytest_here

INI = """
[pytest]
markers =
    full: takes long, as they mean it
    debug: theirs
addopts = --strict-markers --strict-config
"""
CONFTEST = """
import pytest


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true")
    parser.addoption("--study")


@pytest.fixture
def hub():
    return "a USB hub"


@pytest.fixture(scope="session")
def study():
    return "field work"


@pytest.fixture
def networks():
    return ["theirs"]
"""
SUITE = """
import pytest


@pytest.mark.full
@pytest.mark.acceptance
def test_theirs(hub, study, pytestconfig):
    assert (hub, study, pytestconfig.getoption("--full")) == ("a USB hub", "field work", True)


@pytest.mark.parametrize("comparison", [1, 2])
def test_their_parameter(comparison):
    assert comparison in (1, 2)


def test_ours(ptycho_hub, ptycho_study, ptycho_scores, ptycho_comparison, ptycho_evidence, hub):
    assert hub == "a USB hub"
    assert ptycho_comparison in ptycho_study.comparisons()
    assert (ptycho_hub.root / "study.toml").is_file()
    assert ptycho_evidence.job.comparison == ptycho_comparison
    assert ptycho_scores["PtyChi"].phase.ssim > 0
"""


@pytest.fixture
def judged(quick_compared_hub: Path, tmp_path: Path) -> Path:
    """A hub in which sessions may leave their logs."""
    return Path(shutil.copytree(quick_compared_hub, tmp_path / "hub"))


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    (tmp_path / "suite").mkdir()
    for name, text in (("pytest.ini", INI), ("conftest.py", CONFTEST), ("test_foreign.py", SUITE)):
        (tmp_path / "suite" / name).write_text(text)
    return tmp_path / "suite"


def test_their_own_names_stay_theirs_and_ours_have_a_prefix(foreign: Path, judged: Path) -> None:
    status, said = pytest_here(foreign, "--full", "-m", "not ptycho_full", hub=judged)
    assert status == 0, said
    assert "5 passed, 2 deselected" in said
    logs = [path.name for path in (judged / "green").glob("*.log")]
    assert not any("theirs" in name for name in logs)  # what they call acceptance is not kept in the hub
    assert any("test_ours" in name for name in logs)


def test_marks_of_a_tier_choose_theirs_with_the_short_name_and_ours_alone_with_the_prefix(
    foreign: Path, judged: Path
) -> None:
    hub = judged
    status, said = pytest_here(foreign, "-m", "full", "--collect-only", "-q", hub=hub)
    assert status == 0, said
    assert "test_theirs" in said
    assert f"test_ours[dose_{DOSE}-dense-train-full]" in said
    status, said = pytest_here(foreign, "-m", "ptycho_full", "--collect-only", "-q", hub=hub)
    assert status == 0, said
    assert "test_theirs" not in said
    assert f"test_ours[dose_{DOSE}-dense-train-full]" in said


def test_without_a_hub_theirs_run_and_ours_are_skipped(foreign: Path) -> None:
    status, said = pytest_here(foreign, "--full")
    assert (status, "3 passed, 1 skipped" in said) == (0, True), said


def test_without_the_plugin_theirs_run(foreign: Path) -> None:
    status, said = pytest_here(foreign, "--full", "-k", "their", "-p", "no:ptycho")
    assert (status, "3 passed, 1 deselected" in said) == (0, True), said


def test_the_acceptance_suite_has_its_own_fixtures_whatever_lies_above_it(
    foreign: Path, judged: Path
) -> None:
    suite = "--pyargs", "pytest_ptycho.acceptance"
    status, said = pytest_here(foreign, *suite, "-m", "debug", hub=judged)
    assert (status, "2 passed" in said) == (0, True), said


def test_every_mark_has_both_names(foreign: Path) -> None:
    status, said = pytest_here(foreign, "--markers")
    assert status == 0
    for name in MEANINGS:
        assert f"@pytest.mark.{name}: {MEANINGS[name]}" in said
        assert f"@pytest.mark.ptycho_{name}: " in said


def test_the_hub_has_an_option_with_a_prefix(foreign: Path, judged: Path) -> None:
    status, said = pytest_here(foreign, f"--ptycho-hub={judged}", "--collect-only")
    assert status == 0
    assert f"ptycho: hub {judged}" in said
