"""Whether the delta texts and the grid tell the numbers of the delta summary, line by line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ptycho_compare.checks.remade import cannot_read
from ptycho_compare.checks.validation import Validation
from ptycho_compare.errors import ReportError
from ptycho_compare.finding import Finding
from ptycho_compare.hub import Hub
from ptycho_compare.records.arm_names import COMPARED_WITH
from ptycho_compare.records.metrics_deltas import Deltas, read_deltas, versus
from ptycho_compare.records.reading import read_text
from ptycho_compare.reporting.study.delta_lines import (
    DELTA_LINES,
    DeltaLine,
    ReadLine,
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
)

_REPORT, _GRID = "ptycho-hub report", "ptycho-hub ssim-grid"
CONFIRMED = (
    "Highlights match metrics_delta_summary.json",
    "SSIM grid summary table values match metrics_delta_summary.json",
    "Preview metadata confirms phase-only content",
)
"""What is said of a hub in which all of it holds."""


def check_highlights(hub: Hub) -> list[Finding]:
    """Compare highlights, preview and grid with the delta summary; all that differs is found at once."""
    return list(dict.fromkeys([*delta_highlights(hub).findings, *ssim_grid(hub).findings]))


@dataclass
class _Told:
    """What was found in the two texts."""

    findings: list[Finding] = field(default_factory=list)
    unread: list[DeltaLine] = field(default_factory=list)
    mismatched: list[dict[str, str]] = field(default_factory=list)
    missing_preview: list[str] = field(default_factory=list)
    preview_errors: list[str] = field(default_factory=list)
    phase_only: bool = False
    line_count: int = 0


def delta_highlights(hub: Hub) -> Validation:
    """Judge ``metrics_delta_highlights.txt`` and its preview: four lines each, in order, equal numbers."""
    names, told = hub.reports(), _Told()
    try:
        deltas = read_deltas(names.deltas)
    except ReportError as error:
        told.findings.append(cannot_read(error))
    else:
        _of_highlights(names.delta_highlights, deltas, told)
        _of_preview(names.delta_preview, deltas, told)
    details: dict[str, Any] = {
        "line_count": told.line_count,
        "checked_models": [versus(arm) for arm in COMPARED_WITH],
        "missing_models": list(dict.fromkeys(versus(line.arm) for line in told.unread)),
        "missing_metrics": [_name(line) for line in told.unread],
        "mismatched_highlight_values": told.mismatched,
        "missing_preview_values": told.missing_preview,
        "preview_phase_only": told.phase_only,
        "preview_format_errors": told.preview_errors,
    }
    path = hub.relative(names.delta_highlights)
    return Validation("Metrics delta highlights and preview", path, told.findings, details)


def _of_highlights(path: Path, deltas: Deltas, told: _Told) -> None:
    try:
        text = read_text(path, made_by=_REPORT)
    except ReportError as error:
        told.unread += DELTA_LINES
        told.findings.append(cannot_read(error))
        return
    told.line_count = len(text.splitlines())
    told.findings += _surplus(path, text)
    for number, read in enumerate(read_highlights(text), start=1):
        if read.numbers is None:
            told.unread.append(read.line)
            told.findings.append(_not_that_line(path, number, read))
            continue
        for part, expected in read.line.texts(deltas).items():
            if not same_number(read.numbers[part], expected):
                place = {"model": versus(read.line.arm), "metric": read.line.measure.name, "part": part}
                told.mismatched.append({**place, "expected": expected, "found": read.numbers[part]})
                told.findings.append(_mismatch(path, number, read.line, part, read.numbers[part], expected))


def _of_preview(path: Path, deltas: Deltas, told: _Told) -> None:
    try:
        text = read_text(path, made_by=_REPORT)
    except ReportError as error:
        told.missing_preview += [_with_phase(line, deltas) for line in DELTA_LINES]
        told.findings.append(cannot_read(error))
        return
    try:
        require_phase_only(text, label=str(path))
        told.phase_only = True
    except PreviewError as error:
        told.findings.append(Finding("changed", str(error)))
    told.preview_errors += [f"a line too many: {line!r}" for line in surplus_lines(text)]
    told.findings += _surplus(path, text)
    for number, read in enumerate(read_preview(text), start=1):
        expected = read.line.texts(deltas)["phase"]
        if read.numbers is None:
            finding = _not_that_line(path, number, read)
            told.preview_errors.append(f"line {number}: {_instead(read)}")
        elif same_number(read.numbers["phase"], expected):
            continue
        else:
            finding = _mismatch(path, number, read.line, "phase", read.numbers["phase"], expected)
        told.missing_preview.append(_with_phase(read.line, deltas))
        told.findings.append(finding)


def ssim_grid(hub: Hub) -> Validation:
    """Judge ``ssim_grid_summary.md``: it confirms the preview, and its cells are the deltas."""
    names = hub.reports()
    confirmed = phase_only = False
    try:
        grid = read_text(names.ssim_grid, made_by=_GRID)
        confirmed = confirms_preview(grid, preview_name=names.delta_preview.name)
        findings = [*_of_confirmation(names.ssim_grid, confirmed=confirmed)]
        findings += _of_grid(names.ssim_grid, grid, read_deltas(names.deltas))
        require_phase_only(grid, label=str(names.ssim_grid))
        require_phase_only(read_text(names.delta_preview, made_by=_REPORT), label=str(names.delta_preview))
        phase_only = True
    except PreviewError as error:
        findings.append(Finding("changed", str(error)))
    except ReportError as error:
        findings = [cannot_read(error)]
    details = {"has_preview_metadata": confirmed, "preview_phase_only": phase_only}
    return Validation("SSIM grid summary (phase-only)", hub.relative(names.ssim_grid), findings, details)


def _of_confirmation(path: Path, *, confirmed: bool) -> Iterator[Finding]:
    if not confirmed:
        yield Finding(
            "changed",
            f"{path}: preview metadata validation failed: no line says that the preview is (phase-only) "
            f"(PREVIEW-PHASE-001); run {_GRID} again",
        )


def _of_grid(path: Path, grid: str, deltas: Deltas) -> Iterator[Finding]:
    cells = read_grid(grid)
    for line in DELTA_LINES:
        found, expected = cells.get((line.arm, line.measure), "no such row"), line.texts(deltas)["phase"]
        if found != expected:
            yield Finding(
                "changed", f"{path}: {_name(line)}: mismatch: says {found}, the deltas give {expected}"
            )


def _surplus(path: Path, text: str) -> Iterator[Finding]:
    for line in surplus_lines(text):
        yield Finding("changed", f"{path}: a line too many: {line!r}")


def _not_that_line(path: Path, number: int, read: ReadLine) -> Finding:
    return Finding("changed" if read.text else "missing", f"{path}:{number}: {_instead(read)}")


def _instead(read: ReadLine) -> str:
    said = f"{read.text!r}" if read.text else "nothing"
    return f"says {said}; expected the line '{read.line.label}'"


def _mismatch(path: Path, number: int, line: DeltaLine, part: str, found: str, expected: str) -> Finding:
    return Finding(
        "changed",
        f"{path}:{number}: {_name(line)} {part}: mismatch: says {found}, the deltas give {expected}",
    )


def _name(line: DeltaLine) -> str:
    return f"{versus(line.arm)}.{line.measure.name}"


def _with_phase(line: DeltaLine, deltas: Deltas) -> str:
    return f"{_name(line)} phase {line.texts(deltas)['phase']}"
