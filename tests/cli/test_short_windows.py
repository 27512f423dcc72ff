"""Windows too short to begin anything: exit status 75 once, and then red."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hubs import DOSE
from jobs.commands import nobody_begins
from lab_runs import WHERE, hub_of
from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.hub import JobFiles
from ptycho_compare.sigterm import EXIT_STOPPED

NO_TIME = ("--window", "0.0000001")


def test_resume_begins_nothing_and_says_so(
    quick_hub: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub = Path(shutil.copytree(quick_hub, tmp_path / "hub"))
    command = ("resume", f"dose_{DOSE}-dense-train-debug", "--hub", str(hub), *NO_TIME)
    assert main(command) == EXIT_STOPPED
    assert "not started, the window is over; the same command goes on" in capsys.readouterr().out
    assert main(command) == 1
    assert "nothing was started in two rounds; give --window more" in capsys.readouterr().out
    assert not list(hub.glob("analysis/*/*/*/job/launch.json"))


def test_a_job_that_did_not_begin_in_time_is_no_failure(
    quick_hub: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub = Path(shutil.copytree(quick_hub, tmp_path / "hub"))
    comparison = f"dose_{DOSE}-dense-train-full"
    command = ("resume", comparison, "--hub", str(hub), "--window", "2")
    with nobody_begins(JobFiles(hub / f"analysis/dose_{DOSE}/dense/train/job")):
        assert main(command) == EXIT_STOPPED
        assert f"{comparison}: not started, " in capsys.readouterr().out
        assert main(command) == 1
    assert f"{comparison}: nothing was started in two rounds" in capsys.readouterr().out
    assert not (hub / "red").exists()


def test_a_run_begins_nothing_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hub = hub_of(tmp_path / "hub")
    command = ("run", "--hub", str(hub.root), *WHERE, "--allow-commands", *NO_TIME)
    assert main(command) == EXIT_STOPPED
    assert "stopped with the work saved; the same command goes on" in capsys.readouterr().out
    assert main(command) == 1
    assert "nothing was started in two rounds: " in capsys.readouterr().out
