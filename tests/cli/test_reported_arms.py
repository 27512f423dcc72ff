"""Reports call an arm what its study does; only tables of PtychoPINN's own call the three otherwise."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ptycho_compare.checks.study_reports import judge_summary
from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.hub import Artifacts, Hub
from ptycho_compare.records.job_scores import RANGES
from ptycho_compare.records.tables.pairs_csv import write_differences_csv
from ptycho_compare.reporting.study.markdown import UNDECIDED
from ptycho_compare.scoring.metrics.estimate import Interval
from ptycho_compare.scoring.metrics.metric import Difference
from reported import DOSE, SPLITS, edit_cells, make_compared, read_tables, table_of

SANITY = "MS-SSIM Sanity Check"


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    return make_compared(tmp_path)


def call(hub: Hub, split: str, **names: str) -> None:
    """Make the table one of ours, whose arms are called otherwise; without a name an arm is left out."""
    table = table_of(hub, split)
    head, *lines = table.read_text().splitlines()
    rows = [line.split(",") for line in lines]
    kept = [[names.get(arm, arm), *cells, "ok"] for arm, *cells in rows if names.get(arm, arm)]
    table.write_text("\n".join([f"{head},status", *map(",".join, kept), ""]))


def require(hub: Hub, *arms: str) -> None:
    hub.study().write_text(
        f'name = "lab"\ndoses = [{DOSE}]\nviews = ["dense"]\nsplits = ["train", "test"]\n'
        f"[tiers.full]\nrequired_arms = {json.dumps(arms)}\n"
    )


def run(hub: Hub, *commands: str) -> int:
    return max(main([command, "--hub", str(hub.root)]) for command in commands)


def test_a_lab_s_arm_is_never_averaged_with_another(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the test split PtyChi has no scores, and PtyChi_long has."""
    with table_of(hub, "train").open("a") as stream:
        stream.writelines(f"PtyChi_long,{name},0.5,0.25,\n" for name in RANGES)
    call(hub, "train")
    call(hub, "test", PtyChi="PtyChi_long")
    require(hub, "PtychoPINN", "PtyChi_long")
    edit_cells(table_of(hub, "test"), "PtyChi_long", "ms_ssim", "0.75,0.75,,ok")
    assert run(hub, "summarize", "report") == 0, capsys.readouterr().err
    rows = read_tables(hub.reports().report.read_text())[SANITY]
    assert ["PtyChi", "N/A", "N/A", "MISSING"] in rows
    assert ["PtyChi_long", "0.625", "0.500", "LOW (amp, phase)"] in rows
    why = "Not in {} of {} comparisons, and so without an average over all."
    summary = hub.reports().summary_text.read_text()
    assert f"### PtyChi\n\n{why.format(1, 2)}\n" in summary.partition("## Split: train")[0]
    assert f"### PtyChi\n\n{why.format(1, 1)}\n" not in summary
    assert summary.count("Not in ") == 1


def test_a_required_arm_whose_name_begins_like_one_of_the_three(hub: Hub) -> None:
    for split in SPLITS:
        call(hub, split, Baseline="BaselineUNet", PtychoPINN="")
    require(hub, "BaselineUNet", "PtyChi")
    assert run(hub, "summarize", "report", "digest") == 0
    assert not list(hub.root.glob("red/*"))


def test_two_arms_of_a_lab_s_whose_names_are_alike(hub: Hub) -> None:
    for split in SPLITS:
        call(hub, split, Baseline="PtyChi_long", PtyChi="PtyChi_short")
        drawn = Difference("PtyChi_long", "PtyChi_short", "ms_ssim", "phase", 0.02, Interval(-0.01, 0.05))
        write_differences_csv(Artifacts(table_of(hub, split).parent).differences, (drawn,))
    require(hub, "PtychoPINN", "PtyChi_long", "PtyChi_short")
    assert run(hub, "summarize", "report", "digest") == 0
    text = hub.reports().report.read_text()
    assert [row[0] for row in read_tables(text)[SANITY]] == ["PtychoPINN", "PtyChi_long", "PtyChi_short"]
    assert [row[3:5] for row in read_tables(text)[UNDECIDED]] == [["PtyChi_long", "PtyChi_short"]] * 2
    assert judge_summary(hub) == []


def test_the_last_line_says_what_is_blank(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    """A run tells the last line of a step as its reason, and has a note of its own."""
    edit_cells(table_of(hub, "test"), "Baseline", "ms_ssim", "0.5,,")
    assert run(hub, "summarize") == 1
    note, *blank = capsys.readouterr().err.splitlines()
    assert note.startswith("note: red/blocked_")
    assert blank == ["blank: arm Baseline: dense/test (dose=1000): Baseline: ms_ssim phase is blank"]
