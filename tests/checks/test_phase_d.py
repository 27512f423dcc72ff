"""Phase D is judged by drawing and measuring it again: nothing damaged, stale, forged or missing passes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptycho_compare.checks.phase_d import judge_metrics, judge_phase_d, judge_views
from ptycho_compare.finding import Finding
from ptycho_compare.hub import Hub
from ptycho_compare.phases.overlap import overlap
from ptycho_compare.study import Study
from scans import make_scan, write_scan
from sessions import run_here
from views import CANONICAL, DOSE, STUDY, write_splits

VIEW = "dense"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Hub:
    hub = write_splits(tmp_path_factory.mktemp("made") / "hub")
    for view in STUDY.views:
        overlap(hub, STUDY, DOSE, view)
    return hub


@pytest.fixture
def hub(made: Hub, tmp_path: Path) -> Hub:
    return Hub(Path(shutil.copytree(made.root, tmp_path / "hub")))


def edit_view(hub: Hub, edit: Callable[[dict[str, Any]], None]) -> Path:
    """Change the arrays of the train split's view as a careful forger would: metadata stay right."""
    path = hub.overlap_view(DOSE, VIEW, "train")
    with np.load(path) as stored:
        arrays = dict(stored)
    edit(arrays)
    np.savez(path, **arrays)
    return path


def edit_metadata(hub: Hub, edit: Callable[[dict[str, Any]], object]) -> Path:
    def change(arrays: dict[str, Any]) -> None:
        metadata = json.loads(arrays["_metadata"].item())
        edit(metadata)
        arrays["_metadata"] = np.array(json.dumps(metadata))

    return edit_view(hub, change)


def the_only(findings: list[Finding], kind: str, *texts: str) -> None:
    assert [finding.kind for finding in findings] == [kind], findings
    for text in (*texts, "run phase D again"):
        assert text in findings[0].text


@pytest.mark.parametrize("view", STUDY.views)
def test_what_phase_d_made_has_no_findings(made: Hub, view: str) -> None:
    assert judge_phase_d(made, STUDY, DOSE, view) == []


def test_a_changed_value_is_told_with_its_place(hub: Hub) -> None:
    def one_pixel(arrays: dict[str, Any]) -> None:
        arrays["diff3d"][3, 2, 1] = 7.5

    path = edit_view(hub, one_pixel)
    findings = judge_phase_d(hub, STUDY, DOSE, VIEW)
    parent = "data/phase_c/dose_1000/patched_train.npz"
    the_only(
        findings,
        "changed",
        f"{path}: 'diff3d' is not that of the kept images of {parent}: 1 of 12288 values differ, ",
        "the first at [3, 2, 1]: expected ",
        ", found 7.5",
    )


def test_other_images_than_the_drawn_ones_are_told(hub: Hub) -> None:
    """A subsample of the right size, of the right split, by another draw."""
    with np.load(hub.patched(DOSE, "train"), allow_pickle=True) as stored:
        parent = {key: stored[key] for key in ("diff3d", "xcoords", "ycoords")}

    def first_ones(arrays: dict[str, Any]) -> None:
        arrays.update({key: values[: len(arrays["xcoords"])] for key, values in parent.items()})

    edit_view(hub, first_ones)
    findings = judge_views(hub, STUDY, DOSE, VIEW)
    assert [finding.text.split("'")[1] for finding in findings] == ["xcoords", "ycoords", "diff3d"]


@pytest.mark.parametrize(
    ("edit", "text"),
    [
        (lambda arrays: arrays.pop("objectGuess"), "'objectGuess' is not there, and data/phase_c"),
        (lambda arrays: arrays.update(extra=np.zeros(3)), "'extra' is not of data/phase_c"),
        (
            lambda arrays: arrays.update(objectGuess=arrays["objectGuess"][:30]),
            "'objectGuess' is not that of data/phase_c/dose_1000/patched_train.npz: expected complex64",
        ),
        (
            lambda arrays: arrays.update(xcoords=arrays["xcoords"].astype(np.float32)),
            "expected float64 (48,), found float32 (48,)",
        ),
        (lambda arrays: arrays["probeGuess"].fill(np.nan), "'probeGuess' is not that of data/phase_c"),
    ],
)
def test_arrays_that_are_not_the_splits_are_told(
    hub: Hub, edit: Callable[[dict[str, Any]], None], text: str
) -> None:
    edit_view(hub, edit)
    (finding,) = judge_phase_d(hub, STUDY, DOSE, VIEW)
    assert text in finding.text


