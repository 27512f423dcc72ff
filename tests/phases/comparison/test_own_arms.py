"""ONNX arms of a study: scored, resumed, recomputed, and told when their toml is wrong."""

from __future__ import annotations

import shutil
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hubs import DOSE, make_split, request_on
from own_networks import write_memorised
from ptycho_compare.checks import judge_comparison
from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.errors import BundleError
from ptycho_compare.hub import Artifacts, Hub
from ptycho_compare.phases.comparison.compare import compare
from ptycho_compare.phases.comparison.inputs import inspect_inputs
from ptycho_compare.phases.comparison.request import ArmRequest, ArmSettings
from ptycho_compare.reconstruction.image_source import ImageSource
from ptycho_compare.records.manifest import read_manifest
from ptycho_compare.records.tables.patches_csv import read_patches_csv
from ptycho_compare.storage import fingerprint
from results import assert_same_results, results
from resume.runs import finish_here, stop_here

pytestmark = pytest.mark.usefixtures("undrawn_throughout")

DEBUG = f"dose_{DOSE}-dense-train-debug"
ARMS = """
[scoring]
half_data = true
patches = 5

[arms.Whole]
network = "networks/whole.onnx"

[arms.Phase]
network = "networks/phase.onnx"

[arms.Groups]
network = "networks/groups.onnx"
"""


