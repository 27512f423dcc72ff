"""Hooks of a suite of one's own: the page's blocks, run as it says, and what goes wrong in them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from hubs import DOSE
from processes import ROOT
from ptycho_compare import open_hub
from ptycho_compare.checks.blocker import all_blockers, open_blockers
from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.hub import Hub
from ptycho_compare.names import SUITE
from ptycho_compare.records.acceptance import read_verdict
from sessions import UNDRAWN, pytest_here, run_here

PAGE = (ROOT / "docs/extending.md").read_text()
CHECK, ARM, STEP, LINE = re.findall(r"^```python\n# conftest\.py\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
CASE = f"dose_{DOSE}-dense-train-debug"
TEST = """
def test_it(ptycho_evidence):
    assert ptycho_evidence.findings == []
"""
TRAIN = ("-m", "debug", "-k", "train")
MINE = """
import sys
from pathlib import Path

import numpy as np

scan, made = map(Path, sys.argv[1:])
made.parent.mkdir(parents=True, exist_ok=True)
np.savez(made, object=np.load(scan)["objectGuess"])
"""


@pytest.fixture
def judged(quick_compared_hub: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(quick_compared_hub, tmp_path / "hub"))


def suite(tmp_path: Path, conftest: str) -> Path:
    folder = tmp_path / "suite"
    folder.mkdir(exist_ok=True)
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers --strict-config\n")
    (folder / "conftest.py").write_text(conftest)
    (folder / "test_it.py").write_text(TEST)
    return folder


@pytest.mark.parametrize("more", [(), pytest.param(("-n1",), marks=pytest.mark.slow)], ids=str)
def test_the_tests_that_come_with_the_plugin_see_hooks_of_where_pytest_was_started(
    judged: Path, tmp_path: Path, more: tuple[str, ...]
) -> None:
    folder = suite(tmp_path, CHECK.replace("< 0.9", "< 2"))
    packaged = ("--pyargs", SUITE, *TRAIN, "--ptycho-verify", *more)
    status, said = pytest_here(folder, *packaged, hub=judged)
    assert status == 1
    assert "needed: 0.9" in said
    (folder / "conftest.py").unlink()
    _, said = pytest_here(folder, *packaged, hub=judged)
    assert "1 passed" in said


def judged_as(hub: Path) -> tuple[str, tuple[str, ...]]:
    """What the gate, which knows no hook, says of the case."""
    main(["gate", "--hub", str(hub), "--require", "debug"])
    return state_in(hub)


def state_in(hub: Path) -> tuple[str, tuple[str, ...]]:
    (found,) = (each for each in read_verdict(Hub(hub).verdict().record).comparisons if each.id == CASE)
    return found.state, found.findings


def test_an_own_check_makes_a_comparison_red_for_the_gate_too_until_it_finds_nothing(
    judged: Path, tmp_path: Path
) -> None:
    folder = suite(tmp_path, CHECK.replace("< 0.9", "< 2"))
    status, said = pytest_here(folder, *TRAIN, "--ptycho-verify", hub=judged)
    assert status == 1
    found = re.search(r"own: ssim of the phase of PtyChi is 0\.\d{3}, needed: 0\.9", said)
    assert found, said
    assert (
        re.search(rf"(?m)^RED .*{CASE}: {re.escape(found[0])}", said) or found[0] in said.split("gate ===")[1]
    )
    (note,) = open_blockers(Hub(judged))
    assert (note.topic, note.subject, note.findings) == ("own_check", CASE, (found[0],))
    assert judged_as(judged) == ("red", (found[0],))
    assert open_hub(judged).comparisons[CASE].verdict.state == "red"
    # who has no such check cannot say that it holds
    assert pytest_here(suite(tmp_path, ""), *TRAIN, hub=judged)[0] == 0
    assert judged_as(judged)[0] == "red"
    assert pytest_here(suite(tmp_path, CHECK.replace("< 0.9", "< -2")), *TRAIN, hub=judged)[0] == 0
    assert [closing is not None for _, closing in all_blockers(Hub(judged))] == [True]
    assert judged_as(judged) == ("accepted", ())


def test_an_own_arm_is_compared_by_its_step_and_known_to_the_gate(judged: Path, tmp_path: Path) -> None:
    folder = suite(tmp_path, f"{ARM}\n\n{STEP}\n\n{LINE}")
    (folder / "reconstruct_mine.py").write_text(MINE)
    status, said = pytest_here(folder, *TRAIN, hub=judged, **UNDRAWN)
    assert status == 0, said
    opened = open_hub(judged)
    comparison = opened.comparisons[CASE]
    assert list(comparison.arms) == ["PtyChi", "Mine"]
    assert comparison.verdict.state == "accepted"
    assert f"best phase: Mine in {CASE}, ssim 1.000" in said
    assert '[arms."Mine"]' in (judged / "arms.toml").read_text()
    assert (judged / f"cli/own_mine_dense_train_dose{DOSE}.log").is_file()
    assert Hub(judged).step(f"dose_{DOSE}-mine-dense-train").record.is_file()
    # nothing is made or compared again
    before = {path: path.stat().st_mtime_ns for path in (judged / "data/mine").iterdir()}
    assert pytest_here(folder, *TRAIN, hub=judged)[0] == 0
    assert {path: path.stat().st_mtime_ns for path in (judged / "data/mine").iterdir()} == before


def test_the_page_s_line_of_a_hub_in_which_nothing_was_compared_is_left_out(
    quick_hub: Path, tmp_path: Path
) -> None:
    _, said = pytest_here(
        suite(tmp_path, LINE),
        *TRAIN,
        "--ptycho-verify",
        hub=Path(shutil.copytree(quick_hub, tmp_path / "hub")),
    )
    assert "pytest_ptycho_summary" not in said
    assert "best phase" not in said


STEPS = "from ptycho_compare import OwnStep\n\n\ndef pytest_ptycho_steps(hub, comparison):\n    return "
WRONG = {
    "def pytest_ptycho_check(comparison):\n    return comparison.none": (
        r"own: \S+/conftest\.py:2: pytest_ptycho_check: AttributeError: .*none"
    ),
    "def pytest_ptycho_arms(study):\n    return {'PtyChi2': {'file': 'x'}}": r"input: .*arms\.toml: .*file",
    "def pytest_ptycho_arms(study):\n    1 / 0": (
        r"input: .*/conftest\.py:2: pytest_ptycho_arms: ZeroDivisionError: "
    ),
    "def pytest_ptycho_check(comparison):\n    return True": (
        r"own: \S+/conftest\.py:1: pytest_ptycho_check: TypeError: .*bool"
    ),
    "def pytest_ptycho_arms(study):\n    return ['Mine']": r"input: .*returned \['Mine'\]; needed: a mapp",
    "def pytest_ptycho_arms(study):\n    return {'Mine': 'a.npz'}": r"input: .*arm Mine: is 'a\.npz'; need",
    "def pytest_ptycho_arms(study):\n    return {'PtychoPINN': {'path': 'a.npz'}}": (
        r"input: .*arms\.toml: arms 'PtychoPINN' and 'PtychoPINN' would share file names"
    ),
    f"{STEPS}['mine']": r"input: .*steps returned 'mine'; needed: a ptycho_compare\.OwnStep",
    f"{STEPS}[OwnStep('train', ['true'], outputs=['x'])]": (
        r"input: .*step 'train': needed: a name in lower case that is none of .*train"
    ),
    f"{STEPS}[OwnStep(None, ['true'], outputs=['x'])]": r"input: .*step None: needed: a name in lower case",
    f"{STEPS}[OwnStep('mine', ['true'], inputs=None, outputs=['x'])]": (
        r"input: .*step 'mine': inputs is None; needed: a list of paths"
    ),
    f"{STEPS}[OwnStep('mine', ['true'], outputs='x.npz')]": (
        r"input: .*step 'mine': outputs is 'x\.npz'; needed: a list of paths"
    ),
    f"{STEPS}[OwnStep('mine', 'true', outputs=['x'])]": (
        r"input: .*step 'mine': command is 'true'; needed: a list of words"
    ),
    f"{STEPS}[OwnStep('mine', ['true'], inputs=['none.py'], outputs=['x'])]": (
        r"failed: own step \S+: \S+/none\.py: No such file or directory, and \S+ needs it(?!; its output)"
    ),
    f"{STEPS}[OwnStep('mine', ['false'], outputs=['data/x.npz'])]": (
        rf"failed: own step dose_{DOSE}-mine-dense-train: exit status 1: .*; its output is in cli/own_mine_"
    ),
    "def pytest_ptycho_summary(hub):\n    yield hub.none": (
        r"(?m)^\S+/conftest\.py:2: pytest_ptycho_summary: AttributeError: "
    ),
}


# one of each hook with every push
OFTEN = ("comparison.none", "1 / 0", "'mine', ['false']", "hub.none")
CASES = [
    pytest.param(hook, said, marks=[] if any(map(hook.count, OFTEN)) else pytest.mark.slow)
    for hook, said in WRONG.items()
]


@pytest.mark.parametrize(("hook", "said"), CASES)
def test_a_hook_that_goes_wrong_is_one_line_that_names_it(
    hook: str, said: str, judged: Path, tmp_path: Path
) -> None:
    status, found = pytest_here(suite(tmp_path, hook), *TRAIN, hub=judged)
    assert status == (0 if "summary" in hook else 1), found
    assert re.search(said, found), found
    assert "Traceback" not in found
    assert "INTERNALERROR" not in found


def test_a_step_of_one_s_own_is_not_run_where_jobs_are_submitted_from(judged: Path, tmp_path: Path) -> None:
    step = f"{STEPS}[OwnStep('mine', ['true'], outputs=['data/x.npz'])]"
    status, said = pytest_here(suite(tmp_path, step), *TRAIN, "--ptycho-on", "slurm", hub=judged)
    assert status == 1, said
    assert "needs steps that would run on this machine, and --ptycho-on slurm was given" in said


@pytest.mark.slow
def test_hooks_and_scores_reach_the_workers_of_xdist(judged: Path, tmp_path: Path) -> None:
    of_test = CHECK.replace("< 0.9", "< 2 and comparison.place.split == 'test'")
    folder = suite(tmp_path, f"{of_test}\n\n{LINE}")
    low = "\n\ndef test_low(ptycho_scores):\n    assert ptycho_scores['PtyChi'].phase.ssim >= 2\n"
    (folder / "test_it.py").write_text(TEST + low)
    done = run_here(judged, f"--rootdir={folder}", str(folder), "-m", "debug", "-n1")
    assert done.returncode == 1, done.stdout
    assert "1 passed" in done.stdout
    assert f"ssim phase of PtyChi in {CASE}: " in done.stdout
    assert "95% interval [" in done.stdout
    assert f"picture: {judged}" in done.stdout
    assert f"best phase: PtyChi in {CASE}" in done.stdout
    assert f"{CASE.replace('train', 'test')}: own: ssim of the phase of PtyChi is " in done.stdout


def test_a_session_without_a_hub_calls_no_hook(tmp_path: Path) -> None:
    hooks = (f"def {name}():\n    1 / 0\n" for name in re.findall(r"def (pytest_ptycho_\w+)", PAGE))
    folder = suite(tmp_path, "\n\n".join(hooks))
    status, said = pytest_here(folder)
    assert (status, "1 skipped" in said) == (0, True), said
