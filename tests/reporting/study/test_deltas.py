"""Three texts of one set of deltas: highlights, their preview, and the grid."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.errors import MissingReportError
from ptycho_compare.records.arm_names import COMPARED_WITH
from ptycho_compare.records.comparison_list import read_job_list
from ptycho_compare.records.measures import PARTS
from ptycho_compare.records.metrics_deltas import Deltas, versus
from ptycho_compare.reporting.study.deltas import (
    DELTA_LINES,
    PreviewError,
    delta_highlights,
    delta_preview,
    require_phase_only,
    ssim_grid_markdown,
)
from ptycho_compare.reporting.study.write_reports import SSIM_GRID, persist_deltas, publish_summary
from reported import make_compared, read_tables

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
def test_every_text_holds_the_same_numbers_and_two_hold_the_phase_alone(numbers: Numbers) -> None:
    written = deltas(numbers)
    highlights, preview = delta_highlights(written).splitlines(), delta_preview(written).splitlines()
    grid = ssim_grid_markdown(written, source="s.json", preview="p.txt")
    cells = [row[1] for rows in read_tables(grid).values() for row in rows]
    for line, highlight, in_preview, cell in zip(DELTA_LINES, highlights, preview, cells, strict=True):
        texts = line.numbers(written)
        assert highlight.split(": ")[1] == f"amplitude {texts['amplitude']}  phase {texts['phase']}"
        assert in_preview == f"{line.label}: {texts['phase']}"
        assert cell == texts["phase"]
    assert "amplitude" not in (grid + delta_preview(written)).lower()


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


def test_a_preview_with_amplitudes_is_refused() -> None:
    require_phase_only(PREVIEW, label="p.txt")
    with pytest.raises(PreviewError, match=r"p.txt:1: .*PREVIEW-PHASE-001"):
        require_phase_only(HIGHLIGHTS.replace("amplitude", "Amplitude"), label="p.txt")


def test_the_grid_needs_deltas_and_a_phase_only_preview(tmp_path: Path) -> None:
    hub = make_compared(tmp_path)
    publish_summary(hub, read_job_list(hub.comparison_manifest()))
    with pytest.raises(MissingReportError, match=r"metrics_delta_summary.json: not found"):
        SSIM_GRID.write(hub)
    persist_deltas(hub)
    assert SSIM_GRID.write(hub) == hub.reports().ssim_grid
    hub.reports().delta_preview.write_text(HIGHLIGHTS)
    with pytest.raises(PreviewError):
        SSIM_GRID.write(hub)
    hub.reports().delta_preview.unlink()
    with pytest.raises(MissingReportError, match=r"preview.txt: not found"):
        SSIM_GRID.write(hub)
