"""Collecting is cheap: no heavy library, and hardly slower than plain parametrised tests."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from processes import ROOT, environment, processor_s

CASES = 1000
STUDY = """\
name = "s"
doses = [{doses}]
views = ["dense"]
splits = ["train", "test"]
[tiers.debug]
[tiers.full]
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    for kind in ("study", "plain"):
        (folder / kind).mkdir()
    doses = ", ".join(str(dose) for dose in range(1, CASES // 4 + 1))
    (folder / "study" / "study.toml").write_text(STUDY.format(doses=doses))
    (folder / "study" / "test_study_cases.py").write_text("def test_case(comparison):\n    pass\n")
    (folder / "plain" / "test_plain.py").write_text(
        f"import pytest\n@pytest.mark.parametrize('case', range({CASES}))\ndef test_case(case):\n    pass\n"
    )
    return folder


def collect(folder: Path, *more: str) -> tuple[float, str]:
    """Collect once: seconds of the processor, and what it said."""
    before = processor_s()
    done = subprocess.run(
        [
            sys.executable,
            *more,
            "-m",
            "pytest",
            "--collect-only",
            "-q",
            "-p",
            "no:cacheprovider",
            str(folder),
        ],
        cwd=folder,
        env=environment(None),  # coverage slows down this package, and nothing else
        capture_output=True,
        text=True,
        check=True,
    )
    seconds = processor_s() - before
    assert f"{CASES} tests collected" in done.stdout
    return seconds, done.stderr


def test_no_heavy_library_is_imported(project: Path) -> None:
    _, imports = collect(project / "study", "-X", "importtime")
    loaded = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in imports.splitlines() if "|" in line}
    assert "pytest_ptycho" in loaded
    assert loaded.isdisjoint(
        {
            *("tensorflow", "keras", "torch", "onnx", "onnxruntime"),
            *("matplotlib", "skimage", "pandas", "scipy", "numpy"),
        }
    )


@pytest.mark.slow
def test_cases_cost_hardly_more_than_plain_ones(project: Path) -> None:
    """The least of several, taken in turn, of more where others are at work: they only add to it."""
    rounds: list[list[float]] = []
    for _ in range(8):
        rounds.append([collect(project / kind)[0] for kind in ("plain", "study")])
        plain, study = map(min, zip(*rounds, strict=True))
        if len(rounds) >= 3 and study / plain < 1.5:
            return
    pytest.fail(f"seconds of plain cases and of ours: {rounds}")


def test_the_project_s_own_tests_change_nothing_for_who_judges_a_hub(small_hub: Path) -> None:
    """Where pytest takes `--hub DIR` for a path it loads the conftest of a folder of that name."""
    names = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "PTYCHO_HUB")
    code = (
        f"import os, sys; print('LEFT', [os.environ.get(name) for name in {names}], 'numpy' in sys.modules)"
    )
    words = ("-m", "debug", "--collect-only", "--hub", str(small_hub))
    variables = {name: value for name, value in environment(None).items() if name not in names}
    done = subprocess.run(
        [sys.executable, "-c", f"import pytest; pytest.main({list(words)}); {code}"],
        cwd=ROOT,
        env={**variables, "PTYCHO_HUB": "mine"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert re.search(r"\b2/\d+ tests collected", done.stdout)
    assert "LEFT [None, None, 'mine'] False" in done.stdout
