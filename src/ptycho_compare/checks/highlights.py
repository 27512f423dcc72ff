"""The delta texts and the grid against the delta summary, line by line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from ptycho_compare.checks.check import Validation, below
from ptycho_compare.checks.remade import cannot_read, rendered_again
from ptycho_compare.errors import ReportError
from ptycho_compare.finding import Finding
from ptycho_compare.hub import Hub
from ptycho_compare.records.arm_names import COMPARED_WITH
from ptycho_compare.records.measures import PARTS, Part
from ptycho_compare.records.metrics_deltas import Deltas, read_deltas, versus
from ptycho_compare.records.reading import read_text
from ptycho_compare.reporting.study.deltas import (
    DELTA_LINES,
    PHASE_ONLY,
    DeltaLine,
    require_phase_only,
)
from ptycho_compare.reporting.study.write_reports import DELTA_HIGHLIGHTS, DELTA_PREVIEW, SSIM_GRID
from ptycho_compare.storage.files import write_text_atomic

CONFIRMED = (
    "Highlights match metrics_delta_summary.json",
    "SSIM grid summary table values match metrics_delta_summary.json",
    "Preview metadata confirms phase-only content",
)
"""Said of a hub in which all of it holds."""

_PLACES: Mapping[int, Part] = {-3: "amplitude", -1: "phase"}
"""Which of a line's words are numbers, from its end."""


def check_highlights(hub: Hub) -> list[Finding]:
    """Compare highlights, preview and grid with the delta summary; all that differs is found at once."""
    return list(dict.fromkeys([*delta_highlights(hub).findings, *ssim_grid(hub).findings]))


def write_check(hub: Hub, findings: Sequence[Finding]) -> list[str]:
    """Write the log of `check_highlights`; returns its lines."""
    hub.analysis().mkdir(parents=True, exist_ok=True)
    lines = [str(finding) for finding in below(hub, findings)] or list(CONFIRMED)
    write_text_atomic(hub.reports().check_log, "\n".join([*lines, ""]))
    return lines


@dataclass(frozen=True)
class _Difference:
    """A line of a text that is not the one that belongs there."""

    number: int
    line: DeltaLine | None  # that belongs there; None behind the last
    found: str  # empty where the text ends before
    values: Mapping[Part, tuple[str, str]]  # expected and found; empty where more than numbers differ

    @property
    def reason(self) -> str:
        if self.line is None:
            return f"a line too many: {self.found!r}"
        said = repr(self.found) if self.found else "nothing"
        return f"says {said}; expected the line '{self.line.label}'"

    def findings(self, path: Path) -> Iterator[Finding]:
        where = f"{path}:{self.number}"
        if self.line is None or not self.values:
            yield Finding("changed" if self.found else "missing", f"{where}: {self.reason}")
            return
        for part, (expected, found) in self.values.items():
            said = f"mismatch: says {found}, the deltas give {expected}"
            yield Finding("changed", f"{where}: {self.line.key} {part}: {said}")


def delta_highlights(hub: Hub) -> Validation:
    """Judge ``metrics_delta_highlights.txt`` and its preview: four lines each, in order, equal numbers."""
    names = hub.reports()
    details: dict[str, Any] = {
        "line_count": 0,
        "checked_models": [versus(arm) for arm in COMPARED_WITH],
        "missing_models": [],
        "missing_metrics": [],
        "mismatched_highlight_values": [],
        "missing_preview_values": [],
        "preview_phase_only": False,
        "preview_format_errors": [],
    }
    try:
        deltas = read_deltas(names.deltas)
    except ReportError as error:
        findings = [cannot_read(error)]
    else:
        findings = [*_of_highlights(hub, deltas, details), *_of_preview(hub, deltas, details)]
    path = hub.relative(names.delta_highlights)
    return Validation("Metrics delta highlights and preview", path, findings, details)


