"""What a run says at its end: the main numbers, and where everything lies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ptycho_compare.hub import Hub


def closing_lines(hub: Hub) -> Iterator[str]:
    """Yield the lines; a file that is not there is left out.

    The words are those of PtychoPINN's orchestrator. Paths are below the hub, whose own is absolute.

    Parameters
    ----------
    hub : Hub
    """
    names = hub.reports()
    for title, path in (
        ("Aggregate highlights preview", names.highlights),
        ("Key Metrics Deltas", names.delta_highlights),
    ):
        if path.is_file():
            yield from (title, *path.read_text(encoding="utf-8").splitlines(), "")
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
