"""What a report rests on: one made of what does not hold would lend it credit."""

from __future__ import annotations

from ptycho_compare.checks.freshness import judge_in_place
from ptycho_compare.checks.study_reports import judge_summary
from ptycho_compare.errors import ReportError
from ptycho_compare.finding import Finding
from ptycho_compare.hub import Artifacts, Hub
from ptycho_compare.records.metrics_summary import read_summary


def judge_grounds(hub: Hub) -> list[Finding]:
    """Say what does not hold in the comparisons that a summary tells of, and in the summary.

    By records and digests alone: `summarize` has computed them again. Nothing is said of comparisons without
    a manifest, another program's, nor where there is no summary to read.
    """
    try:
        summary = read_summary(hub.reports().summary)
    except ReportError:
        return []  # which whoever needs it says
    findings: list[Finding] = []
    ours = False
    for job in summary.jobs:
        place = job.comparison
        if Artifacts(place.folder(hub)).manifest.exists():
            ours = True
            findings += judge_in_place(hub, place, required=summary.required_models, arrays=False)
    return [*findings, *judge_summary(hub)] if ours else []
