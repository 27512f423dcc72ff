"""The wheel alone, in a fresh environment and an empty folder: a study is made, judged and accepted.

Libraries come from the environment that runs the tests, so that nothing is downloaded.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from processes import ROOT

pytestmark = [pytest.mark.slow]

STUDY = """\
name = "quick"
doses = [1_000_000_000]
views = ["dense"]
splits = ["test"]

[tiers.debug]
groups = 48
required_arms = ["PtyChi"]

[tiers.full]
required_arms = ["PtyChi"]

[stitching]
crop_px = 12

[uncertainty]
draws = 50

[simulation]
object_px = 96
patch_px = 32
probe = "gaussian"
probe_fwhm_px = 10.0
images = 200

[reconstruction]
epochs = 4
"""


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the programs of the wheel lie."""
    folder = tmp_path_factory.mktemp("installed")
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    called(ROOT, sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(folder))
    (source,) = folder.glob("pytest_ptycho-*.tar.gz")
    called(folder, *pip, "wheel", "--no-deps", "--no-build-isolation", str(source))
    (wheel,) = folder.glob("pytest_ptycho-*.whl")
    fresh = folder / "venv"
    venv.create(fresh, with_pip=False, symlinks=True)
    python = fresh / "bin" / "python"
    called(ROOT, *pip, "--python", str(python), "install", "--no-deps", "--no-index", str(wheel))
    (site,) = fresh.glob("lib/python*/site-packages")
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return fresh / "bin"


def called(folder: Path, *words: str, status: tuple[int, ...] = (0,)) -> str:
    """Run a command that ends well, as a shell without variables of ours does."""
    ours = ("PYTHON", "PYTEST_", "COVERAGE_", "PTYCHO_")
    plain = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    done = subprocess.run(words, cwd=folder, env=plain, capture_output=True, text=True, check=False)
    assert done.returncode in status, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def made(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, list[str]]]:
    """A folder with the demo's hub alone, and the commands that the demo says come next."""
    pytest.importorskip("torch", reason="no torch: make .venv/.ptychi")
    folder = tmp_path_factory.mktemp("empty")
    (folder / "ptycho_demo").mkdir()
    (folder / "ptycho_demo" / "study.toml").write_text(STUDY)
    printed = called(folder, str(programs / "ptycho-hub"), "demo")
    lines = [line.partition(":") for line in printed.splitlines() if " it: " in line]
    return folder, {name: shlex.split(command) for name, _, command in lines}


def test_what_runs_is_the_wheel(programs: Path, tmp_path: Path) -> None:
    code = "import ptycho_compare, pytest_ptycho; print(ptycho_compare.__file__, pytest_ptycho.__file__)"
    paths = called(tmp_path, str(programs / "python"), "-c", code).split()
    assert all(Path(path).is_relative_to(programs.parent) for path in paths)


def test_what_the_demo_prints_judges_it_and_shows_it(
    programs: Path, made: tuple[Path, dict[str, list[str]]]
) -> None:
    folder, printed = made
    assert list(printed) == ["judge it", "count it", "report it", "accept it", "look at it"]
    # of pytest the environment has the library, not the program
    assert "1 passed" in called(folder, str(programs / "python"), "-m", *printed["judge it"])
    page = printed["look at it"]
    called(folder, str(programs / page[0]), *page[1:])
    assert (folder / "ptycho_demo" / "report" / "index.html").is_file()


def python_blocks(page: str) -> list[str]:
    """What a page of ours has people save."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_a_test_and_an_arm_of_one_s_own_are_what_the_pages_say(
    programs: Path, made: tuple[Path, dict[str, list[str]]]
) -> None:
    folder, _ = made
    (test,) = python_blocks("tutorials/demo.md")
    (folder / "test_mine.py").write_text(test)
    (arm,) = [block for block in python_blocks("extending.md") if "pytest_ptycho_arms" in block]
    (folder / "conftest.py").write_text(arm)
    data = folder / "ptycho_demo" / "data"
    (made_by_us,) = data.rglob("ptychi_reconstruction.npz")
    (data / "mine").mkdir()
    shutil.copy(made_by_us, data / "mine" / "test.npz")
    words = "pytest -m debug --hub=ptycho_demo test_mine.py"
    assert words in (ROOT / "docs" / "tutorials" / "demo.md").read_text()
    # four epochs may give a score that is too low
    said = called(folder, str(programs / "python"), "-m", *words.split(), status=(0, 1))
    assert re.search(r"1 (passed|failed)", said)
    assert "error" not in said.splitlines()[-1]
    (table,) = (folder / "ptycho_demo" / "analysis").rglob("comparison_metrics.csv")
    assert "\nMine,ssim," in table.read_text()


def test_a_check_of_one_s_own_is_what_the_page_says(
    programs: Path, made: tuple[Path, dict[str, list[str]]]
) -> None:
    folder, printed = made
    (check,) = [block for block in python_blocks("extending.md") if "pytest_ptycho_check" in block]
    (folder / "conftest.py").write_text(check.replace("0.9", "0.9999"))  # which four epochs do not reach
    said = called(folder, str(programs / "python"), "-m", *printed["judge it"], status=(1,))
    assert re.search(r"ssim of the phase of PtyChi is 0\.\d+, needed: 0\.9999", said)
    (note,) = (folder / "ptycho_demo" / "red").glob("blocked_*_own_check.md")
    assert "needed: 0.9999" in note.read_text()
    (folder / "conftest.py").unlink()


def test_a_hub_without_a_study_is_given_one(
    programs: Path, made: tuple[Path, dict[str, list[str]]], tmp_path: Path
) -> None:
    shutil.copytree(made[0] / "ptycho_demo" / "data", tmp_path / "HUB" / "data")
    assert "init HUB" in (ROOT / "docs" / "tutorials" / "my_scan.md").read_text()
    assert "written: " in called(tmp_path, str(programs / "ptycho-hub"), "init", "HUB")
    assert (tmp_path / "HUB" / "study.toml").is_file()
