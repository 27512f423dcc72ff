"""What `run` and its like see at their start: what a later phase is sure to refuse."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lab_runs import DOSE, STUDY, WHERE, hub_of
from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.errors import StudyError
from ptycho_compare.hub import Hub
from ptycho_compare.phases.pipeline.preflight import require_startable
from ptycho_compare.phases.pipeline.study_plan import plan_of
from ptycho_compare.study import load_study

Capture = pytest.CaptureFixture[str]

OURS = STUDY[: STUDY.index("[commands]")].replace(
    "object_px = 96\npatch_px = 32", "object_px = 160\npatch_px = 64"
)
"""The same study made by our own commands, of images that networks can be trained on."""


@pytest.mark.parametrize("command", ["demo", "run", "conditions", "run --clobber"])
def test_pty_chi_that_is_missing_is_asked_for_before_anything_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture, command: str
) -> None:
    monkeypatch.setitem(sys.modules, "ptychi", None)  # as Python has it of what cannot be imported
    root = tmp_path.resolve() / "demo"
    if command != "demo":
        hub_of(root, OURS)
    assert main([*command.split(), "--hub", str(root)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "phase F runs pty-chi" in line
    assert "pip install" in line
    assert [path.name for path in root.iterdir()] == ["study.toml"]


def test_pty_chi_is_not_asked_for_where_it_does_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ptychi", None)
    hub = hub_of(tmp_path / "hub", OURS)
    require_startable(plan_of(hub, load_study(hub.study()), hub.study()).parts, elsewhere=True)


@pytest.mark.parametrize(
    ("key", "level", "said"),
    [
        ('splits = ["train", "test"]', 'splits = ["test"]',
         f"'splits' has test only, and dense gs2, dose {DOSE}, is trained with train and test: name both"),
        ("patch_px = 64", "patch_px = 32",
         "'simulation.patch_px': images of 32 px; PtychoPINN has networks for 64, 128, 256 px: simulate one"),
    ],
    ids=["splits", "size"],
)  # fmt: skip
def test_data_that_networks_cannot_be_trained_on_are_refused_before_they_are_made(
    tmp_path: Path, capsys: Capture, key: str, level: str, said: str
) -> None:
    hub = hub_of(tmp_path / "hub", OURS.replace(key, level))
    assert main(["run", "--hub", str(hub.root)]) == 2
    assert f"{hub.study()}: {said}" in capsys.readouterr().err
    assert [path.name for path in hub.root.iterdir()] == ["study.toml"]


def test_data_that_nobody_will_make_again_are_not_asked_for(tmp_path: Path) -> None:
    hub = hub_of(tmp_path / "hub", OURS.replace('splits = ["train", "test"]', 'splits = ["test"]'))
    study = load_study(hub.study())
    plans = {given: plan_of(hub, study, hub.study(), given=frozenset(given)) for given in ("", "D", "DE")}
    with pytest.raises(StudyError, match="is trained with train and test"):
        require_startable(plans[""].parts)
    views = [hub.overlap_view(DOSE, "dense", split) for split in ("train", "test")]
    for given, more in (("D", views), ("DE", [])):
        for path in (*more, *(path for made in plans[given].making if made.given for path in made.outputs)):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"a lab's own")
        require_startable(plans[given].parts)
    assert main(["run", "--hub", str(hub.root), "--clobber"]) == 2  # they would be made again
    assert path.is_file()


@pytest.mark.parametrize("more", ["--window 1s", "--window 1s --clobber", "--on slurm"])
def test_given_files_that_are_not_there_are_asked_for_before_anything_begins(
    tmp_path: Path, capsys: Capture, more: str
) -> None:
    hub = hub_of(tmp_path / "hub", OURS)
    assert main(["run", "--hub", str(hub.root), "--given", "F", *more.split()]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    missing = hub.ptychi(DOSE, "dense", "train")
    assert f"{missing}: was given, and is not there; put it there, or leave F out of --given" in line
    assert [path.name for path in hub.root.iterdir()] == ["study.toml"]


@pytest.mark.parametrize("phase", ["c", "f"])
def test_files_of_somebody_else_that_are_not_given_stop_a_run_before_anything_begins(
    tmp_path: Path, capsys: Capture, phase: str
) -> None:
    hub = hub_of(tmp_path / "hub")
    measured = {"c": hub.patched(DOSE, "train"), "f": hub.ptychi(DOSE, "dense", "test")}[phase]
    measured.parent.mkdir(parents=True)
    measured.write_bytes(b"a night at the beamline")
    assert main(["run", "--hub", str(hub.root), *WHERE, "--allow-commands", "--window", "1s"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{measured}: is there, and " in line
    assert "--given" in line
    assert measured.read_bytes() == b"a night at the beamline"
    assert sorted(path.name for path in hub.root.iterdir()) == ["data", "study.toml"]


CHANGED = [
    ("patch_px = 32", "patch_px = 48", "'simulation.patch_px': images of 48 px; PtychoPINN has networks for"),
    ("images = 120", "images = 100", "phase F runs pty-chi"),
]


@pytest.mark.parametrize(("key", "level", "said"), CHANGED, ids=["size", "pty-chi"])
def test_a_made_hub_whose_study_was_changed_is_refused_as_a_fresh_one_is(
    own: Hub, monkeypatch: pytest.MonkeyPatch, capsys: Capture, key: str, level: str, said: str
) -> None:
    """What is there is stale, and so are the steps behind what is simulated anew."""
    monkeypatch.setitem(sys.modules, "ptychi", None)
    ours = STUDY[: STUDY.index("[commands]")].replace(key, level)
    given = ["--given", "F"] if "patch" in key else ["--given", "E"]
    own.study().write_text(ours)
    before = sorted(path for path in own.root.rglob("*"))
    assert main(["run", "--hub", str(own.root), "--splits", "train", "--window", "1s", *given]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert sorted(path for path in own.root.rglob("*")) == before