def _of_highlights(hub: Hub, deltas: Deltas, details: dict[str, Any]) -> list[Finding]:
    path = hub.reports().delta_highlights
    try:
        text = read_text(path, made_by=DELTA_HIGHLIGHTS.made_by)
    except ReportError as error:
        details["missing_models"] = details["checked_models"]
        details["missing_metrics"] = [line.key for line in DELTA_LINES]
        return [cannot_read(error)]
    differences = list(_differences(text, lambda line: line.highlight(deltas), PARTS))
    missing = [each.line for each in differences if each.line is not None and not each.values]
    details["line_count"] = len(text.splitlines())
    details["missing_models"] = list(dict.fromkeys(versus(line.arm) for line in missing))
    details["missing_metrics"] = [line.key for line in missing]
    details["mismatched_highlight_values"] = [
        {
            "model": versus(each.line.arm),
            "metric": each.line.measure.name,
            "part": part,
            "expected": expected,
            "found": found,
        }
        for each in differences
        if each.line is not None
        for part, (expected, found) in each.values.items()
    ]
    return [finding for each in differences for finding in each.findings(path)]


def _of_preview(hub: Hub, deltas: Deltas, details: dict[str, Any]) -> list[Finding]:
    path = hub.reports().delta_preview
    findings: list[Finding] = []
    differing: list[DeltaLine | None] = [*DELTA_LINES]
    try:
        text = read_text(path, made_by=DELTA_PREVIEW.made_by)
        differences = list(_differences(text, lambda line: line.preview(deltas), ("phase",)))
        differing = [each.line for each in differences]
        details["preview_format_errors"] = [
            f"line {each.number}: {each.reason}" for each in differences if not each.values
        ]
        findings += [finding for each in differences for finding in each.findings(path)]
        require_phase_only(text, label=str(path))
        details["preview_phase_only"] = True
    except ReportError as error:
        findings.append(cannot_read(error))
    details["missing_preview_values"] = [
        f"{line.key} phase {line.numbers(deltas)['phase']}" for line in differing if line is not None
    ]
    return findings


def _differences(
    text: str, render: Callable[[DeltaLine], str], parts: tuple[Part, ...]
) -> Iterator[_Difference]:
    pairs = zip_longest(DELTA_LINES, text.splitlines())
    for number, (line, found) in enumerate(pairs, start=1):
        expected = "" if line is None else render(line)
        if found != expected:
            yield _Difference(number, line, found or "", _values(expected, found or "", parts))


def _values(expected: str, found: str, parts: tuple[Part, ...]) -> dict[Part, tuple[str, str]]:
    """Pair the numbers that differ, by part; nothing where other words differ too."""
    pairs = list(zip(expected.split(), found.split(), strict=False))
    differing = {at - len(pairs): pair for at, pair in enumerate(pairs) if pair[0] != pair[1]}
    places = {at: part for at, part in _PLACES.items() if part in parts}
    same_words = len(expected.split()) == len(found.split()) and differing.keys() <= places.keys()
    return {places[at]: pair for at, pair in differing.items()} if same_words else {}


def ssim_grid(hub: Hub) -> Validation:
    """Judge ``ssim_grid_summary.md``: it confirms the preview, and says what the deltas say."""
    names = hub.reports()
    path, preview = names.ssim_grid, names.delta_preview
    confirmed = phase_only = False
    try:
        grid = read_text(path, made_by=SSIM_GRID.made_by)
        confirmed = any(preview.name in line and PHASE_ONLY in line for line in grid.splitlines())
        require_phase_only(grid, label=str(path))
        require_phase_only(read_text(preview, made_by=DELTA_PREVIEW.made_by), label=str(preview))
        phase_only = True
        findings = list(rendered_again(hub, SSIM_GRID)) if confirmed else [_unconfirmed(path)]
    except ReportError as error:
        findings = [cannot_read(error)]
    details = {"has_preview_metadata": confirmed, "preview_phase_only": phase_only}
    return Validation("SSIM grid summary (phase-only)", hub.relative(path), findings, details)


def _unconfirmed(path: Path) -> Finding:
    return Finding(
        "changed",
        f"{path}: preview metadata validation failed: no line says that the preview is {PHASE_ONLY} "
        f"(PREVIEW-PHASE-001); run {SSIM_GRID.made_by} again",
    )
