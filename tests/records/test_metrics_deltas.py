"""Deltas: one set of numbers, unrounded in JSON, and three texts that are read back to the same."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.errors import MissingReportError, ReportError
from ptycho_compare.hub import Hub
from ptycho_compare.records.arm_names import COMPARED_WITH
from ptycho_compare.records.comparison_list import read_job_list
from ptycho_compare.records.measures import MAE, MEASURES, PARTS
from ptycho_compare.records.metrics_deltas import Deltas, read_deltas, versus
from ptycho_compare.reporting.study.delta_lines import (
    DELTA_LINES,
    delta_highlights,
    delta_preview,
    read_highlights,
    read_preview,
    same_number,
    surplus_lines,
)
from ptycho_compare.reporting.study.ssim_grid import (
    PreviewError,
    confirms_preview,
    read_grid,
    require_phase_only,
    ssim_grid_markdown,
)
from ptycho_compare.reporting.study.write_reports import persist_deltas, publish_ssim_grid, publish_summary
from reported import edit_cells, make_compared, table_of

Numbers = tuple[float | None, ...]


def deltas(numbers: Numbers) -> Deltas:
    """Deltas in the order of the lines: amplitude and phase of each."""
    each = iter(numbers)
    values: dict[str, dict[str, dict[str, float | None]]] = {versus(arm): {} for arm in COMPARED_WITH}
    for line in DELTA_LINES:
        values[versus(line.arm)][line.measure.name] = {part: next(each) for part in PARTS}
    return Deltas(
        generated_at="2026-11-23T10:04:11Z", source_metrics="analysis/metrics_summary.json", deltas=values
    )


# study_contract.md 5.3
CONTRACT = deltas((0.010, 0.015, 0.005, 0.008, -0.005, -0.000025, -0.0025, -0.000018))
HIGHLIGHTS = """\
MS-SSIM Δ (PtychoPINN - Baseline)  : amplitude +0.010  phase +0.015
MS-SSIM Δ (PtychoPINN - PtyChi)    : amplitude +0.005  phase +0.008
MAE Δ (PtychoPINN - Baseline)      : amplitude -0.005000  phase -0.000025
MAE Δ (PtychoPINN - PtyChi)        : amplitude -0.002500  phase -0.000018
"""
PREVIEW = """\
MS-SSIM Δ (PtychoPINN - Baseline): +0.015
MS-SSIM Δ (PtychoPINN - PtyChi): +0.008
MAE Δ (PtychoPINN - Baseline): -0.000025
MAE Δ (PtychoPINN - PtyChi): -0.000018
"""


def test_the_contract_s_lines() -> None:
    assert delta_highlights(CONTRACT) == HIGHLIGHTS
    assert delta_preview(CONTRACT) == PREVIEW


_NUMBER = st.none() | st.floats(-100, 100)


@given(st.tuples(*[_NUMBER] * 8))
def test_what_is_written_is_read_back(numbers: Numbers) -> None:
    written = deltas(numbers)
    for text, read, parts in (
        (delta_highlights(written), read_highlights, PARTS),
        (delta_preview(written), read_preview, ("phase",)),
    ):
        lines = read(text)
        assert [line.numbers for line in lines] == [
            {part: line.texts(written)[part] for part in parts} for line in DELTA_LINES
        ]
        assert surplus_lines(text) == []
    grid = ssim_grid_markdown(written, source="s.json", preview="p.txt")
    assert read_grid(grid) == {(line.arm, line.measure): line.texts(written)["phase"] for line in DELTA_LINES}
    assert "amplitude" not in (grid + delta_preview(written)).lower()


@pytest.mark.parametrize(
    ("old", "new", "numbers_left"),
    [
        ("MS-SSIM Δ (PtychoPINN - Baseline): +0.015\n", "", 0),  # the lines behind it move up
        ("+0.008", "+0.0080", 3),
        ("+0.008", "0.008", 3),
        ("+0.008", "nan", 3),
        ("PtyChi): +0.008", "Pty-chi): +0.008", 3),
        ("MAE Δ (PtychoPINN - PtyChi): -0.000018", "MAE Δ (PtychoPINN - PtyChi): -0.000018 or so", 3),
        ("Δ", "delta", 0),
    ],
)
def test_a_line_that_does_not_belong_there_has_no_numbers(old: str, new: str, numbers_left: int) -> None:
    lines = read_preview(PREVIEW.replace(old, new))
    assert sum(line.numbers is not None for line in lines) == numbers_left


def test_lines_behind_the_last() -> None:
    assert surplus_lines(PREVIEW + "more\n") == ["more"]


def test_numbers_are_compared_as_numbers() -> None:
    """A part of a number is no match for it (7.C 31), and the sign of a zero is none."""
    assert not same_number("-0.001", "-0.001234")
    assert same_number("-0.000", "+0.000")
    assert same_number("N/A", "N/A")
    assert not same_number("N/A", "+0.000")


def test_the_contract_s_rounding_in_the_grid() -> None:
    written = deltas((None, -0.003456, None, -0.001234, None, 0.000234567, None, 0.000345678))
    grid = ssim_grid_markdown(
        written, source="analysis/metrics_delta_summary.json", preview="analysis/preview.txt"
    )
    assert grid.startswith("# SSIM Grid Summary (Phase-Only)\n")
    assert "`analysis/metrics_delta_summary.json`" in grid
    assert "`analysis/preview.txt` (phase-only)" in grid
    sections = grid.split("## ")
    assert "MS-SSIM Deltas (Phase)" in sections[1]
    assert "| vs_Baseline | -0.003 |\n| vs_PtyChi | -0.001 |" in sections[1]
    assert "MAE Deltas (Phase)" in sections[2]
    assert "| vs_Baseline | +0.000235 |\n| vs_PtyChi | +0.000346 |" in sections[2]


@pytest.mark.parametrize(
    ("line", "confirmed"),
    [
        ("- Preview validated: `analysis/preview.txt` (phase-only)", True),
        ("Preview validated analysis/preview.txt (phase-only, checked)", True),
        ("Preview source: preview.txt (phase-only: ✓)", True),
        ("Preview source: preview.txt", False),
        ("Preview source: other.txt (phase-only)", False),
    ],
)
def test_both_of_ptychopinn_s_ways_to_confirm_the_preview(line: str, confirmed: bool) -> None:
    assert confirms_preview(f"# Grid\n{line}\n", preview_name="preview.txt") is confirmed


def test_a_preview_with_amplitudes_is_refused() -> None:
    require_phase_only(PREVIEW, label="p.txt")
    with pytest.raises(PreviewError, match=r"p.txt:1: .*PREVIEW-PHASE-001"):
        require_phase_only(HIGHLIGHTS.replace("amplitude", "Amplitude"), label="p.txt")


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


def test_the_grid_needs_deltas_and_a_phase_only_preview(hub: Hub) -> None:
    with pytest.raises(MissingReportError, match=r"metrics_delta_summary.json: not found"):
        publish_ssim_grid(hub)
    persist_deltas(hub)
    assert publish_ssim_grid(hub) == hub.reports().ssim_grid
    hub.reports().delta_preview.write_text(HIGHLIGHTS)
    with pytest.raises(PreviewError):
        publish_ssim_grid(hub)
    hub.reports().delta_preview.unlink()
    with pytest.raises(MissingReportError, match=r"preview.txt: not found"):
        publish_ssim_grid(hub)


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
