"""`ptycho-hub status` of many comparisons: what it reads grows as they do."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from jobs.state_logs import StateLog
from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.hub import Artifacts, Hub
from ptycho_compare.jobs import heart

_OPENED: list[str] = []


def opened(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open":
        _OPENED.append(str(arguments[0]))


@pytest.fixture(scope="module", autouse=True)
def _counting() -> None:
    """A hook of Python's own for every file that is opened; it can be set, and not be taken away."""
    sys.addaudithook(opened)


def made_hub(root: Path, views: int) -> Path:
    """A hub whose debug comparisons are finished and whose full ones are stopped in their middle."""
    names = [f"view{number}" for number in range(views)]
    hub = Hub(root)
    root.mkdir()
    (root / "study.toml").write_text(
        f'name = "made"\ndoses = [1]\nviews = {names}\nsplits = ["train"]\n'
        "[tiers.debug]\ngroups = 40\n[tiers.full]\n"
    )
    (root / "data/phase_c/dose_1").mkdir(parents=True)
    for name in names:
        for tier in ("debug", "full"):
            artifacts = Artifacts(hub.comparison_dir(1, name, "train", tier))
            log = StateLog(artifacts.job.folder)
            log.launch()
            log.plan(1.0, PINN=(0, 40))
            log.work("PINN", 20, 10.0, 10.0)
            log.save("PINN", 20)
            log.end(0 if tier == "debug" else 75, 1.0)
            if tier == "debug":
                artifacts.manifest.touch()
    return root


def read_of(hub: Path, capsys: pytest.CaptureFixture[str]) -> int:
    """How often a file of the hub was opened for a table of all its comparisons."""
    _OPENED.clear()
    assert main(["status", "--hub", str(hub)]) == 0
    assert capsys.readouterr().out.count("stopped") == len(list(hub.glob("analysis/*/*/train*"))) / 2
    return sum(name.startswith(str(hub)) for name in _OPENED)


def test_what_is_read_grows_as_the_comparisons_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    few, some, many = (read_of(made_hub(tmp_path / str(n), n), capsys) for n in (4, 8, 16))
    assert some - few > 0
    assert many - some <= 2.2 * (some - few)


def test_a_job_of_another_machine_that_shows_no_sign_of_life_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whether it was killed cannot be seen from here before its lease is over."""
    hub = made_hub(tmp_path / "hub", 1)
    files = Artifacts(Hub(hub).comparison_dir(1, "view0", "train", "full")).job
    there = {"host": "n1/pid:[1]", "boot": "another", "pid": 17, "started": "1"}
    files.claim.write_text(json.dumps({"holder": there, "token": "t", "lease_s": 300.0}))
    assert main(["status", "--hub", str(hub)]) == 0
    assert capsys.readouterr().out.splitlines()[2].endswith("n1 pid 17")
    (note,) = files.folder.glob(".claim.json.seen-*")
    seen = json.loads(note.read_text())
    note.write_text(json.dumps({**seen, "since": seen["since"] - 100}))
    monkeypatch.setattr(heart, "_SEEN", {})
    assert main(["status", "--hub", str(hub)]) == 0
    said = capsys.readouterr().out.splitlines()[2]
    assert re.search(r"full +silent for 2 min +.*n1 pid 17, counts as dead in 3 min$", said), said