def test_values_that_are_nan_in_both_are_equal(hub: Hub) -> None:
    for split in STUDY.splits:
        arrays = make_scan(count=60, side=16, height=40, width=48)
        arrays["pixel_nm"] = np.array([np.nan, 1.0])
        write_scan(hub.patched(DOSE, split), arrays)
    overlap(hub, STUDY, DOSE, VIEW)
    assert judge_phase_d(hub, STUDY, DOSE, VIEW) == []


@pytest.mark.parametrize(
    ("edit", "kind", "text"),
    [
        (lambda found: found.update(s_img=0.5), "stale", "s_img: expected 0.8, found 0.5"),
        (lambda found: found.pop("rng_seed_grouping"), "stale", "rng_seed_grouping: is not there"),
        (
            lambda found: found.update(effective_min_acceptance=0.2),
            "changed",
            "effective_min_acceptance: expected 0.",
        ),
        (
            lambda found: found["data_transformations"][-1]["parameters"].update(n_images_kept=True),
            "changed",
            "data_transformations.0.parameters.n_images_kept: expected 48, found True",
        ),
        (
            lambda found: found.pop("physics_parameters"),
            "changed",
            "physics_parameters: is not there",
        ),
        (lambda found: found.update(note="x" * 500), "changed", "note: is not expected, found 'xxx"),
    ],
)
def test_metadata_that_do_not_hold_are_told(
    hub: Hub, edit: Callable[[dict[str, Any]], object], kind: str, text: str
) -> None:
    path = edit_metadata(hub, edit)
    findings = judge_phase_d(hub, STUDY, DOSE, VIEW)
    the_only(findings, kind, f"{path}: '_metadata': {text}")
    assert len(findings[0].text) < 500


def test_a_view_that_ptychopinn_wrote_is_told_once(hub: Hub) -> None:
    """It replaces the metadata; which images of which file were kept can then not be known."""
    edit_metadata(hub, lambda found: found.pop("data_transformations"))
    the_only(judge_phase_d(hub, STUDY, DOSE, VIEW), "stale", "'_metadata' has no record by overlap_views")


def test_another_split_than_the_view_was_drawn_from_is_told(hub: Hub) -> None:
    write_scan(hub.patched(DOSE, "train"), make_scan(count=60, side=16, height=40, width=48, seed=9))
    findings = judge_phase_d(hub, STUDY, DOSE, VIEW)
    stale = [finding.text for finding in findings if finding.kind == "stale"]
    assert any("parent_sha256: expected '" in text and "dense_train.npz" in text for text in stale)
    assert any("parent_sha256: expected '" in text and "train_metrics.json" in text for text in stale)
    assert all("patched_train.npz: '" not in finding.text for finding in findings)  # arrays are not told too


def test_a_view_of_other_settings_is_stale(hub: Hub) -> None:
    """The study was edited after phase D ran."""
    edited = STUDY.model_dump()
    edited["grouping"]["seed"] = 124
    findings = judge_views(hub, Study.model_validate(edited), DOSE, VIEW)
    assert {finding.kind for finding in findings} == {"stale"}
    assert all("rng_seed_grouping: expected 124, found 123" in finding.text for finding in findings)
    assert len(findings) == 4  # two splits, each at the top and in its record


@pytest.mark.parametrize(
    ("edit", "text"),
    [
        (lambda found: found.update(metric_2_image_based_avg=0.99), "metric_2_image_based_avg: expected 0."),
        (lambda found: found.update(metric_1_group_based_avg=None), "metric_1_group_based_avg: expected 0."),
        (lambda found: found.update(metric_3_group_to_group_avg=float("nan")), "found nan"),
        (lambda found: found.update(n_images_total=48), "n_images_total: expected 60, found 48"),
        (lambda found: found.update(geometry_acceptance_bound="0.1"), "found '0.1'"),
        (lambda found: found.pop("n_unique_images"), "n_unique_images: is not there"),
    ],
)
def test_a_number_that_is_not_the_recomputed_one_is_told(
    hub: Hub, edit: Callable[[dict[str, Any]], object], text: str
) -> None:
    path = hub.overlap_metrics(DOSE, VIEW, "test")
    metrics = json.loads(path.read_bytes())
    edit(metrics)
    path.write_text(json.dumps(metrics))
    the_only(judge_phase_d(hub, STUDY, DOSE, VIEW), "changed", f"{path}: ", text)


