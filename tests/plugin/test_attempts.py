"""A test has one verdict for each attempt, with which pytest ends: one record, one log, one outcome."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest

from hubs import DOSE
from ptycho_compare.checks.blocker import open_blockers
from ptycho_compare.hub import Hub
from sessions import pytest_here

CASE = f"dose_{DOSE}-dense-train-debug"
TRAIN = ("-m", "debug", "-k", "train")
AGAIN = ("-p", "rerunfailures", "--reruns", "2")
BREAKS = """
import pytest

from pytest_ptycho.outcomes import Deferred


@pytest.fixture
def breaks(scores):
    yield
    raise RuntimeError("its end broke")


def test_good(breaks):
    pass


def test_skipped(breaks):
    pytest.skip("not today")


def test_waits(breaks):
    raise Deferred("its time is over")


@pytest.mark.xfail
def test_known(breaks):
    raise AssertionError


def test_whole(scores):
    pass
"""
SUBTESTS = """
def test_some_fail(scores, subtests):
    for number in range(4):
        with subtests.test(number=number):
            assert number == 2


def test_all_pass(scores, subtests):
    for number in range(4):
        with subtests.test(number=number):
            assert scores
"""
SECOND = """
ATTEMPTS = []


def test_second(scores):
    ATTEMPTS.append(1)
    assert len(ATTEMPTS) > 1
"""
WORKERS = [pytest.param((), id="serial"), pytest.param(("-n2",), id="workers", marks=pytest.mark.slow)]


class Judged:
    """What a session said of a suite and left in the hub and in junit."""

    def __init__(self, hub: Path, suite: Path, text: str, *more: str) -> None:
        suite.mkdir()
        # a module of this process each, by its name
        (suite / f"test_{suite.name}.py").write_text(text)
        for folder in ("green", "red"):
            shutil.rmtree(hub / folder, ignore_errors=True)
        words = (*TRAIN, str(suite), f"--junitxml={suite}/junit.xml", *more)
        self.hub, self.junit = hub, suite / "junit.xml"
        self.status, self.said = pytest_here(suite, *words, hub=hub)

    def logs(self, colour: str) -> list[str]:
        """Names of tests that have a log of a colour, once for each log, which says the same."""
        word = {"green": "passed", "red": "failed"}[colour]
        logs = sorted((self.hub / colour).glob("*.log"))
        assert all(f"outcome: {word}\n" in log.read_text() for log in logs)
        return [re.findall(r"pytest_(\w+?)_dose_", log.name)[0] for log in logs]

    def told(self) -> Counter[str]:
        """How often the summary tells which outcome."""
        return Counter(re.findall(rf"(?m)^{CASE} +(?:test_\w+ +)?(\w+) +\S+ s  ", self.said))

    def properties(self) -> list[list[tuple[str, str]]]:
        cases = ElementTree.parse(self.junit).getroot().iter("testcase")
        found = [[(p.get("name", ""), p.get("value", "")) for p in case.iter("property")] for case in cases]
        assert all(len({name for name, _ in each}) == len(each) for each in found), found
        return found

    def outcomes(self) -> list[str]:
        return sorted(value for each in self.properties() for name, value in each if name == "ptycho.outcome")


@pytest.fixture
def judged(quick_compared_hub: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(quick_compared_hub, tmp_path / "hub"))


@pytest.mark.parametrize("more", WORKERS)
def test_what_breaks_at_its_end_is_red(judged: Path, tmp_path: Path, more: tuple[str, ...]) -> None:
    """Whatever its call was: pytest counts an error, but for what is known to fail, its end too."""
    found = Judged(judged, tmp_path / "breaks", BREAKS, *more)
    assert found.status == 1
    assert found.logs("red") == ["test_good", "test_skipped", "test_waits"]
    assert found.logs("green") == ["test_whole"]
    assert found.told() == {"failed": 3, "passed": 1}
    assert found.outcomes() == [*["failed"] * 3, "passed"]
    assert all("its end broke" in log.read_text() for log in (judged / "red").glob("*.log"))
    assert f"{CASE}: its time is over" in found.said


@pytest.mark.skipif(pytest.version_tuple < (9,), reason="subtests came with pytest 9")
@pytest.mark.parametrize("more", WORKERS)
def test_a_test_with_subtests_has_one_verdict(judged: Path, tmp_path: Path, more: tuple[str, ...]) -> None:
    found = Judged(judged, tmp_path / "parts", SUBTESTS, *more)
    assert found.status == 1
    assert (found.logs("red"), found.logs("green")) == (["test_some_fail"], ["test_all_pass"])
    assert found.told() == {"failed": 1, "passed": 1}
    assert found.outcomes() == ["failed", "passed"]
    (log,) = (judged / "red").glob("*.log")
    assert [number for number in range(4) if f"assert {number} == 2" in log.read_text()] == [0, 1, 3]


@pytest.mark.parametrize("more", WORKERS)
def test_the_last_attempt_is_the_one_that_is_told(
    judged: Path, tmp_path: Path, more: tuple[str, ...]
) -> None:
    pytest.importorskip("pytest_rerunfailures")
    found = Judged(judged, tmp_path / "again", SECOND, *AGAIN, *more)
    assert found.status == 0, found.said
    assert (found.logs("red"), found.logs("green")) == (["test_second"], ["test_second"])
    assert found.told() == {"passed": 1}
    assert dict(found.properties()[-1])["ptycho.outcome"] == "passed"


def test_what_is_red_in_the_end_closes_no_note(judged: Path, tmp_path: Path) -> None:
    ours = Hub(judged).ptychi(DOSE, "dense", "train")
    kept = ours.rename(ours.with_name("kept"))
    good = BREAKS.replace("    raise RuntimeError", "    # raise RuntimeError")
    Judged(judged, tmp_path / "first", good)
    kept.rename(ours)
    (note,) = (each.note for each in open_blockers(Hub(judged)))
    for name, text, left in (("second", BREAKS, [note]), ("third", good, [])):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"test_{name}.py").write_text(text)
        pytest_here(tmp_path / name, "-m", "debug", "-k", "train and good", hub=judged)
        assert [each.note for each in open_blockers(Hub(judged))] == left
