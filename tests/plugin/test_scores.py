"""Tests of one's own in a foreign suite: the page's own block, typed as the page says."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from hubs import DOSE
from processes import ROOT
from ptycho_compare.hub import Artifacts
from ptycho_compare.records.tables.metrics_csv import read_metrics_csv
from pytest_ptycho.scores import explained
from sessions import folder_of, run_here

PAGE = (ROOT / "docs" / "own_tests.md").read_text()
CASE = f"dose_{DOSE}-dense-train-debug"
MORE = """

import pytest


def test_numbers_are_those_of_the_table(scores, hub, study, comparison):
    assert list(scores) == ["PtychoPINN", "Baseline", "PtyChi"]
    assert comparison in study.comparisons() and hub.exists()
    ssim = scores["PtyChi"].phase.ssim
    assert ssim.low < ssim < ssim.high
    assert scores["PtyChi"].value.fienup < 0.5


def test_a_misspelt_arm(scores):
    scores["Ptychopinn"]


def test_a_misspelt_metric(scores):
    scores["PtyChi"].phase.ms_sim
"""


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page's example, and more, in a folder that knows nothing of ours."""
    folder = tmp_path_factory.mktemp("suite")
    (block,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (folder / "test_mine.py").write_text(block + MORE)
    return folder / "test_mine.py"


@pytest.fixture(scope="module")
def judged(
    suite: Path, compared_hub: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A hub that was judged before, judged by the suite: nothing is computed."""
    hub = Path(shutil.copytree(compared_hub, tmp_path_factory.mktemp("judged") / "hub"))
    return hub, run_here(hub, str(suite), "-m", "debug", "-k", "train", "-rA")


def outcomes(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    return {name: word for word, name in re.findall(r"^([A-Z]+) \S+::(\w+)\[", done.stdout, re.MULTILINE)}


def test_a_score_that_is_too_low_says_number_interval_mask_and_picture(
    judged: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    hub, done = judged
    names = Artifacts(folder_of(hub, "train", "debug"))
    rows = read_metrics_csv(names.metrics)
    row = next(row for row in rows if (row.model, row.metric) == ("PtychoPINN", "ssim"))
    said = " ".join(re.sub(r"^E +", "", line) for line in done.stdout.splitlines() if line.startswith("E  "))
    assert f"assert {row.phase:.6g} >= 0.8 ssim phase of PtychoPINN in {CASE}: {row.phase:.6g}, " in said
    assert f"95% interval [{row.phase_low:.6g}, {row.phase_high:.6g}] " in said
    assert (
        f"mask: {row.mask_pixels} pixels, those that every arm covers, compared with the true object" in said
    )
    assert f"picture: {names.plot} " in said
    assert outcomes(done)["test_phase_is_good"] == "FAILED"


def test_scores_are_those_of_the_table_and_what_is_not_there_is_named(
    judged: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    _, done = judged
    assert outcomes(done)["test_numbers_are_those_of_the_table"] == "PASSED"
    assert len(re.findall(r"(?m)test_mine\.py:\d+: Failed$", done.stdout)) == 2  # where to look
    assert f"no arm Ptychopinn in {CASE}; there are PtychoPINN, Baseline, PtyChi; did you mean" in done.stdout
    assert re.search(r"no ms_sim of phase of PtyChi; there are .*; did you mean ms_ssim\?", done.stdout)


def test_evidence_that_does_not_hold_gives_no_scores(
    suite: Path, judged: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    hub = Path(shutil.copytree(judged[0], tmp_path / "hub"))
    table = Artifacts(folder_of(hub, "train", "debug")).metrics
    table.write_text(table.read_text().replace("PtychoPINN,ssim,", "PtychoPINN,ssim,9"))
    done = run_here(hub, str(suite), "-m", "debug", "-k", "train and good", "--ptycho-verify")
    assert done.returncode == 1
    assert f"no scores: the evidence of {CASE} does not hold" in done.stdout


def test_without_a_hub_they_are_skipped(suite: Path) -> None:
    done = run_here(None, "-rs", str(suite), folder=suite.parent)
    assert done.returncode == 0, done.stdout
    assert "5 skipped" in done.stdout
    assert "no hub: give --hub DIR" in done.stdout


ASKS = """
def test_hub(hub):
    raise AssertionError


def test_study(study):
    raise AssertionError


def test_late(request):
    request.getfixturevalue("ptycho_hub")


def test_case(scores):
    raise AssertionError


def test_plain():
    pass
"""


@pytest.mark.parametrize("more", [(), pytest.param(("-n2",), marks=pytest.mark.slow)], ids=str)
def test_without_a_hub_whoever_asks_for_anything_of_it_is_skipped(
    tmp_path: Path, more: tuple[str, ...]
) -> None:
    (tmp_path / "test_asking.py").write_text(ASKS)
    done = run_here(None, "-rs", str(tmp_path), *more, folder=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "1 passed, 4 skipped" in done.stdout
    assert "no hub: give --hub DIR, or set PTYCHO_HUB" in done.stdout


def test_without_a_hub_a_study_beside_the_tests_alone_is_given(quick_hub: Path, tmp_path: Path) -> None:
    (tmp_path / "test_beside.py").write_text(
        ASKS.replace("(study):\n    raise AssertionError", "(study):\n    pass")
    )
    shutil.copy(quick_hub / "study.toml", tmp_path)
    done = run_here(None, str(tmp_path), "-k", "not case", folder=tmp_path)
    assert "2 passed, 2 skipped" in done.stdout
    assert "skipped" in run_here(None, str(tmp_path), "-k", "case", folder=tmp_path).stdout


def test_a_study_with_a_mistake_that_one_test_asks_for_is_one_line(quick_hub: Path, tmp_path: Path) -> None:
    hub = Path(shutil.copytree(quick_hub, tmp_path / "hub"))
    (hub / "study.toml").write_text("name = 3\n")
    (tmp_path / "test_mistaken.py").write_text("def test_study(study):\n    pass\n")
    done = run_here(hub, str(tmp_path / "test_mistaken.py"), folder=tmp_path)
    assert done.returncode == 1
    assert re.search(r"(?m)^E? *\S+study\.toml: line 1: 'name': Input should be a valid string", done.stdout)
    assert "cases.py" not in done.stdout


def test_several_tests_of_a_comparison_are_told_apart_and_its_remarks_told_once(
    quick_compared_hub: Path, tmp_path: Path
) -> None:
    hub = Path(shutil.copytree(quick_compared_hub, tmp_path / "hub"))
    text = """
import pytest


@pytest.mark.parametrize("arm", ["A", "B"])
def test_arm(arm, scores):
    pass


class TestOther:
    def test_arm(self, scores):
        assert not scores
"""
    (tmp_path / "test_telling.py").write_text(text)
    waits = "from pytest_ptycho.outcomes import Deferred\n\n\n"
    waits += "def test_same(scores):\n    raise Deferred('it waits')\n"
    for name in ("one", "two"):
        (tmp_path / f"test_file_{name}.py").write_text(waits)
    files = [str(path) for path in tmp_path.glob("test_*.py")]
    done = run_here(hub, *files, "-m", "debug", "-k", "train", folder=tmp_path)
    for name, outcome in (
        ("test_arm[A]", "passed"),
        ("test_arm[B]", "passed"),
        ("TestOther::test_arm", "failed"),
        ("test_file_one.py::test_same", "deferred"),
        ("test_file_two.py::test_same", "deferred"),
    ):
        assert re.search(rf"(?m)^{CASE}  {re.escape(name)} +{outcome} ", done.stdout), done.stdout
    assert done.stdout.count(f"{CASE}: it waits") == 1


def test_a_hub_without_a_study_names_what_writes_one(suite: Path, quick_hub: Path, tmp_path: Path) -> None:
    shutil.copytree(quick_hub / "data", tmp_path / "hub" / "data")
    done = run_here(tmp_path / "hub", str(suite))
    assert done.returncode == 2
    assert f"{tmp_path / 'hub' / 'study.toml'}: there is no such file, and none beside {suite}" in done.stdout
    assert "have ptycho-hub init write it" in done.stdout


def test_plain_numbers_are_explained_by_pytest_alone() -> None:
    assert explained("<", 2.0, 1.0) is None


FOREIGN = """
import pytest


@pytest.fixture
def comparison():
    return "theirs"


@pytest.fixture
def scores():
    return [1]


def test_fixtures(comparison, scores):
    assert (comparison, scores) == ("theirs", [1])


@pytest.mark.parametrize("study_dose", [1, 2])
def test_marks(study_dose):
    assert study_dose in (1, 2)


def pytest_generate_tests(metafunc):
    if "dose_and_view" in metafunc.fixturenames:
        metafunc.parametrize("dose_and_view", ["mine"])


def test_hooks(dose_and_view):
    assert dose_and_view == "mine"
"""


def test_a_suite_with_such_names_of_its_own_keeps_them(tmp_path: Path, quick_hub: Path) -> None:
    (tmp_path / "test_theirs.py").write_text(FOREIGN)
    for hub in (None, quick_hub):
        done = run_here(hub, str(tmp_path), folder=tmp_path)
        assert "4 passed" in done.stdout, done.stdout
        assert "ptycho: acceptance" not in done.stdout
