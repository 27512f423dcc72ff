"""The reports of a hub, each written under its own name; equal summaries give equal bytes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ptycho_compare.errors import ReportError
from ptycho_compare.hub import Hub
from ptycho_compare.records.arm_names import STUDY_ARMS
from ptycho_compare.records.comparison_list import JobList
from ptycho_compare.records.metrics_deltas import Deltas, deltas_of, read_deltas, write_deltas
from ptycho_compare.records.metrics_summary import MetricsSummary, read_summary, summarize, write_summary
from ptycho_compare.records.reading import read_text
from ptycho_compare.reporting.study.delta_lines import delta_highlights, delta_preview
from ptycho_compare.reporting.study.ssim_grid import require_phase_only, ssim_grid_markdown
from ptycho_compare.reporting.study.summary_text import summary_markdown
from ptycho_compare.storage.files import digest_of, write_text_atomic


def publish_summary(hub: Hub, listed: JobList, *, required: Sequence[str] = STUDY_ARMS) -> MetricsSummary:
    """Write ``metrics_summary.json`` and ``.md``; see `summarize` for arguments and errors."""
    summary = summarize(hub, listed, required=required)
    write_summary(hub.reports().summary, summary)
    write_text_atomic(hub.reports().summary_text, summary_markdown(summary))
    return summary


def digest_references(hub: Hub) -> list[str]:
    """Name the files that a digest points to."""
    names = hub.reports()
    return [hub.relative(path) for path in (names.summary, names.summary_text, names.report, names.deltas)]


def persist_deltas(hub: Hub) -> Deltas:
    """Write ``metrics_delta_summary.json`` and its two texts.

    The JSON keeps its time of writing for as long as the summary it was made from stays as it is.

    Raises
    ------
    ReportError
        There is no summary.
    """
    names = hub.reports()
    source, sha256 = hub.relative(names.summary), digest_of_summary(hub)
    deltas = deltas_of(read_summary(names.summary), source=source, source_sha256=sha256)
    try:
        there = read_deltas(names.deltas)
    except ReportError:
        there = None
    if there is None or there.model_copy(update={"generated_at": deltas.generated_at}) != deltas:
        write_deltas(names.deltas, deltas)
    else:
        deltas = there
    write_text_atomic(names.delta_highlights, delta_highlights(deltas))
    write_text_atomic(names.delta_preview, delta_preview(deltas))
    return deltas


def digest_of_summary(hub: Hub) -> str:
    """SHA-256 of ``metrics_summary.json``; empty where there is none."""
    path = hub.reports().summary
    return digest_of(path) if path.is_file() else ""


def publish_ssim_grid(hub: Hub, *, output: Path | None = None) -> Path:
    """Write ``ssim_grid_summary.md``, or the same under another name; returns where it is.

    Raises
    ------
    PreviewError
        The preview speaks of amplitudes.
    ReportError
        There are no deltas, or no preview.
    """
    names = hub.reports()
    deltas, preview = (
        read_deltas(names.deltas),
        read_text(names.delta_preview, made_by="ptycho-hub report"),
    )
    require_phase_only(preview, label=str(names.delta_preview))
    text = ssim_grid_markdown(
        deltas, source=hub.relative(names.deltas), preview=hub.relative(names.delta_preview)
    )
    path = names.ssim_grid if output is None else output
    write_text_atomic(path, text)
    return path
