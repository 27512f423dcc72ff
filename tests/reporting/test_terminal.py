"""A run ends by telling where everything lies, in the words that readers of its output look for."""

from __future__ import annotations

from pathlib import Path

from ptycho_compare.checks.highlights import check_highlights, write_check
from ptycho_compare.checks.verification import verify, write_verification
from ptycho_compare.reporting.terminal import closing_lines
from reported import DOSE, SPLITS, VIEW, make_compared, report_all, write_logs

PLACES = """\
CLI logs: cli
Analysis outputs: analysis
Aggregate report: analysis/aggregate_report.md
Aggregate report log: cli/aggregate_report_cli.log
Aggregate highlights: analysis/aggregate_highlights.txt
Metrics digest: analysis/metrics_digest.md
Metrics digest log: cli/metrics_digest_cli.log
Delta summary: analysis/metrics_delta_summary.json
Delta highlights: analysis/metrics_delta_highlights.txt
Delta highlights preview: analysis/metrics_delta_highlights_preview.txt
SSIM Grid Summary (phase-only): analysis/ssim_grid_summary.md
SSIM Grid log: cli/ssim_grid_cli.log
Artifact inventory: analysis/artifact_inventory.txt
Verification report: analysis/verification_report.json
Verification log: analysis/verify_dense_stdout.log
Highlights check log: analysis/check_dense_highlights.log
"""


def test_the_contract_s_closing_lines(tmp_path: Path) -> None:
    """study_contract.md 4.2: the hub's own path is absolute, all others are below it."""
    hub = make_compared(tmp_path)
    write_logs(hub)
    report_all(hub)
    write_verification(hub, verify(hub, DOSE, VIEW, SPLITS))
    write_check(hub, check_highlights(hub))
    lines = list(closing_lines(hub))
    at = lines.index(f"Artifacts saved to: {tmp_path}")
    assert lines[at + 1 :] == PLACES.splitlines()
    highlights = hub.reports().highlights.read_text().splitlines()
    assert lines[: len(highlights) + 2] == ["Aggregate highlights preview", *highlights, ""]
    deltas = hub.reports().delta_highlights.read_text().splitlines()
    assert lines[len(highlights) + 2 : at] == ["Key Metrics Deltas", *deltas, ""]


def test_what_is_not_there_is_not_promised(tmp_path: Path) -> None:
    """A run that skipped the verification, and one that only compared."""
    hub = make_compared(tmp_path)
    assert list(closing_lines(hub)) == [f"Artifacts saved to: {tmp_path}", "Analysis outputs: analysis"]
    report_all(hub)
    assert not [line for line in closing_lines(hub) if line.startswith(("Verification", "CLI logs"))]
