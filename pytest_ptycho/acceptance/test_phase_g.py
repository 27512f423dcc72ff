"""Phase G, reports: what was written about the comparisons is what their tables say."""

import pytest

from ptycho_compare.hub import Hub
from ptycho_compare.study import Study
from pytest_ptycho.cases import DoseAndView
from pytest_ptycho.marks import marks

pytestmark = marks("acceptance", "phase_g")


def test_the_list_holds_every_comparison_and_all_succeeded(
    hub: Hub, study: Study, counted_run: DoseAndView
) -> None:
    """One list per hub; a comparison whose evidence does not hold counts as failed in it."""
    from ptycho_compare.checks.study_reports import comparison_list

    places = [(*counted_run, split, cell) for split in study.splits for cell in study.cells()]
    assert comparison_list(hub, places).findings == []


def test_the_summary_says_what_the_tables_say(hub: Hub, study: Study, counted_run: DoseAndView) -> None:
    """Number by number, with no score of a required arm blank; and its text says the same."""
    from ptycho_compare.checks.study_reports import summary_json, summary_text

    places = [(*counted_run, split, cell) for split in study.splits for cell in study.cells()]
    assert [*summary_json(hub, places).findings, *summary_text(hub).findings] == []


@pytest.mark.usefixtures("counted_run")
def test_the_report_and_the_digest_tell_the_summary(hub: Hub) -> None:
    """Line by line: averages, sanity check, differences, highlights."""
    from ptycho_compare.checks.study_reports import aggregate_highlights, metrics_digest

    assert [*aggregate_highlights(hub).findings, *metrics_digest(hub).findings] == []


@pytest.mark.usefixtures("counted_run")
def test_the_deltas_are_told_alike_everywhere(hub: Hub) -> None:
    """In JSON, highlights, preview and grid; the last two speak of the phase only."""
    from ptycho_compare.checks.highlights import check_highlights
    from ptycho_compare.checks.study_reports import delta_summary

    assert [*delta_summary(hub).findings, *check_highlights(hub)] == []


def test_every_phase_left_its_log(hub: Hub, study: Study, counted_run: DoseAndView) -> None:
    """And a record that vouches for its files."""
    from ptycho_compare.checks.pipeline_logs import cli_logs

    assert cli_logs(hub, *counted_run, study.splits, study=study).findings == []
