"""``ssim_grid_summary.md``: the phase deltas as tables, with the word that the preview holds nothing else."""

from __future__ import annotations

from collections.abc import Mapping

from ptycho_compare.errors import ReportError
from ptycho_compare.records.arm_names import COMPARED_WITH
from ptycho_compare.records.measures import MEASURES, Measure
from ptycho_compare.records.metrics_deltas import Deltas, versus
from ptycho_compare.reporting.study.markdown import read_tables, table

FORBIDDEN = "amplitude"
"""What no phase-only text may speak of (PREVIEW-PHASE-001)."""

_CONFIRMED = "(phase-only)"


class PreviewError(ReportError):
    """The preview speaks of more than the phase."""


def require_phase_only(preview: str, *, label: str) -> None:
    """Refuse a preview that speaks of amplitudes.

    Raises
    ------
    PreviewError
        The message names the line.
    """
    for number, line in enumerate(preview.splitlines(), start=1):
        if FORBIDDEN in line.lower():
            raise PreviewError(
                f"{label}:{number}: a preview is phase only and speaks of the {FORBIDDEN} (PREVIEW-PHASE-001)"
            )


def ssim_grid_markdown(deltas: Deltas, *, source: str, preview: str) -> str:
    """Return the text of ``ssim_grid_summary.md``.

    Parameters
    ----------
    deltas : Deltas
    source, preview : str
        The files that hold the deltas and the preview, below the hub. The preview was found to be
        phase only.
    """
    lines = [
        "# SSIM Grid Summary (Phase-Only)",
        "",
        f"- Source: `{source}`",
        f"- Preview validated: `{preview}` {_CONFIRMED}",
        "",
    ]
    for measure in MEASURES:
        lines += [f"## {_heading(measure)}", "", f"_{measure.reading}_", ""]
        lines += table(
            ("Comparison", "Phase"),
            [(versus(arm), measure.delta_text(deltas.value(arm, measure, "phase"))) for arm in COMPARED_WITH],
        )
    return "\n".join(lines)


def confirms_preview(grid: str, *, preview_name: str) -> bool:
    """Whether a grid says that this preview was found to be phase only; PtychoPINN words it in two ways."""
    opening = _CONFIRMED.rstrip(")")
    return any(preview_name in line and opening in line for line in grid.splitlines())


def read_grid(grid: str) -> Mapping[tuple[str, Measure], str]:
    """Read the numbers of a grid, by arm and measure, as text; a row that is not there is left out."""
    tables = read_tables(grid)
    return {
        (arm, measure): cells[1]
        for measure in MEASURES
        for arm in COMPARED_WITH
        for cells in tables.get(_heading(measure), [])
        if len(cells) == 2 and cells[0] == versus(arm)
    }


def _heading(measure: Measure) -> str:
    return f"{measure.title} Deltas (Phase)"
