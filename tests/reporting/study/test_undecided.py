"""What two arms cannot be told apart by is said wherever their scores are: in the summary and the report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ptycho_compare.checks.study_reports import judge_summary
from ptycho_compare.errors import InputError
from ptycho_compare.hub import Artifacts, Hub
from ptycho_compare.records.comparison_list import read_job_list
from ptycho_compare.records.metrics_summary import MetricsSummary, read_summary
from ptycho_compare.records.tables.pairs_csv import read_undecided, write_differences_csv
from ptycho_compare.reporting.study.markdown import UNDECIDED
from ptycho_compare.reporting.study.report import report_markdown
from ptycho_compare.reporting.study.summary_text import summary_markdown
from ptycho_compare.reporting.study.write_reports import publish_summary
from ptycho_compare.scoring.metrics.estimate import Interval
from ptycho_compare.scoring.metrics.metric import Difference
from reported import edit_cells, make_compared, read_tables, table_of

NONE = "Not known: there are no intervals."


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    return make_compared(tmp_path)


def differences(hub: Hub, split: str) -> Path:
    return Artifacts(table_of(hub, split).parent).differences


def write(hub: Hub, split: str) -> None:
    """Of four numbers, one tells the arms apart, two do not, one has no interval."""
    write_differences_csv(
        differences(hub, split),
        (
            Difference("PtychoPINN", "Baseline", "mae", "phase", -0.5, Interval(-0.75, -0.25)),
            Difference("PtychoPINN", "Baseline", "ms_ssim", "phase", 0.02, Interval(-0.01, 0.05)),
            Difference("PtychoPINN", "PtyChi", "fienup", "value", -0.125, Interval(-0.5, 0.5)),
            Difference("PtychoPINN", "PtyChi", "mse", "phase", 0.25, None),
        ),
    )


def published(hub: Hub) -> MetricsSummary:
    publish_summary(hub, read_job_list(hub.comparison_manifest()))
    return read_summary(hub.reports().summary)


def section(text: str) -> str:
    (found,) = text.split(f"## {UNDECIDED}\n")[1:]
    return found.split("\n## ")[0]


def test_pairs_that_cannot_be_told_apart_are_listed(hub: Hub) -> None:
    write(hub, "train")
    write(hub, "test")
    summary = published(hub)
    ours = [["ms_ssim", "phase", "PtychoPINN", "Baseline", "+0.020000"]]
    both = [*ours, ["fienup", "value", "PtychoPINN", "PtyChi", "-0.125000"]]
    places = ("dense/train (dose=1000)", "dense/test (dose=1000)")
    assert read_tables(summary_markdown(summary))[UNDECIDED] == [[at, *row] for at in places for row in both]
    # the report tells of those scores only that it speaks of
    assert read_tables(report_markdown(summary))[UNDECIDED] == [[at, *row] for at in places for row in ours]
    job = json.loads(hub.reports().summary.read_text())["jobs"][0]
    assert [each["metric"] for each in job["undecided"]] == ["ms_ssim", "fienup"]


def test_where_all_are_told_apart_there_are_none(hub: Hub) -> None:
    for split in ("train", "test"):
        apart = Difference("PtychoPINN", "Baseline", "mae", "phase", -0.5, Interval(-0.75, -0.25))
        write_differences_csv(differences(hub, split), (apart,))
    assert section(report_markdown(published(hub))).rstrip().endswith("\n\nNone.")


def test_without_intervals_nothing_is_known(hub: Hub) -> None:
    summary = published(hub)
    assert summary.jobs[0].undecided is None
    for text in (summary_markdown(summary), report_markdown(summary)):
        assert NONE in section(text)
    write(hub, "test")
    assert "Not known of dense/train (dose=1000): there are no intervals." in section(
        report_markdown(published(hub))
    )
    # a summary of PtychoPINN's own lists no such thing
    assert NONE in section(report_markdown(summary.model_copy(update={"jobs": ()})))


def test_an_infinite_difference_is_null(hub: Hub) -> None:
    """Of two PSNRs, one of equal images."""
    path = differences(hub, "train")
    path.write_text("first,second,metric,component,difference,low,high,told_apart\nA,B,psnr,phase,inf,,,no\n")
    (found,) = read_undecided(path) or ()
    assert found.difference is None


def test_a_damaged_table_of_differences_is_bad_input(hub: Hub) -> None:
    differences(hub, "train").write_text("first,second\n")
    with pytest.raises(InputError, match=r"comparison_differences.csv: columns first, second; needed"):
        published(hub)


def test_a_pair_that_was_changed_afterwards_is_found(hub: Hub) -> None:
    write(hub, "train")
    published(hub)
    assert judge_summary(hub) == []
    path = differences(hub, "train")
    path.write_text(path.read_text().replace(",no\n", ",yes\n", 1))
    (finding,) = judge_summary(hub)
    assert "jobs.0.undecided is" in finding.text
    assert "run ptycho-hub summarize again" in finding.text


def test_scores_are_told_with_their_intervals(hub: Hub) -> None:
    table = table_of(hub, "train")
    lines = table.read_text().splitlines()
    ends = "amplitude_low,amplitude_high,phase_low,phase_high,value_low,value_high"
    table.write_text("\n".join([f"{lines[0]},{ends}", *(f"{line},,,,,," for line in lines[1:]), ""]))
    edit_cells(table, "Baseline", "mae", "0.030,0.040,,0.02,0.05,,,,")
    summary = published(hub)
    assert "| Baseline | mae | 0.0300 [0.0200, 0.0500] | 0.0400 |  |" in summary_markdown(summary)
    scores = json.loads(hub.reports().summary.read_text())["jobs"][0]["metrics"]
    (mae,) = [each for each in scores if (each["model"], each["metric"]) == ("Baseline", "mae")]
    assert mae == {
        "model": "Baseline",
        "metric": "mae",
        "amplitude": 0.03,
        "phase": 0.04,
        "intervals": {"amplitude": [0.02, 0.05]},
    }
    assert judge_summary(hub) == []
