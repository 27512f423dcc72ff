"""The deltas as texts: ``metrics_delta_highlights.txt``, its preview, and ``ssim_grid_summary.md``."""

from __future__ import annotations

from dataclasses import dataclass

from ptycho_compare.errors import ReportError
from ptycho_compare.records.arm_names import COMPARED_WITH
from ptycho_compare.records.measures import MEASURES, PARTS, Measure, Part
from ptycho_compare.records.metrics_deltas import Deltas, versus
from ptycho_compare.reporting.study.markdown import table
from ptycho_compare.study import PTYCHOPINN

PHASE_ONLY = "(phase-only)"
"""Words with which the grid confirms the preview."""

_LABEL_WIDTH = 35
"""Of the label before the colon, so that the colons stand below one another."""

_FORBIDDEN = "amplitude"


class PreviewError(ReportError):
    """The preview speaks of more than the phase."""


@dataclass(frozen=True)
class DeltaLine:
    """One line of a text: PtychoPINN minus `arm`, by one measure."""

    arm: str
    measure: Measure

    @property
    def label(self) -> str:
        """Beginning of the line."""
        return f"{self.measure.title} Δ ({PTYCHOPINN} - {self.arm})"

    @property
    def key(self) -> str:
        """Where the numbers lie in ``metrics_delta_summary.json``."""
        return f"{versus(self.arm)}.{self.measure.name}"

    def numbers(self, deltas: Deltas) -> dict[Part, str]:
        """Return the numbers as text, by part."""
        return {part: self.measure.delta_text(deltas.value(self.arm, self.measure, part)) for part in PARTS}

    def highlight(self, deltas: Deltas) -> str:
        """Return the line with amplitude and phase."""
        numbers = "  ".join(f"{part} {text}" for part, text in self.numbers(deltas).items())
        return f"{self.label:<{_LABEL_WIDTH}}: {numbers}"

    def preview(self, deltas: Deltas) -> str:
        """Return the line with the phase alone."""
        return f"{self.label}: {self.numbers(deltas)['phase']}"


DELTA_LINES = tuple(DeltaLine(arm, measure) for measure in MEASURES for arm in COMPARED_WITH)
"""All lines, in their order."""


def delta_highlights(deltas: Deltas) -> str:
    """Return the text of ``metrics_delta_highlights.txt``: amplitude and phase, colons aligned."""
    return "\n".join([*(line.highlight(deltas) for line in DELTA_LINES), ""])


def delta_preview(deltas: Deltas) -> str:
    """Return the text of ``metrics_delta_highlights_preview.txt``: phase only (PREVIEW-PHASE-001)."""
    return "\n".join([*(line.preview(deltas) for line in DELTA_LINES), ""])


def ssim_grid_markdown(deltas: Deltas, *, source: str, preview: str) -> str:
    """Return the text of ``ssim_grid_summary.md``.

    Parameters
    ----------
    source, preview : str
        The files that hold the deltas and the preview, below the hub. The preview was found to be
        phase only.
    """
    lines = [
        "# SSIM Grid Summary (Phase-Only)",
        "",
        f"- Source: `{source}`",
        f"- Preview validated: `{preview}` {PHASE_ONLY}",
        "",
    ]
    for measure in MEASURES:
        lines += [f"## {measure.title} Deltas (Phase)", "", f"_{measure.reading}_", ""]
        lines += table(
            ("Comparison", "Phase"),
            [(versus(arm), measure.delta_text(deltas.value(arm, measure, "phase"))) for arm in COMPARED_WITH],
        )
    return "\n".join(lines)


def require_phase_only(preview: str, *, label: str) -> None:
    """Refuse a text that speaks of amplitudes: PreviewError, whose message names the line."""
    for number, line in enumerate(preview.splitlines(), start=1):
        if _FORBIDDEN in line.lower():
            raise PreviewError(
                f"{label}:{number}: a preview is phase only and speaks of the {_FORBIDDEN} "
                "(PREVIEW-PHASE-001)"
            )
