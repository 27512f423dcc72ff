"""A comparison of the definitions before ptycho-compare-3 is judged by them, and nothing new is asked of it.

The folder `version_2` holds tables, plan and manifest as they were written then; its images are left out.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from gate.judged import ID, comparison, judged_hub
from ptycho_compare.checks import judge_comparison, stale
from ptycho_compare.errors import ReportError
from ptycho_compare.gate.regression import changes
from ptycho_compare.hub import Artifacts
from ptycho_compare.records.comparison_list import ListedJob
from ptycho_compare.records.job_scores import JobScores, blank_scores
from ptycho_compare.records.manifest import read_manifest
from ptycho_compare.records.tables.metrics_csv import read_metrics_csv
from ptycho_compare.reporting.page.curves import read_curves
from ptycho_compare.reporting.page.scores import read_scores
from ptycho_compare.study import Acceptance

ARM = "PtyChi"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The folder, its log beside it as the comparison left one."""
    folder = Path(shutil.copytree(Path(__file__).with_name("version_2"), tmp_path / "old"))
    manifest = read_manifest(folder / "manifest.json")
    assert manifest.metric_version == "ptycho-compare-2"
    return folder


def test_its_evidence_holds(old: Path) -> None:
    assert judge_comparison(old, required=[ARM], arrays=False) == []


def test_its_scores_are_whole(old: Path) -> None:
    table = old / "comparison_metrics.csv"
    job = ListedJob(dose=1000, view="dense", split="test", output_dir=".")
    scores = JobScores(job, table, "", tuple(read_metrics_csv(table)))
    assert list(blank_scores(scores, [ARM])) == []


def test_the_page_shows_all_of_its_rows_and_curves(old: Path) -> None:
    scores = read_scores(Artifacts(old), [ARM])
    rows = {row.metric for row in read_metrics_csv(old / "comparison_metrics.csv")}
    assert {row.metric for row in (*scores.scores, *scores.measured)} == rows
    assert scores.missing == ()
    curves = read_curves(Artifacts(old), [ARM])
    assert curves.missing == ()
    assert [panel.component for panel in curves.panels] == ["amplitude", "phase", "complex"]


def test_it_is_compared_with_its_like_and_with_no_other(old: Path, tmp_path: Path) -> None:
    rows = [replace(row, note="") for row in read_metrics_csv(old / "comparison_metrics.csv")]
    before, now = (judged_hub(tmp_path / name, rows) for name in ("before", "now"))
    found = changes(before, now, [comparison()], Acceptance())
    assert {each.judged for each in found} == {"same"}
    assert {each.id for each in found} == {ID}
    newer = judged_hub(tmp_path / "newer", [replace(row, metric_version="ptycho-compare-3") for row in rows])
    with pytest.raises(ReportError, match="definitions: 'ptycho-compare-3', and 'ptycho-compare-2' in "):
        changes(before, newer, [comparison()], Acceptance())


def test_a_run_here_would_score_by_other_definitions_and_that_is_said_first(old: Path) -> None:
    fingerprint = read_manifest(old / "manifest.json").fingerprint()
    (finding,) = stale(old, fingerprint)
    assert finding.kind == "stale"
    assert finding.text.endswith("scored by ptycho-compare-2, and a run here scores by ptycho-compare-3")
    first, *more = stale(old, replace(fingerprint, code="0" * 64))
    assert first == finding
    assert len(more) == 1
