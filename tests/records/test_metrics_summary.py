"""The summary gathers all comparisons, or says which cell of whom keeps it from that."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from ptycho_compare.errors import ReportError, ResultsError
from ptycho_compare.hub import Hub
from ptycho_compare.records.comparison_list import jobs_of, jobs_with_evidence, read_job_list
from ptycho_compare.records.job_scores import BlankScoresError
from ptycho_compare.records.metrics_summary import MetricsSummary, read_summary, summarize
from ptycho_compare.reporting.study.write_reports import publish_summary
from ptycho_compare.study import Comparison
from reported import DOSE, SPLITS, VIEW, edit_cells, make_compared, table_of, write_list, write_metadata

COUNTS = '{"n_jobs": 1, "n_success": 1, "n_failed": 0, "jobs": []'
FULL = [Comparison(DOSE, VIEW, split, "full") for split in SPLITS]


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    return make_compared(tmp_path)


def summary_of(hub: Hub) -> MetricsSummary:
    return summarize(hub, read_job_list(hub.comparison_manifest()))


def test_the_contract_s_numbers(hub: Hub) -> None:
    publish_summary(hub, read_job_list(hub.comparison_manifest()))
    found = json.loads(hub.reports().summary.read_text())
    assert (found["n_jobs"], found["n_success"], found["n_failed"]) == (2, 2, 0)
    pinn, baseline = (found["aggregate_metrics"][arm] for arm in ("PtychoPINN", "Baseline"))
    assert pinn["ms_ssim"] == pytest.approx(
        {"mean_amplitude": 0.9475, "best_amplitude": 0.95, "mean_phase": 0.9175, "best_phase": 0.92}
    )
    assert pinn["mae"] == pytest.approx({"mean_amplitude": 0.026, "mean_phase": 0.036})
    assert baseline["ms_ssim"] == pytest.approx(
        {"mean_amplitude": 0.9275, "best_amplitude": 0.93, "mean_phase": 0.8975, "best_phase": 0.90}
    )
    assert baseline["mae"] == pytest.approx({"mean_amplitude": 0.031, "mean_phase": 0.041})
    first = found["jobs"][0]
    assert (first["dose"], first["view"], first["split"]) == (DOSE, VIEW, "train")
    assert {"model": "Baseline", "metric": "mae", "amplitude": 0.03, "phase": 0.04} in first["metrics"]
    assert {"model": "PtychoPINN", "metric": "computation_time_s", "value": 0.0} in first["metrics"]
    assert found["phase_c_metadata_compliance"]["dose_1000"]["test"] == {
        "npz_path": "data/phase_c/dose_1000/patched_test.npz",
        "has_metadata": True,
        "has_canonical_transform": True,
        "compliant": True,
        "error": "",
    }


def test_each_split_is_published_beside_the_average(hub: Hub) -> None:
    """Splits differ in size, and the average counts each once."""
    summary = summary_of(hub)
    assert list(summary.split_metrics) == ["train", "test"]
    assert summary.split_metrics["test"]["PtychoPINN"]["mae"]["mean_phase"] == pytest.approx(0.037)


def test_the_text_has_the_contract_s_parts(hub: Hub) -> None:
    edit_cells(table_of(hub, "test"), "PtyChi", "computation_time_s", ",,")
    publish_summary(hub, read_job_list(hub.comparison_manifest()))
    text = hub.reports().summary_text.read_text()
    for part in (
        "## Aggregate Metrics",
        "Summary statistics across all jobs per model",
        "### PtychoPINN",
        "**MS-SSIM:**",
        "**MAE:**",
        "| Mean | 0.026 | 0.036 |",
        "| Best | 0.930 | 0.900 |",
        "## Job: dense/train (dose=1000)",
        "| Baseline | mae | 0.0300 | 0.0400 |  |",
        "| PtyChi | computation_time_s |  |  |  |",  # blank, not N/A
        "## Phase C Metadata Compliance",
        "| dose_1000 | train | ✓ | ✓ | ✓ |",
    ):
        assert part in text
    assert "—" not in text
    assert "N/A" not in text


def test_equal_scores_give_equal_bytes(hub: Hub) -> None:
    def published() -> list[bytes]:
        publish_summary(hub, read_job_list(hub.comparison_manifest()))
        return [path.read_bytes() for path in (hub.reports().summary, hub.reports().summary_text)]

    assert published() == published()


def test_old_names_of_arms_are_one_with_the_new(hub: Hub) -> None:
    expected = summary_of(hub)
    for split in SPLITS:
        table = table_of(hub, split)
        table.write_text(
            table.read_text().replace("PtyChi,", "Pty-chi (pty-chi),").replace("Baseline,", "baseline,")
        )
    assert summary_of(hub).aggregate_metrics == expected.aggregate_metrics


def test_an_arm_of_the_user_s_is_listed(hub: Hub) -> None:
    for split in SPLITS:
        with table_of(hub, split).open("a") as stream:
            stream.write("unet,ms_ssim,0.5,0.6,\nunet,mae,0.1,,\n")
    summary = summary_of(hub)
    assert summary.arms == ["PtychoPINN", "Baseline", "PtyChi", "unet"]
    assert summary.aggregate_metrics["unet"]["mae"] == {
        "mean_amplitude": pytest.approx(0.1),
        "mean_phase": None,
    }


def test_an_average_over_some_comparisons_only_is_none(hub: Hub) -> None:
    """It would stand beside averages over all of them."""
    with table_of(hub, "train").open("a") as stream:
        stream.write("unet,ms_ssim,0.5,0.6,\n")
    summary = summary_of(hub)
    assert set(summary.aggregate_metrics["unet"]["ms_ssim"].values()) == {None}
    assert summary.split_metrics["train"]["unet"]["ms_ssim"]["best_phase"] == 0.6


@pytest.mark.parametrize("metric", ["mae", "mse", "psnr", "ssim", "ms_ssim"])
@pytest.mark.parametrize(
    ("cells", "found"),
    [
        (",0.5,", "amplitude is blank"),
        ("0.5,nan,", "phase is nan"),
        ("0.5,-inf,", "phase is -inf"),
        ("", "has no row"),
    ],
)
def test_a_blank_required_cell_stops_it_by_name(hub: Hub, metric: str, cells: str, found: str) -> None:
    edit_cells(table_of(hub, "test"), "Baseline", metric, cells)
    with pytest.raises(BlankScoresError) as caught:
        summary_of(hub)
    assert str(caught.value).startswith(f"dense/test (dose=1000): Baseline: {metric} {found}")
    (blank,) = caught.value.blanks
    assert (blank.job.split, blank.arm, blank.metric) == ("test", "Baseline", metric)


@pytest.mark.parametrize(
    ("metric", "cells"),
    [("ssim", "1.5,0.5,"), ("mae", "-0.1,0.2,"), ("mse", "inf,0.1,"), ("ms_ssim", "0,-2,")],
)
def test_an_impossible_score_counts_as_blank(hub: Hub, metric: str, cells: str) -> None:
    edit_cells(table_of(hub, "train"), "PtychoPINN", metric, cells)
    with pytest.raises(BlankScoresError, match=f"dense/train .*PtychoPINN: {metric} "):
        summary_of(hub)


def test_an_arm_of_zeros_is_no_arm(hub: Hub) -> None:
    """The failure this project was made for; one zero score is another thing, and a time of zero too."""
    edit_cells(table_of(hub, "train"), "Baseline", "ssim", "0.0,0.0,")
    assert summary_of(hub).n_success == 2
    for metric in ("mae", "mse", "psnr", "ssim", "ms_ssim"):
        edit_cells(table_of(hub, "train"), "Baseline", metric, "0.0,0.0,")
    with pytest.raises(BlankScoresError, match=r"dense/train .*Baseline: has zero for every score"):
        summary_of(hub)


def test_a_required_arm_that_is_not_in_a_table(hub: Hub) -> None:
    table = table_of(hub, "test")
    table.write_text("".join(line for line in table.open() if not line.startswith("PtyChi")))
    with pytest.raises(BlankScoresError, match=r"dense/test .*PtyChi: is not in the table"):
        summary_of(hub)
    listed = read_job_list(hub.comparison_manifest())
    assert summarize(hub, listed, required=("PtychoPINN", "Baseline")).n_jobs == 2


def test_a_score_that_cannot_exist_is_declared_and_null(hub: Hub) -> None:
    for split in SPLITS:
        table = table_of(hub, split)
        lines = table.read_text().splitlines()
        rows = [f"{line}," if not line.startswith("model") else f"{line},note" for line in lines]
        table.write_text("\n".join(rows))
        for arm in ("PtychoPINN", "Baseline", "PtyChi"):
            edit_cells(table, arm, "ms_ssim", ",0.9,,amplitude: no contrast in the truth")
    summary = summary_of(hub)
    assert summary.aggregate_metrics["Baseline"]["ms_ssim"]["mean_amplitude"] is None
    assert summary.aggregate_metrics["Baseline"]["ms_ssim"]["mean_phase"] == pytest.approx(0.9)


def test_equal_images_have_an_infinite_psnr_and_json_has_none(hub: Hub) -> None:
    edit_cells(table_of(hub, "train"), "PtyChi", "psnr", "inf,inf,")
    publish_summary(hub, read_job_list(hub.comparison_manifest()))
    scores = json.loads(hub.reports().summary.read_text())["jobs"][0]["metrics"]
    assert {"model": "PtyChi", "metric": "psnr", "amplitude": None, "phase": None} in scores


def test_a_study_without_a_truth_has_residuals(hub: Hub) -> None:
    for split in SPLITS:
        rows = [f"{arm},r_factor,,,0.1,none" for arm in ("PtychoPINN", "Baseline", "PtyChi")]
        table_of(hub, split).write_text("\n".join(["model,metric,amplitude,phase,value,reference", *rows]))
    assert summary_of(hub).aggregate_metrics["Baseline"]["ms_ssim"]["mean_phase"] is None
    edit_cells(table_of(hub, "train"), "Baseline", "r_factor", ",,,none")
    with pytest.raises(BlankScoresError, match="Baseline: r_factor value is blank"):
        summary_of(hub)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda hub: hub.comparison_manifest().unlink(), "comparison_manifest.json: not found"),
        (lambda hub: write_list(hub, failed=("test",)), r"dense/test \(dose=1000\) failed: no memory"),
        (lambda hub: write_list(hub, splits=()), "lists no comparison"),
        (lambda hub: table_of(hub, "train").unlink(), "train/comparison_metrics.csv: not found"),
        (lambda hub: table_of(hub, "train").write_text("model,metric\n"), "columns model, metric; needed"),
        (
            lambda hub: table_of(hub, "train").write_text("model,metric,amplitude,phase,value\n"),
            "has no rows",
        ),
        (lambda hub: set_in_list(hub, n_success=3), "states 2 jobs, 3 successful"),
        (lambda hub: set_in_list(hub, execution_results=[]), "lists 2, 0 and 0"),
        (lambda hub: set_in_list(hub, n_failed=None), "n_failed: Input should be a valid integer"),
    ],
)
def test_what_keeps_a_hub_from_being_summarized(
    hub: Hub, damage: Callable[[Hub], object], message: str
) -> None:
    damage(hub)
    with pytest.raises(ReportError, match=message):
        summary_of(hub)


def set_in_list(hub: Hub, **changes: object) -> None:
    path = hub.comparison_manifest()
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize("folder", ["/etc", "../other", "a\\b"])
def test_a_list_that_leads_out_of_the_hub_is_refused(hub: Hub, folder: str) -> None:
    entry = json.loads(hub.comparison_manifest().read_text())["jobs"][0]
    set_in_list(hub, jobs=[{**entry, "output_dir": folder}])
    with pytest.raises(ReportError, match="must be a POSIX path below the hub"):
        read_job_list(hub.comparison_manifest())


def test_comparisons_run_one_by_one_need_no_list(hub: Hub) -> None:
    expected = summary_of(hub)
    hub.comparison_manifest().unlink()
    assert summarize(hub, jobs_with_evidence(hub, FULL)) == expected
    table_of(hub, "test").unlink()
    with pytest.raises(ResultsError, match=r"dense/test \(dose=1000\) was not run"):
        summarize(hub, jobs_with_evidence(hub, FULL))


def test_every_split_of_the_study_must_be_listed(hub: Hub) -> None:
    write_list(hub, splits=("train",))
    with pytest.raises(ResultsError, match="does not list dose_1000-dense-test-full"):
        jobs_of(hub, FULL, asked=lambda place: True)
    alone = jobs_of(hub, FULL, asked=lambda place: place[2] == "train")
    assert [job.split for job in alone.jobs] == ["train"]
    # another view of the study has its own turn
    other = [*FULL, *(Comparison(DOSE, "sparse", split, "full") for split in SPLITS)]
    write_list(hub)
    assert len(jobs_of(hub, other, asked=lambda place: True).jobs) == 2


@pytest.mark.parametrize(
    ("write", "error"),
    [
        (lambda path: path.unlink(), "(?i)no such file"),
        (lambda path: write_metadata(path, tool=None), "^$"),
        (lambda path: write_metadata(path, tool="split_dataset_tool.py"), "^$"),
        (lambda path: path.write_bytes(b"no zip"), "zip"),
    ],
)
def test_phase_c_data_that_do_not_say_how_they_were_made(
    hub: Hub, write: Callable[[Path], object], error: str
) -> None:
    write(hub.patched(DOSE, "train"))
    found = summary_of(hub).phase_c_metadata_compliance["dose_1000"]["train"]
    assert not found.compliant
    assert re.search(error, found.error)
    assert str(hub.root) not in found.error


def test_metadata_as_ptychopinn_stores_them_are_read(hub: Hub) -> None:
    """A pickled object array; nothing in it is executed."""
    write_metadata(hub.patched(DOSE, "train"), tool="transpose_rename_convert.py", dtype=object)
    assert summary_of(hub).phase_c_metadata_compliance["dose_1000"]["train"].compliant


def test_a_summary_of_ptychopinn_s_own_is_read(hub: Hub) -> None:
    path = hub.reports().summary
    averages = {"ms_ssim": {"mean_amplitude": 0.9}, "mae": {"mean_phase": None}}
    path.write_text(
        json.dumps(
            {
                "n_jobs": 1,
                "n_success": 1,
                "n_failed": 0,
                "jobs": [],
                "aggregate_metrics": {"Pty-chi": averages},
            }
        )
    )
    assert read_summary(path).arms == ["PtyChi"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "Invalid JSON"),
        (f"{COUNTS}}}", "aggregate_metrics: Field required"),
        (
            f'{COUNTS}, "aggregate_metrics": {{"Baseline": {{"mae": {{"mean_phase": NaN}}}}}}}}',
            "finite number",
        ),
    ],
)
def test_a_damaged_summary_is_told_in_one_line(hub: Hub, text: str, message: str) -> None:
    path = hub.reports().summary
    path.write_text(text)
    with pytest.raises(ReportError, match=message) as caught:
        read_summary(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_summary_that_is_no_text(hub: Hub) -> None:
    hub.reports().summary.write_bytes(b"\xff\xfe")
    with pytest.raises(ReportError, match="cannot be read"):
        read_summary(hub.reports().summary)
