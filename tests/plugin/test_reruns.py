"""Plugins that make a failed test again: what is blocked stays blocked once, and each attempt has its log."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hubs import DOSE
from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.hub import Hub
from sessions import run_here

AGAIN = ("-p", "rerunfailures", "--reruns", "3")


def test_reruns_count_each_test_once_and_keep_every_log(quick_compared_hub: Path, tmp_path: Path) -> None:
    """One note for each cause and subject, renewed; and a hub that is mended is green."""
    pytest.importorskip("pytest_rerunfailures")
    hub = Hub(Path(shutil.copytree(quick_compared_hub, tmp_path / "hub")))
    ours = hub.ptychi(DOSE, "dense", "train")
    kept = ours.with_name("kept")
    ours.rename(kept)
    words = ("-m", "debug", "-k", "train")
    done = run_here(hub.root, *words, *AGAIN)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "3 rerun, 1 blocked in " in done.stdout
    assert len(list((hub.root / "red").glob("*.log"))) == 4
    assert len(list((hub.root / "red").glob("*.md"))) == 1
    kept.rename(ours)
    done = run_here(hub.root, *words, *AGAIN)
    assert done.returncode == 0, done.stdout + done.stderr
    assert main(["blockers", "--hub", str(hub.root)]) == 0