@pytest.fixture(scope="module")
def own_arms(quick_hub: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub whose study compares ONNX networks: of the whole object, of its phase alone, of groups."""
    hub = Path(shutil.copytree(quick_hub, tmp_path_factory.mktemp("own") / "hub"))
    arrays = make_split()
    write_memorised(hub / "networks/whole.onnx", arrays)
    write_memorised(hub / "networks/phase.onnx", arrays, gives="phase", dc="corner")
    write_memorised(hub / "networks/groups.onnx", arrays, members=4)
    study = hub / "study.toml"
    text = study.read_text().replace("groups = 48\n", "groups = 48\nbatch = 4\nchunk = 16\n")
    study.write_text(text + ARMS)
    return hub


@pytest.fixture(scope="module")
def compared(own_arms: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    hub = Path(shutil.copytree(own_arms, tmp_path_factory.mktemp("compared") / "hub"))
    assert main(["compare", DEBUG, "--hub", str(hub)]) == 0
    return hub


def folder_of(hub: Path) -> Path:
    return Hub(hub).comparison_dir(DOSE, "dense", "train", "debug")


def test_they_are_scored_and_the_phase_alone_in_its_phase(compared: Path) -> None:
    assert judge_comparison(folder_of(compared), required=("Whole", "Phase", "Groups")) == []
    manifest = read_manifest(Artifacts(folder_of(compared)).manifest)
    assert all(manifest.arms[name].seconds["half_data_s"] > 0 for name in ("Whole", "Phase", "Groups"))
    assert {"Whole", "Whole, toml", "Phase", "Phase, toml"} < set(manifest.inputs)
    assert manifest.arms["Whole"].details["parameters"]["input"]["zero_frequency"] == "centre"
    verdicts = manifest.arms["Phase"].details["verdicts"]
    assert "phase only" in str(verdicts)


def test_their_patches_are_scored_as_they_are_and_those_of_the_phase_alone_in_their_phase(
    compared: Path,
) -> None:
    """Of a network that gives a patch for each image of a group, that of the first image."""
    rows = read_patches_csv(Artifacts(folder_of(compared)).patch_scores)
    assert Counter(row.arm for row in rows) == {"Whole": 5, "Phase": 5, "Groups": 5}
    for row in rows:
        there = {
            name.split("_")[-1] for name, number in row.numbers.items() if "_" in name and number is not None
        }
        assert there == ({"phase"} if row.arm == "Phase" else {"amplitude", "phase"})
        assert row.numbers["own_mae_phase"] < 0.01
    places = {
        arm: [(row.image, row.x, row.y) for row in rows if row.arm == arm] for arm in ("Whole", "Groups")
    }
    for one, other in zip(*places.values(), strict=True):
        assert one == pytest.approx(other, abs=1e-4)


def test_stopped_they_and_their_halves_go_on_to_the_same_bytes(
    own_arms: Path, compared: Path, tmp_path: Path
) -> None:
    hub = Path(shutil.copytree(own_arms, tmp_path / "hub"))
    stop_here(hub, "Whole", 24, signal.SIGTERM)
    stop_here(hub, "Whole+half1", 12, signal.SIGTERM)
    stop_here(hub, "Phase+half2", 8, signal.SIGINT)
    stop_here(hub, "Groups", 20, signal.SIGINT)
    stop_here(hub, "Groups+half1", 16, signal.SIGTERM)
    finish_here(hub)
    assert_same_results(folder_of(hub), results(folder_of(compared)))


def test_they_are_adopted_after_pieces_were_computed_again(
    own_arms: Path, compared: Path, tmp_path: Path
) -> None:
    hub = Path(shutil.copytree(own_arms, tmp_path / "hub"))
    assert main(["adopt", str(folder_of(compared)), DEBUG, "--hub", str(hub)]) == 0


def test_what_they_gave_rests_on_the_version_of_onnx_runtime_whatever_the_engine_is(
    own_arms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The engine is by what bundles are run; no TensorFlow is loaded where there is none."""
    hub = Path(shutil.copytree(own_arms, tmp_path / "hub"))
    study = hub / "study.toml"
    one_arm, _ = study.read_text().split("\n[arms.Phase]")
    study.write_text(one_arm.replace("half_data = true", "") + '\n[models]\nengine = "tensorflow"\n')
    version_of = fingerprint.version_of
    other = {"onnxruntime": "0.9"}
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(fingerprint, "version_of", lambda name: other.get(name) or version_of(name))
        stop_here(hub, "Whole", 24)
    finish_here(hub)
    told = f"version of onnxruntime was 0.9, is {version_of('onnxruntime')}"
    assert f"the checkpoint is set aside: {told}" in Artifacts(folder_of(hub)).log.read_text()
    monkeypatch.setattr(fingerprint, "version_of", lambda name: other.get(name) or version_of(name))
    main(["gate", "--hub", str(hub)])
    assert f"version of onnxruntime was {version_of('onnxruntime')}, is 0.9" in capsys.readouterr().err


def test_another_toml_makes_evidence_stale(
    compared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub = Path(shutil.copytree(compared, tmp_path / "hub"))
    with (hub / "networks/phase.toml").open("a") as toml:
        toml.write("# another remark\n")
    main(["gate", "--hub", str(hub)])
    assert "Phase, toml" in capsys.readouterr().err


def test_a_wrong_zero_frequency_is_told_by_r(quick_hub: Path, tmp_path: Path) -> None:
    arrays = make_split()
    kinds: dict[str, dict[str, Any]] = {"whole": {}, "phase": {"gives": "phase"}, "groups": {"members": 4}}
    wrong = [
        write_memorised(tmp_path / f"{name}.onnx", arrays, said_dc="corner", **how)
        for name, how in kinds.items()
    ]
    right = write_memorised(tmp_path / "right.onnx", arrays)
    arms = [ArmRequest(path.stem, ImageSource(path)) for path in (right, *wrong)]
    request = request_on(quick_hub, tmp_path / "out", *arms, networks=False, groups=40)
    scores = {score.arm: score for score in compare(request, command=[], console_level=None).arms}
    assert scores["right"].status == "ok"
    for path in wrong:
        reason = scores[path.stem].reason
        assert f'{path}: its toml says zero_frequency = "corner", and R of' in reason
        assert 'with "centre"; mend the toml' in reason
        assert "ptycho-hub network" in reason
        assert "\n" not in reason


def test_a_network_without_a_toml_is_asked_about(quick_hub: Path, tmp_path: Path) -> None:
    bare = write_memorised(tmp_path / "bare.onnx", make_split(), toml=None)
    request = request_on(quick_hub, tmp_path / "out", ArmRequest("Bare", ImageSource(bare)), networks=False)
    with pytest.raises(BundleError, match=r"ptycho-hub network .*bare\.onnx --scan"):
        inspect_inputs(request)


def test_batch_and_order_change_nothing(quick_hub: Path, tmp_path: Path) -> None:
    path = write_memorised(tmp_path / "net.onnx", make_split(), gives="real and imaginary", scale=3.0)
    found = []
    for rows in (1, 3, 64):
        arm = ArmRequest("Net", ImageSource(path), how=ArmSettings(batch_rows=rows))
        request = request_on(
            quick_hub, tmp_path / f"out{rows}", arm, networks=False, ready_made=None, groups=30
        )
        found.append(compare(request, command=[], console_level=None).arms[0].image)
    for other in found[1:]:
        np.testing.assert_allclose(other, found[0], atol=1e-5)
