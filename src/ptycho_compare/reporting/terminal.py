"""What a person reads at the end of a comparison or of a pipeline, a line each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ptycho_compare.hub import Hub
from ptycho_compare.untrusted.regular import read_log

if TYPE_CHECKING:  # scoring loads scipy and scikit-image
    from ptycho_compare.scoring.scorecard import Scorecard


def summary_lines(scorecard: Scorecard) -> Iterator[str]:
    """Say what the scoreboard does not: twins, warnings, and how the arms agree without a true object."""
    for arm in scorecard.arms:
        if arm.twin is not None:
            yield f"{arm.arm}: {arm.twin}"
        verdicts = set(map(str, arm.verdicts))  # which the scoreboard says
        yield from (f"{arm.arm}: {text}" for text in arm.warnings if text not in verdicts)
    for pair in scorecard.agreements:
        if pair.reason:
            yield f"{pair.second} and {pair.first} were not compared: {pair.reason}"
        errors = [row.value for row in pair.metrics if row.name == "fienup"]
        yield from (f"{pair.second} and {pair.first} differ by {error:.4f} (Fienup)" for error in errors)


def closing_lines(hub: Hub) -> Iterator[str]:
    """Yield what the pipeline says last; a file that is not there is left out.

    The words are those of PtychoPINN's orchestrator. Paths are below the hub, whose own is absolute.
    """
    names = hub.reports()
    for title, path in (
        ("Aggregate highlights preview", names.highlights),
        ("Key Metrics Deltas", names.delta_highlights),
    ):
        if path.is_file():
            yield from (title, *read_log(path).splitlines(), "")
    yield f"Artifacts saved to: {hub.root}"
    for title, path in _places(hub):
        if path.exists():
            yield f"{title}: {hub.relative(path)}"


def _places(hub: Hub) -> Iterator[tuple[str, Path]]:
    names = hub.reports()
    yield "CLI logs", hub.step_log("any").parent
    yield "Analysis outputs", names.folder
    yield "Aggregate report", names.report
    yield "Aggregate report log", hub.step_log("aggregate_report_cli")
    yield "Aggregate highlights", names.highlights
    yield "Metrics digest", names.digest
    yield "Metrics digest log", hub.step_log("metrics_digest_cli")
    yield "Delta summary", names.deltas
    yield "Delta highlights", names.delta_highlights
    yield "Delta highlights preview", names.delta_preview
    yield "SSIM Grid Summary (phase-only)", names.ssim_grid
    yield "SSIM Grid log", hub.step_log("ssim_grid_cli")
    yield "Artifact inventory", names.inventory
    yield "Verification report", names.verification
    yield "Verification log", names.verification_log
    yield "Highlights check log", names.check_log
