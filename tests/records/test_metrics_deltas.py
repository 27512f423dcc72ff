"""The deltas in JSON: unrounded, null where there is no score, stable until the summary changes."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ptycho_compare.errors import ReportError
from ptycho_compare.hub import Hub
from ptycho_compare.records.arm_names import COMPARED_WITH
from ptycho_compare.records.comparison_list import read_job_list
from ptycho_compare.records.measures import MAE, MEASURES, PARTS
from ptycho_compare.records.metrics_deltas import read_deltas, versus
from ptycho_compare.reporting.study.deltas import delta_preview
from ptycho_compare.reporting.study.write_reports import persist_deltas, publish_summary
from reported import edit_cells, make_compared, table_of


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    hub = make_compared(tmp_path)
    publish_summary(hub, read_job_list(hub.comparison_manifest()))
    return hub


def test_deltas_of_a_hub(hub: Hub) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    persist_deltas(hub)
    found = json.loads(hub.reports().deltas.read_text())
    assert found["source_metrics"] == "analysis/metrics_summary.json"
    assert found["generated_at"].endswith("Z")
    assert before <= datetime.fromisoformat(found["generated_at"]) <= datetime.now(UTC)
    assert found["deltas"]["vs_Baseline"]["ms_ssim"]["amplitude"] == pytest.approx(0.9475 - 0.9275)
    assert found["deltas"]["vs_PtyChi"]["mae"]["phase"] == pytest.approx(0.036 - 0.0385)
    assert hub.reports().delta_preview.read_text() == delta_preview(read_deltas(hub.reports().deltas))


def test_a_score_that_cannot_exist_is_null_and_told_as_missing(hub: Hub) -> None:
    content = json.loads(hub.reports().summary.read_text())
    content["aggregate_metrics"]["Baseline"]["mae"]["mean_phase"] = None
    hub.reports().summary.write_text(json.dumps(content))
    assert persist_deltas(hub).value("Baseline", MAE, "phase") is None
    assert "MAE Δ (PtychoPINN - Baseline): N/A" in hub.reports().delta_preview.read_text()


def test_made_again_they_are_the_same_until_the_summary_changes(hub: Hub) -> None:
    names = hub.reports()
    persist_deltas(hub)
    old = json.loads(names.deltas.read_text()) | {"generated_at": "2020-01-01T00:00:00Z"}
    names.deltas.write_text(json.dumps(old))
    persist_deltas(hub)
    assert json.loads(names.deltas.read_text()) == old
    edit_cells(table_of(hub, "test"), "PtyChi", "mse", "0.5,0.5,")  # no delta changes, its source does
    publish_summary(hub, read_job_list(hub.comparison_manifest()))
    assert persist_deltas(hub).generated_at > "2026"


@pytest.mark.parametrize(
    ("arm", "measure", "part"),
    list(itertools.product(COMPARED_WITH, [each.name for each in MEASURES], PARTS)),
)
def test_every_key_is_needed(hub: Hub, arm: str, measure: str, part: str) -> None:
    persist_deltas(hub)
    path = hub.reports().deltas
    content = json.loads(path.read_text())
    del content["deltas"][versus(arm)][measure][part]
    path.write_text(json.dumps(content))
    with pytest.raises(ReportError, match=f"'deltas.vs_{arm}.{measure}.{part}' is missing"):
        read_deltas(path)
