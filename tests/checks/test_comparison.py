"""Evidence is judged by what is on disk: nothing blank, dead, changed, stale or missing passes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forged import edit_arrays, edit_table, record_again
from hubs import DOSE
from ptycho_compare.checks import judge_comparison, stale
from ptycho_compare.checks.adoption import judge_adoption
from ptycho_compare.finding import Finding
from ptycho_compare.hub import Artifacts, Hub
from ptycho_compare.jobs.states import append_state
from ptycho_compare.records.manifest import read_manifest
from ptycho_compare.scoring.collapse import CollapseLimits
from ptycho_compare.storage.files import sha256_of

ARMS = ("PtychoPINN", "Baseline", "PtyChi")


@pytest.fixture(scope="module")
def finished(compared_hub: Path) -> Path:
    return Hub(compared_hub).comparison_dir(DOSE, "dense", "train", "debug")


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "copy"))


def kinds(findings: list[Finding]) -> set[tuple[str, str]]:
    return {(finding.kind, finding.arm) for finding in findings}


def test_a_finished_comparison_has_no_findings(finished: Path) -> None:
    assert judge_comparison(finished, required=ARMS) == []
    assert judge_comparison(finished, required=ARMS[:2]) == []


def test_no_manifest_means_not_complete(folder: Path) -> None:
    (folder / "manifest.json").unlink()
    assert kinds(judge_comparison(folder, required=ARMS)) == {("missing", "")}


@pytest.mark.parametrize("text", ["{", "{}", '{"schema_version": 2}'])
def test_a_manifest_that_is_none(folder: Path, text: str) -> None:
    (folder / "manifest.json").write_text(text)
    assert kinds(judge_comparison(folder, required=ARMS)) == {("changed", "")}


def test_evidence_of_another_basis_is_stale_by_name(finished: Path) -> None:
    fingerprint = read_manifest(finished / "manifest.json").fingerprint()
    assert list(stale(finished, fingerprint)) == []
    others = {
        "input test_data was ": replace(fingerprint, inputs={**fingerprint.inputs, "test_data": "0" * 64}),
        "input Extra was None, is 1": replace(fingerprint, inputs={**fingerprint.inputs, "Extra": "1"}),
        "setting seed was 123, is 5": replace(fingerprint, settings={**fingerprint.settings, "seed": 5}),
        "setting scoring.free_ramp was None, is True": replace(
            fingerprint,
            settings={
                **fingerprint.settings,
                "scoring": {**fingerprint.settings["scoring"], "free_ramp": True},
            },
        ),
        "version of numpy was ": replace(fingerprint, versions={**fingerprint.versions, "numpy": "1.0"}),
        "code of this package was ": replace(fingerprint, code="0" * 64),
    }
    for text, other in others.items():
        (finding,) = stale(finished, other)
        assert finding.kind == "stale"
        assert text in finding.text


def test_results_of_one_engine_are_not_taken_for_those_of_another(folder: Path) -> None:
    """Evidence from before engines were recorded was made by TensorFlow; adopted evidence is no exception."""
    here = read_manifest(folder / "manifest.json").fingerprint()
    assert "onnxruntime" in here.versions
    assert "tensorflow" not in here.versions
    stored = json.loads((folder / "manifest.json").read_text())
    del stored["settings"]["engine"]
    (folder / "manifest.json").write_text(json.dumps(stored))
    found = [finding.text for finding in stale(folder, here)]
    assert any("setting engine.name was tensorflow, is onnxruntime" in text for text in found)
    assert any("version of onnxruntime was None, is " in text for text in found)
    adopt(folder)
    found = [finding.text for finding in stale(folder, here)]
    assert [text.partition(": setting ")[2] for text in found] == [
        "engine.name was tensorflow, is onnxruntime",
        "engine.optimisation was default, is all",
    ]


def test_adopted_evidence_may_be_of_other_code(folder: Path) -> None:
    """It was computed elsewhere and verified here."""
    fingerprint = read_manifest(folder / "manifest.json").fingerprint()
    adopt(folder)
    other = replace(fingerprint, code="0" * 64, versions={"python": "3.99"})
    assert list(stale(folder, other)) == []
    assert len(list(stale(folder, replace(other, inputs={})))) == len(fingerprint.inputs)


def adopt(folder: Path, **changes: Any) -> None:
    """Leave what an adoption leaves: its record, and a line in the job's log with the record's digest."""
    manifest, names = read_manifest(folder / "manifest.json"), Artifacts(folder)
    made = {
        name: getattr(manifest, name)
        for name in ("command", "started", "finished", "attempts", "versions", "code")
    }
    record = {
        "adopted": "2026-11-28T00:00:00Z", "by": "who", "host": "where", "source": "/elsewhere",
        "made": made | changes, "pieces": [], "seed": 1, "tables": [],
    }  # fmt: skip
    names.adoption.write_text(json.dumps(record))
    names.job.folder.mkdir(exist_ok=True)
    append_state(names.job.states, "adopted", source="/elsewhere", record_sha256=sha256_of(names.adoption))


def forget(folder: Path) -> None:
    Artifacts(folder).job.states.write_text("")


def retell(folder: Path) -> None:
    """Another record than the one that the log tells of."""
    path = Artifacts(folder).adoption
    path.write_text(path.read_text().replace("/elsewhere", "/here"))


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda folder: Artifacts(folder).adoption.write_text(""), "Invalid JSON"),
        (lambda folder: Artifacts(folder).adoption.write_text("{}"), "adopted: Field required"),
        (forget, "tells of no such adoption"),
        (retell, "tells of no such adoption"),
        (lambda folder: adopt(folder, code="0" * 64), "made.code is not that of manifest.json"),
        (lambda folder: adopt(folder, attempts=[]), "made.attempts is not that of manifest.json"),
    ],
    ids=["empty", "no content", "not told of", "another", "other code", "other attempts"],
)
def test_a_file_that_only_looks_like_an_adoption_lifts_nothing(
    folder: Path, harm: Callable[[Path], object], said: str
) -> None:
    manifest = read_manifest(folder / "manifest.json")
    other = replace(manifest.fingerprint(), code="0" * 64)
    adopt(folder)
    assert list(judge_adoption(folder, manifest)) == []
    harm(folder)
    assert said in str(next(judge_adoption(folder, manifest)))
    assert [finding.kind for finding in stale(folder, other)] == ["stale"]


def test_a_missing_and_a_changed_artifact(folder: Path) -> None:
    (folder / "comparison_plot.png").unlink()
    with (folder / "plan.npz").open("ab") as stream:
        stream.write(b"x")
    assert kinds(judge_comparison(folder, required=ARMS)) == {("missing", ""), ("changed", "")}


def test_a_required_arm_that_is_not_there(folder: Path) -> None:
    assert kinds(judge_comparison(folder, required=(*ARMS, "Tike"))) == {("missing", "Tike")}


@pytest.mark.parametrize(
    ("row", "cells"),
    [
        ("mae", ","),
        ("ssim", "0.5,"),
        ("ms_ssim", ",0.5"),
        ("ms_ssim", "1.5,0.5"),
        ("mse", "-0.1,0.5"),
        ("psnr", "nan,10.0"),
    ],
)
def test_a_blank_or_impossible_cell(folder: Path, row: str, cells: str) -> None:
    def blank(line: str) -> str:
        parts = line.split(",")
        return ",".join([*parts[:2], cells, *parts[4:]]) if parts[:2] == ["Baseline", row] else line

    edit_table(folder, blank)
    assert kinds(judge_comparison(folder, required=ARMS)) == {("blank", "Baseline")}


def test_a_row_that_is_gone(folder: Path) -> None:
    edit_table(folder, lambda line: line.replace("Baseline,ssim,", "Baseline,other,"))
    (finding,) = judge_comparison(folder, required=ARMS)
    assert (finding.kind, finding.arm) == ("blank", "Baseline")
    assert "has no ssim row" in str(finding)


def test_a_score_that_stands_there_twice(folder: Path) -> None:
    """The better one second: readers differ in which they take."""
    better = "Baseline,mae,0.000001,0.000001,"

    def twice(line: str) -> str:
        return f"{line}\n{better}{line.split(',', 4)[4]}" if line.startswith("Baseline,mae,") else line

    edit_table(folder, twice)
    (finding,) = judge_comparison(folder, required=ARMS)
    assert "Baseline, mae stands there 2 times" in str(finding)


@pytest.mark.parametrize("cell", ["0_0.5", " 0.5", "0.5 ", "1e9999", "٣", "0x1", "1" * 5000, "infinity"])
def test_what_python_takes_for_a_number_and_no_writer_writes(folder: Path, cell: str) -> None:
    def put(line: str) -> str:
        parts = line.split(",")
        return ",".join([*parts[:2], cell, *parts[3:]]) if parts[:2] == ["Baseline", "ssim"] else line

    edit_table(folder, put)
    (finding,) = judge_comparison(folder, required=ARMS)
    assert "which is no number" in str(finding)


def test_a_table_that_cannot_be_read(folder: Path) -> None:
    edit_table(folder, lambda line: line.replace("Baseline,ssim,", "Baseline,ssim,x"))
    (finding,) = judge_comparison(folder, required=ARMS)
    assert finding.kind == "changed"
    assert "which is no number" in str(finding)


def test_a_blank_picture_behind_good_scores(folder: Path) -> None:
    """Recomputed from the stored canvas, whatever the table says."""
    path = folder / "reconstructions.npz"
    with np.load(path) as arrays:
        changed = dict(arrays)
    changed["baseline_complex"] = np.zeros_like(changed["baseline_complex"])
    np.savez(path, **changed)
    record_again(folder, path.name)
    (finding,) = judge_comparison(folder, required=ARMS)
    assert (finding.kind, finding.arm) == ("dead", "Baseline")
    assert "|object| = 0 in" in finding.text


def test_the_study_s_own_limits_hold(folder: Path) -> None:
    path = folder / "reconstructions.npz"
    with np.load(path) as arrays:
        changed = dict(arrays)
    rows, columns = np.nonzero(changed["mask"])
    tenth = len(rows) // 10
    for part in ("complex", "amplitude", "phase"):
        changed[f"baseline_{part}"][rows[:tenth], columns[:tenth]] = 0
    np.savez(path, **changed)
    record_again(folder, path.name)
    (finding,) = judge_comparison(folder, required=ARMS)
    assert finding.text.startswith("mostly_empty")
    assert judge_comparison(folder, required=ARMS, limits=CollapseLimits(max_zero_fraction=0.2)) == []


def test_a_score_that_cannot_exist_is_declared(folder: Path) -> None:
    def declare(line: str) -> str:
        parts = line.split(",")
        if parts[:2] != ["Baseline", "ssim"]:
            return line
        return ",".join([*parts[:2], "", *parts[3:10], "amplitude: no contrast in the truth", *parts[11:]])

    edit_table(folder, declare)
    assert judge_comparison(folder, required=ARMS) == []


def test_canvases_that_cannot_be_read(folder: Path) -> None:
    path = folder / "reconstructions.npz"
    path.write_bytes(path.read_bytes()[:1000])
    record_again(folder, path.name)
    assert kinds(judge_comparison(folder, required=ARMS)) == {("changed", "")}


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("groups", np.int64(3), "int64 (); needed: (B, C) integers"),
        ("groups", np.ones((48, 4)), "float64 (48, 4); needed: (B, C) integers"),
        ("normalization", np.ones(2), "float64 (2,); needed: one number"),
        ("normalization", np.array("2.4"), "<U3 (); needed: one number"),
        ("seed", np.float64(123), "float64 (); needed: one integer"),
        ("neighbors", np.array([4]), "int64 (1,); needed: one integer"),
        ("algorithm", np.int64(1), "int64 (); needed: one name"),
    ],
)
def test_a_plan_that_is_none_is_told_with_what_is_needed(
    folder: Path, key: str, value: np.generic, said: str
) -> None:
    edit_arrays(folder, lambda held: held.update({key: value}), name="plan.npz")
    (finding,) = judge_comparison(folder, required=ARMS)
    assert (finding.kind, finding.text) == ("changed", f"{folder / 'plan.npz'}: '{key}' is {said}")


def test_a_plan_that_cannot_be_read_is_named_once(folder: Path) -> None:
    path = folder / "plan.npz"
    path.write_bytes(path.read_bytes()[:100])
    record_again(folder, path.name)
    (finding,) = judge_comparison(folder, required=ARMS)
    assert finding.kind == "changed"
    assert finding.text.count(str(path)) == 1


def test_findings_read_like_sentences() -> None:
    assert repr([Finding("dead", "is zero", "Baseline")]) == "[dead: arm Baseline: is zero]"
    assert str(Finding("input", "is no scan")) == "input: is no scan"
