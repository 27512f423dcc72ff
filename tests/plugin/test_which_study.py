"""Which study a session judges a hub by is told, and a hub is not judged by one that it is not about."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from hubs import DOSE, QUICK_STUDY
from sessions import run_here

SUMMARY = "acceptance/test_compare_models.py"


@pytest.fixture
def bare_hub(tmp_path: Path) -> Path:
    """A hub with a folder of data, and no study."""
    (tmp_path / "hub" / "data" / "phase_c" / f"dose_{DOSE}").mkdir(parents=True)
    return tmp_path / "hub"


def errors(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in done.stdout.splitlines() if line.startswith("E  ") or "asks for dose" in line]


def test_the_study_beside_the_tests_is_refused_where_it_is_about_another_dose(bare_hub: Path) -> None:
    """Once for all files of tests, and without a note on a dose that no study of this hub has."""
    done = run_here(bare_hub, "-m", "acceptance")
    assert done.returncode == 2, done.stdout
    assert f"ptycho: hub {bare_hub}, dose {DOSE}\n" in done.stdout
    assert "ptycho: study study.toml beside the tests: the hub has none\n" in done.stdout
    (line,) = {line.strip() for line in errors(done)}
    assert f"acceptance/study.toml: the study asks for dose 1000000000, and the hub holds dose {DOSE}" in line
    assert f"write {bare_hub}/study.toml" in line
    assert "1 error in" in done.stdout
    assert not (bare_hub / "red").exists()


def test_a_dose_that_is_not_there_is_told_with_those_that_are(bare_hub: Path) -> None:
    study = bare_hub / "study.toml"
    study.write_text(QUICK_STUDY.replace(f"[{DOSE}]", f"[{DOSE}, 5]"))
    done = run_here(bare_hub, SUMMARY, "-k", "dose_5-dense-train-debug")
    assert done.returncode == 1, done.stdout
    assert f"ptycho: study {study}\n" in done.stdout
    asked = f"missing: {bare_hub}: {study} asks for dose 5, {DOSE}, and the hub holds dose {DOSE}; "
    assert f"{asked}dose_5-dense-train-debug has nothing to be made from" in done.stdout
