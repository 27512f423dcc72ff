"""What a person reads at the end of a comparison or of a pipeline, a line each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ptycho_compare.hub import Hub
from ptycho_compare.records.measures import REFERENCES
from ptycho_compare.records.tables.pairs_csv import DifferenceRow, difference_rows
from ptycho_compare.untrusted.regular import read_log

if TYPE_CHECKING:  # scoring loads scipy and scikit-image
    from ptycho_compare.scoring import Scorecard


def summary_lines(scorecard: Scorecard) -> Iterator[str]:
    """Say what the arms were compared with, who failed, and who cannot be told apart."""
    if scorecard.reference == "none":
        yield "no true object: arms are judged by their residual, their halves and their agreement"
    else:
        yield f"compared with {REFERENCES[scorecard.reference]}, on {int(scorecard.mask.sum())} pixels"
    for arm in scorecard.arms:
        if arm.status != "ok":
            yield f"{arm.arm}: {arm.status}: {arm.reason}"
        if arm.twin is not None:
            yield f"{arm.arm}: {arm.twin}"
        yield from (f"{arm.arm}: {text}" for text in arm.warnings)
    for pair in scorecard.agreements:
        if pair.reason:
            yield f"{pair.second} and {pair.first} were not compared: {pair.reason}"
        errors = [row.value for row in pair.metrics if row.name == "fienup"]
        yield from (f"{pair.second} and {pair.first} differ by {error:.4f} (Fienup)" for error in errors)
    yield from undecided_lines(difference_rows(scorecard.differences))


def undecided_lines(differences: Iterable[DifferenceRow]) -> Iterator[str]:
    """Say which two arms cannot be told apart, and by which numbers."""
    pairs: dict[tuple[str, str], list[DifferenceRow]] = defaultdict(list)
    for each in differences:
        if each.told_apart is not None:
            pairs[each.first, each.second].append(each)
    for (first, second), rows in pairs.items():
        alike = [_name(row) for row in rows if not row.told_apart]
        if len(alike) == len(rows):
            yield f"{first} and {second} cannot be told apart by any of {len(rows)} numbers"
        elif alike:
            yield (
                f"{first} and {second} cannot be told apart by {len(alike)} of {len(rows)} numbers: "
                f"{', '.join(alike)}"
            )


def _name(row: DifferenceRow) -> str:
    return row.metric if row.component == "value" else f"{row.metric} {row.component}"


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
