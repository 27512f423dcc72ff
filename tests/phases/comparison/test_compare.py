"""What a comparison does when an arm breaks down: the others and the artifacts stay."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from hubs import DOSE, request_on
from ptycho_compare.checks import judge_comparison
from ptycho_compare.errors import DeviceError
from ptycho_compare.hub import Artifacts
from ptycho_compare.jobs.context import job_context
from ptycho_compare.models.bundle import ModelFile
from ptycho_compare.models.predictor import Predictor, load_predictor
from ptycho_compare.phases.comparison import network
from ptycho_compare.phases.comparison.arm import Setting
from ptycho_compare.phases.comparison.compare import compare
from ptycho_compare.phases.comparison.inputs import inspect_inputs
from ptycho_compare.phases.comparison.network import NetworkArm
from ptycho_compare.phases.comparison.request import ArmSettings
from ptycho_compare.phases.comparison.work import Work
from ptycho_compare.reconstruction.canvas import Grid
from ptycho_compare.records.manifest import read_manifest
from ptycho_compare.scan.plan import draw_plan
from ptycho_compare.scan.read import open_scan
from ptycho_compare.storage.watched import WatchedFiles
from ptycho_compare.study import EngineName

pytestmark = pytest.mark.usefixtures("undrawn")


def out_of_memory_for(*kinds: int) -> Any:
    """Stand for an engine running out of memory, which cannot be brought about at will."""

    def load(model: ModelFile, *, batch_rows: int, engine: EngineName, used: slice) -> Predictor:
        if model.group_size in kinds:
            raise MemoryError("no room for\n a tensor")
        return load_predictor(model, batch_rows=batch_rows, engine=engine, used=used)

    return load


CLOSE, LAST_DIGITS = 1e-5, 4e-6
"""Between engines: relative; and of what a table says to six digits behind the point."""


@pytest.mark.parametrize("name", ["PtychoPINN", "Baseline"])
def test_an_arm_alone_gives_the_same_canvas(small_hub: Path, tmp_path: Path, name: str) -> None:
    request = request_on(small_hub, tmp_path, groups=40)
    models = inspect_inputs(request)
    with open_scan(request.test_data) as scan:
        plan = draw_plan(scan, group_size=4, groups=40, neighbors=request.neighbors, seed=request.seed)
        assert scan.truth is not None
        apart = replace(request, output_dir=tmp_path / "alone")
        setting = Setting(apart, scan, plan, Grid((0, 0), (scan.truth.shape[0], scan.truth.shape[1])))
        with job_context(Artifacts(apart.output_dir).job) as ours:
            work = Work(ours, apart, WatchedFiles({"test_data": request.test_data}))
            alone = NetworkArm.open(name, models.networks[name], ArmSettings(), setting, work).reconstruct(
                work
            )
    compare(request, command=["test"], console_level=None)
    assert alone.image is not None
    with np.load(tmp_path / "reconstructions.npz") as together:
        np.testing.assert_array_equal(together[f"{name.lower()}_complex"], alone.image.values)


def test_an_arm_that_breaks_down_leaves_the_others(
    small_hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "load_predictor", out_of_memory_for(1))
    scorecard = compare(request_on(small_hub, tmp_path), command=["test"], console_level=None)
    assert [(score.arm, score.status) for score in scorecard.arms] == [
        ("PtychoPINN", "ok"),
        ("Baseline", "failed"),
        ("PtyChi", "ok"),
    ]
    (finding,) = judge_comparison(tmp_path, required=["PtychoPINN", "Baseline", "PtyChi"])
    assert (finding.kind, finding.arm) == ("failed", "Baseline")
    assert finding.text == "MemoryError: no room for a tensor"
    assert "Traceback" in (tmp_path / "logs/logs/debug.log").read_text()
    with np.load(tmp_path / "reconstructions_aligned.npz") as arrays:
        assert np.isnan(arrays["baseline_complex"]).all()


@pytest.mark.slow  # loads TensorFlow
def test_engines_give_the_same_canvases_and_scores(small_hub: Path, tmp_path: Path) -> None:
    engines: tuple[EngineName, ...] = get_args(EngineName)
    for engine in engines:
        request = request_on(small_hub, tmp_path / engine, groups=40, engine=engine)
        compare(request, command=["test"], console_level=None)
        manifest = read_manifest(Artifacts(tmp_path / engine).manifest)
        assert manifest.settings["engine"]["name"] == engine
        assert manifest.fingerprint().versions[engine] == manifest.versions[engine]
    one, other = (np.load(tmp_path / engine / "reconstructions.npz") for engine in engines)
    for name in ("ptychopinn_complex", "baseline_complex"):
        assert 0 < np.abs(one[name] - other[name]).max() < CLOSE * np.abs(one[name]).max()
    tables = [list(csv.reader((tmp_path / engine / "comparison_metrics.csv").open())) for engine in engines]
    different = [
        (first, second)
        for rows in zip(*tables, strict=True)
        for first, second in zip(*rows, strict=True)
        if first != second and "time" not in rows[0][1]
    ]
    assert different
    for first, second in different:
        assert float(first) == pytest.approx(float(second), rel=CLOSE, abs=LAST_DIGITS)


def test_a_gpu_that_cannot_be_used_is_no_fault_of_an_arm(
    small_hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> Predictor:
        raise DeviceError("out_of_memory: others hold it")

    monkeypatch.setattr(network, "load_predictor", full)
    with pytest.raises(DeviceError, match="others hold it"):
        compare(request_on(small_hub, tmp_path), command=["test"], console_level=None)
    assert not (tmp_path / "comparison_metrics.csv").exists()


def test_when_every_arm_breaks_down_the_evidence_says_so(
    own_hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "load_predictor", out_of_memory_for(1, 4))
    request = request_on(own_hub, tmp_path / "out", ready_made=None)
    scorecard = compare(request, command=["test"], console_level=None)
    assert len(scorecard.failed) == 2
    assert not scorecard.mask.any()
    found = judge_comparison(tmp_path / "out", required=["PtychoPINN", "Baseline"])
    assert {finding.arm for finding in found} == {"PtychoPINN", "Baseline"}


def test_a_reconstruction_too_small_to_be_placed_fails_alone(small_hub: Path, tmp_path: Path) -> None:
    with np.load(small_hub / f"data/phase_f/dose_{DOSE}/dense/train/ptychi_reconstruction.npz") as arrays:
        corner = arrays["reconstructed_object"][:2, :2]
    np.savez(tmp_path / "corner.npz", reconstructed_object=corner)
    request = request_on(small_hub, tmp_path / "out", ready_made=tmp_path / "corner.npz")
    scorecard = compare(request, command=["test"], console_level=None)
    assert [score.status for score in scorecard.arms] == ["ok", "ok", "failed"]


def test_a_single_group(small_hub: Path, tmp_path: Path) -> None:
    """Too few rows to exchange images between: no arm may be called blind for it."""
    scorecard = compare(request_on(small_hub, tmp_path, groups=1), command=["test"], console_level=None)
    assert all("ignores its input" not in score.reason for score in scorecard.arms)