def test_rounding_is_no_difference(hub: Hub) -> None:
    path = hub.overlap_metrics(DOSE, VIEW, "test")
    metrics = json.loads(path.read_bytes())
    metrics["metric_2_image_based_avg"] *= 1 + 1e-9
    path.write_text(json.dumps(metrics))
    assert judge_metrics(hub, STUDY, DOSE, VIEW) == []


def test_a_bundle_must_hold_every_split(hub: Hub) -> None:
    path = hub.overlap_bundle(DOSE, VIEW)
    bundle = json.loads(path.read_bytes())
    del bundle["test"]
    path.write_text(json.dumps(bundle))
    the_only(judge_phase_d(hub, STUDY, DOSE, VIEW), "changed", f"{path}: test: is not there")


@pytest.mark.parametrize("content", ["", "[1", "3", "\x00"])
def test_metrics_that_are_none_are_told(hub: Hub, content: str) -> None:
    path = hub.overlap_metrics(DOSE, VIEW, "train")
    path.write_text(content)
    the_only(judge_metrics(hub, STUDY, DOSE, VIEW), "changed", str(path))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken"])
def test_a_damaged_view_is_told(hub: Hub, content: bytes) -> None:
    path = hub.overlap_view(DOSE, VIEW, "train")
    path.write_bytes(content)
    the_only(judge_phase_d(hub, STUDY, DOSE, VIEW), "changed", str(path))


def test_what_is_not_there_is_told(hub: Hub) -> None:
    shutil.rmtree(hub.phase_d(DOSE, VIEW))
    findings = judge_phase_d(hub, STUDY, DOSE, VIEW)
    names = [
        "dense_train.npz",
        "dense_test.npz",
        "train_metrics.json",
        "test_metrics.json",
        "metrics_bundle.json",
    ]
    assert [finding.kind for finding in findings] == ["missing"] * 5
    assert [Path(finding.text.partition(": is not there")[0]).name for finding in findings] == names


def test_without_its_split_a_view_cannot_be_judged(hub: Hub) -> None:
    hub.patched(DOSE, "train").unlink()
    findings = judge_phase_d(hub, STUDY, DOSE, VIEW)
    assert [finding.kind for finding in findings] == ["missing", "missing"]
    hub.patched(DOSE, "train").write_bytes(b"no archive")
    assert {finding.kind for finding in judge_phase_d(hub, STUDY, DOSE, VIEW)} == {"input"}


class TestAsAcceptance:
    """`pytest -m phase_d` on a hub."""

    def test_views_of_data_without_history_are_blocked(self, hub: Hub) -> None:
        done = run_here(hub.root, "-m", "phase_d")
        assert done.returncode == 1, done.stdout
        assert "4 blocked" in done.stdout
        assert "phase C is not green, and this rests on it" in done.stdout

    def test_good_bad_and_absent_views(self, tmp_path: Path) -> None:
        hub = write_splits(tmp_path / "hub", _metadata=CANONICAL)
        for view in STUDY.views:
            overlap(hub, STUDY, DOSE, view)
        path = hub.overlap_metrics(DOSE, VIEW, "train")
        path.write_text(path.read_text().replace('"n_images_total": 60', '"n_images_total": 61'))
        done = run_here(hub.root, "-m", "phase_d")
        assert done.returncode == 1, done.stdout
        assert "1 failed, 3 passed" in done.stdout
        assert "test_the_overlap_of_a_view_is_what_its_metrics_say[dose_1000-dense]" in done.stdout
        assert "n_images_total: expected 60, found 61; run phase D again" in done.stdout
        shutil.rmtree(hub.root / "data" / "phase_d")
        done = run_here(hub.root, "-m", "phase_d", "-rs")
        assert done.returncode == 0, done.stdout
        assert "4 skipped" in done.stdout
        assert "data/phase_d: no such folder; phase D made nothing in this hub" in done.stdout
