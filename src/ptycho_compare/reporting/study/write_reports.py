"""The reports of a hub: each file with what renders it. Equal summaries give equal bytes.

Each is rendered from files that were written before it, so that whoever checks one renders it again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ptycho_compare.errors import ReportError
from ptycho_compare.hub import Hub, ReportFiles
from ptycho_compare.records.arm_names import STUDY_ARMS
from ptycho_compare.records.comparison_list import JobList
from ptycho_compare.records.metrics_deltas import Deltas, deltas_of, read_deltas
from ptycho_compare.records.metrics_summary import MetricsSummary, read_summary, summarize
from ptycho_compare.records.reading import read_text
from ptycho_compare.reporting.study import deltas as delta_texts
from ptycho_compare.reporting.study.report import (
    digest_markdown,
    highlights_text,
    report_markdown,
    threshold_in,
)
from ptycho_compare.reporting.study.summary_text import summary_markdown
from ptycho_compare.storage.files import digest_of, write_text_atomic


@dataclass(frozen=True)
class StudyReport:
    """A text over all comparisons.

    Attributes
    ----------
    file : callable
        Chooses it among the hub's reports.
    render : callable
        Returns its text for a hub; ReportError where what it is made of is missing or damaged.
    made_by : str
        Command that writes it.
    """

    file: Callable[[ReportFiles], Path]
    render: Callable[[Hub], str]
    made_by: str

    def write(self, hub: Hub, *, output: Path | None = None) -> Path:
        """Render and write it, or the same under another name; returns where it is."""
        path = self.file(hub.reports()) if output is None else output
        write_text_atomic(path, self.render(hub))
        return path


def _summary(hub: Hub) -> MetricsSummary:
    return read_summary(hub.reports().summary)


def _highlights(hub: Hub) -> str:
    return read_text(hub.reports().highlights, made_by="ptycho-hub report")


def _digest(hub: Hub) -> str:
    return digest_markdown(_summary(hub), _highlights(hub), references=digest_references(hub))


def _grid(hub: Hub) -> str:
    names = hub.reports()
    deltas = read_deltas(names.deltas)
    preview = read_text(names.delta_preview, made_by="ptycho-hub report")
    delta_texts.require_phase_only(preview, label=str(names.delta_preview))
    source, preview_name = hub.relative(names.deltas), hub.relative(names.delta_preview)
    return delta_texts.ssim_grid_markdown(deltas, source=source, preview=preview_name)


STUDY_REPORTS = (
    SUMMARY_TEXT := StudyReport(
        lambda names: names.summary_text,
        lambda hub: summary_markdown(_summary(hub)),
        "ptycho-hub summarize",
    ),
    HIGHLIGHTS := StudyReport(
        lambda names: names.highlights,
        lambda hub: highlights_text(_summary(hub), threshold=threshold_in(_highlights(hub))),
        "ptycho-hub report",
    ),
    REPORT := StudyReport(
        lambda names: names.report,
        lambda hub: report_markdown(_summary(hub), threshold=threshold_in(_highlights(hub))),
        "ptycho-hub report",
    ),
    DELTA_HIGHLIGHTS := StudyReport(
        lambda names: names.delta_highlights,
        lambda hub: delta_texts.delta_highlights(read_deltas(hub.reports().deltas)),
        "ptycho-hub report",
    ),
    DELTA_PREVIEW := StudyReport(
        lambda names: names.delta_preview,
        lambda hub: delta_texts.delta_preview(read_deltas(hub.reports().deltas)),
        "ptycho-hub report",
    ),
    DIGEST := StudyReport(lambda names: names.digest, _digest, "ptycho-hub digest"),
    SSIM_GRID := StudyReport(lambda names: names.ssim_grid, _grid, "ptycho-hub ssim-grid"),
)
"""All of them, in the order in which they are written."""


def publish_summary(hub: Hub, listed: JobList, *, required: Sequence[str] = STUDY_ARMS) -> MetricsSummary:
    """Write ``metrics_summary.json`` and ``.md``; see `summarize` for arguments and errors."""
    summary = summarize(hub, listed, required=required)
    summary.write(hub.reports().summary)
    SUMMARY_TEXT.write(hub)
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
        deltas.write(names.deltas)
    DELTA_HIGHLIGHTS.write(hub)
    DELTA_PREVIEW.write(hub)
    return read_deltas(names.deltas)


def digest_of_summary(hub: Hub) -> str:
    """SHA-256 of ``metrics_summary.json``; empty where there is none."""
    path = hub.reports().summary
    return digest_of(path) if path.is_file() else ""
