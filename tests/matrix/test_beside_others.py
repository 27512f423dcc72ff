"""The plugin beside others, each alone, all and none; ``nox`` does it on each Python and pytest."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from hubs import DOSE
from processes import environment
from sessions import junit_of

OTHERS = {
    "xdist": ("-n1",),
    "timeout": ("--timeout=300",),
    "rerunfailures": ("--reruns=1",),
    "randomly": ("-p", "randomly"),
    "pytest_cov": ("--cov=.", "--cov-report="),
    "html": ("--html=page.html", "--self-contained-html"),
    "reportlog": ("--report-log=log.jsonl",),
    "sugar": ("--force-sugar",),
}
"""Plugins by the names of their entry points, and what is typed to use them."""
NEEDS = {"html": ("metadata",)}
INSTALLED = {point.name for point in entry_points(group="pytest11")}
PRESENT = [name for name in OTHERS if name in INSTALLED]
COMBINATIONS = {"none": (), **{name: (name,) for name in PRESENT}, "all": tuple(PRESENT)}
STRICT = """\
[pytest]
addopts = --strict-config --strict-markers
filterwarnings = error
markers = plain: theirs
"""
FOREIGN = """\
import pytest

pytestmark = pytest.mark.plain


@pytest.fixture
def hub():
    return "theirs"


def test_it_passes(hub):
    assert hub == "theirs"


@pytest.mark.xfail(reason="it is known", strict=True)
def test_it_fails():
    assert [1, 2] == [1, 3]


@pytest.mark.skip(reason="not here")
def test_it_is_skipped():
    raise AssertionError
"""
OWN = """\
def test_a_score(scores):
    assert scores["PtyChi"].value.fienup < 0.9
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A suite about something else, whose own settings are strict."""
    folder = tmp_path / "suite"
    folder.mkdir()
    (folder / "pytest.ini").write_text(STRICT)
    (folder / "test_foreign.py").write_text(FOREIGN)
    return folder


def typed(suite: Path, names: tuple[str, ...], *words: str) -> subprocess.CompletedProcess[str]:
    """Run pytest in the suite with these plugins and no others of `OTHERS`."""
    kept = {more for name in names for more in (name, *NEEDS.get(name, ()))}
    known = {*OTHERS, *(more for needed in NEEDS.values() for more in needed), "hypothesispytest"}
    blocked = [word for name in sorted(INSTALLED & known - kept) for word in ("-p", f"no:{name}")]
    used = [word for name in names for word in OTHERS[name] if OTHERS[name][0] != "-p"]
    command = [sys.executable, "-m", "pytest", "--junitxml=junit.xml", *blocked, *used, *words]
    return subprocess.run(
        command, cwd=suite, env=environment(None), capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(names, id=each, marks=() if each == "all" else pytest.mark.slow)
        for each, names in COMBINATIONS.items()
    ],
)
def test_a_hub_is_judged_beside_a_suite_about_something_else(
    names: tuple[str, ...], suite: Path, quick_compared_hub: Path, tmp_path: Path
) -> None:
    hub = Path(shutil.copytree(quick_compared_hub, tmp_path / "hub"))
    (suite / "test_mine.py").write_text(OWN)
    words = ("--pyargs", "pytest_ptycho.acceptance", ".", "-m", "debug or plain", f"--hub={hub}")
    done = typed(suite, names, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    cases = junit_of(suite / "junit.xml")
    assert cases.pop("test_it_passes").outcome == "passed"
    assert [cases.pop(name).outcome for name in ("test_it_fails", "test_it_is_skipped")] == ["skipped"] * 2
    assert {name: case.outcome for name, case in cases.items()} == {
        f"dose_{DOSE}-dense-{split}-debug": "passed" for split in ("train", "test")
    }
    assert "ptycho: acceptance" in done.stdout


@pytest.mark.slow
def test_a_job_that_does_not_fit_its_window_is_deferred_beside_all(
    suite: Path, quick_compared_hub: Path, tmp_path: Path
) -> None:
    hub = Path(shutil.copytree(quick_compared_hub, tmp_path / "hub"))
    words = ("--pyargs", "pytest_ptycho.acceptance", "-m", "full", "--ptycho-window=1s", f"--hub={hub}")
    done = typed(suite, tuple(name for name in PRESENT if name != "rerunfailures"), *words)
    assert done.returncode == 75, done.stdout + done.stderr
    assert "deferred" in done.stdout


@pytest.mark.parametrize("words", [(), ("-p", "no:ptycho")], ids=["idle", "blocked"])
@pytest.mark.slow
def test_a_suite_about_something_else_ends_as_it_does_without_the_plugin(
    words: tuple[str, ...], suite: Path
) -> None:
    done = typed(suite, tuple(PRESENT), *words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ptycho" not in done.stdout.partition("plugins:")[2].partition("\n")[2]
    outcomes = [case.outcome for case in junit_of(suite / "junit.xml").values()]
    assert sorted(outcomes) == ["passed", "skipped", "skipped"]
