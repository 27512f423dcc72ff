"""Verification finds whatever does not hold in a hub's reports, and names it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from processes import ROOT
from ptycho_compare.checks.check import Validation
from ptycho_compare.checks.highlights import CONFIRMED, check_highlights
from ptycho_compare.checks.leaks import LEAKS
from ptycho_compare.checks.listing import (
    BESIDE,
    IMAGES_OF_THEIR_OWN,
    NOBODY_LEFT,
    RESCORED_SCORES,
    STEPS,
    checks_of,
)
from ptycho_compare.checks.remade import rendered_again
from ptycho_compare.checks.study_reports import judge_summary
from ptycho_compare.checks.verification import verify, write_verification
from ptycho_compare.finding import Finding
from ptycho_compare.hub import Hub, ReportFiles
from ptycho_compare.records.inventory import take_inventory, write_inventory
from ptycho_compare.reporting.study.write_reports import STUDY_REPORTS, StudyReport
from ptycho_compare.storage.files import sha256_of
from ptycho_compare.study import load_study
from ptycho_compare.study.steps import making_steps
from reported import (
    DOSE,
    SPLITS,
    VIEW,
    copy_of,
    edit_cells,
    make_compared,
    report_all,
    table_of,
    write_list,
    write_logs,
    write_metadata,
)

ROWS = [
    "comparison manifest",
    "metrics summary JSON",
    "metrics summary markdown",
    "aggregate report and aggregate highlights",
    "metrics digest",
    "Phase C metadata compliance",
    "metrics delta summary",
    "Metrics delta highlights and preview",
    "SSIM grid summary (phase-only)",
    "CLI orchestrator logs",
    RESCORED_SCORES,
    "artifact inventory",
]
PHASES = [
    "Phase C data",
    "Phase D files",
    "Phase D overlap view",
    IMAGES_OF_THEIR_OWN,
    "Phase E networks",
    "Phase F reconstructions",
    "comparison train",
    "canvases train",
    "comparison test",
    "canvases test",
]
SUMMARY, DELTAS, TEXTS, GRID, LOGS, INVENTORY = (ROWS[index] for index in (1, 6, 7, 8, 9, -1))
Damage = Callable[[Hub], object]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Hub:
    """A hub in which all of it holds; no test may damage it."""
    hub = make_compared(tmp_path_factory.mktemp("reported"))
    write_logs(hub)
    return report_all(hub)


@pytest.fixture
def hub(whole: Hub, tmp_path: Path) -> Hub:
    return copy_of(whole, tmp_path / "hub")


def reports_of(hub: Hub) -> list[Validation]:
    listed = checks_of(hub, [DOSE], [VIEW], SPLITS, None)
    return [check.look() for check in listed if check.concerns == "reports"]


def findings(hub: Hub) -> list[Finding]:
    return [finding for each in reports_of(hub) for finding in each.findings]


def row(hub: Hub, description: str) -> Validation:
    (found,) = [each for each in reports_of(hub) if each.description == description]
    return found


def replace_in(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def edit_json(path: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


def test_a_whole_hub_is_valid_in_all_of_its_checks(whole: Hub) -> None:
    assert findings(whole) == []
    assert [each.description for each in reports_of(whole)] == ROWS
    assert all(each.to_json()["error"] is None for each in reports_of(whole))


@pytest.mark.parametrize("report", STUDY_REPORTS, ids=lambda each: each.file(ReportFiles(Path())).name)
def test_every_report_of_the_table_is_rendered_again_as_it_lies_there(hub: Hub, report: StudyReport) -> None:
    path = report.file(hub.reports())
    assert report.render(hub) == path.read_text()
    assert list(rendered_again(hub, report)) == []
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:-1], f"{lines[-1]}!"]))
    (finding,) = rendered_again(hub, report)
    assert finding.text.startswith(f"{path}:{len(lines)}: mismatch: says ")
    assert finding.text.endswith(f"run {report.made_by} again")


def test_reports_without_evidence_behind_them_are_not_enough(whole: Hub, tmp_path: Path) -> None:
    """Tables that nobody can trace: all rows are valid, and those of the phases are not."""
    verification = verify(whole, DOSE, VIEW, SPLITS)
    report = verification.to_json()
    last = [LEAKS, STEPS, BESIDE, NOBODY_LEFT]
    assert [each["description"] for each in report["validations"]] == [*PHASES, *ROWS, *last]
    assert (report["all_valid"], report["n_checks"], report["n_valid"]) == (False, 26, 18)
    assert [each.description for each in verification.validations if not each.valid] == [
        each for each in PHASES if each not in ("Phase D overlap view", IMAGES_OF_THEIR_OWN)
    ]
    assert report["validations"][2]["study"] is None
    assert str(whole.root) not in json.dumps(report)


def test_an_empty_hub_is_judged_by_the_same_checks(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    hub = Hub(tmp_path)
    verification = verify(hub, DOSE, VIEW, SPLITS, study=load_study(ROOT / "acceptance" / "study.toml"))
    last = [LEAKS, STEPS, BESIDE, NOBODY_LEFT]
    assert [each.description for each in verification.validations] == [*PHASES, *ROWS, *last]
    assert [each.description for each in verification.validations if each.valid] == [
        IMAGES_OF_THEIR_OWN,
        RESCORED_SCORES,
        *last,
    ]
    assert verification.lines()[-1] == "6 of 26 checks are valid"
    write_verification(hub, verification)
    assert json.loads((tmp_path / "analysis/verification_report.json").read_text())["n_invalid"] == 20


DAMAGES: list[tuple[str, Damage, list[str], str]] = [
    ("failed comparison", lambda hub: write_list(hub, failed=("test",)), ROWS[:2], "no memory"),
    (
        "comparison not listed",
        lambda hub: write_list(hub, splits=("train",)),
        [ROWS[0], SUMMARY],
        "dense/test",
    ),
    (
        "count",
        lambda hub: edit_json(hub.comparison_manifest(), lambda each: each.update(n_jobs=3)),
        ROWS[:1],
        "3 jobs",
    ),
    (
        "table of another run",
        lambda hub: edit_cells(table_of(hub, "train"), "Baseline", "mae", "0.1,0.2,"),
        [SUMMARY],
        "run ptycho-hub summarize again",
    ),
    (
        "blank score",
        lambda hub: edit_cells(table_of(hub, "train"), "Baseline", "mae", ",0.2,"),
        [SUMMARY],
        "Baseline: mae amplitude is blank",
    ),
    (
        "better average",
        lambda hub: edit_json(
            hub.reports().summary,
            lambda each: each["aggregate_metrics"]["PtychoPINN"]["ms_ssim"].update(mean_phase=0.99),
        ),
        [SUMMARY, *ROWS[2:5], DELTAS],
        "aggregate_metrics.PtychoPINN.ms_ssim.mean_phase is 0.99",
    ),
    (
        "summary of one split",
        lambda hub: edit_json(hub.reports().summary, lambda each: each.update(jobs=each["jobs"][:1])),
        [SUMMARY, ROWS[2], DELTAS],
        "n_jobs is 2; expected 1",
    ),
    ("no summary", lambda hub: hub.reports().summary.unlink(), [SUMMARY, *ROWS[2:7]], "summarize writes it"),
    (
        "text of the summary",
        lambda hub: replace_in(hub.reports().summary_text, "0.950", "0.960"),
        [ROWS[2]],
        "says '| Best | 0.960 | 0.920 |', expected '| Best | 0.950 | 0.920 |'",
    ),
    ("empty text", lambda hub: hub.reports().summary_text.write_text(""), [ROWS[2]], "says nothing"),
    (
        "highlights",
        lambda hub: replace_in(hub.reports().highlights, "0.948 / 0.917", "0.999 / 0.917"),
        [ROWS[3], ROWS[4]],
        "PtychoPINN amplitude/phase: 0.999",
    ),
    (
        "report",
        lambda hub: replace_in(hub.reports().report, "| Baseline | 0.927 | 0.897 | OK |", "| Baseline | |"),
        [ROWS[3]],
        "aggregate_report.md",
    ),
    (
        "bare digest",
        lambda hub: hub.reports().digest.write_text("# Phase G Dense Metrics Digest\n"),
        [ROWS[4]],
        "has no '## Pipeline Summary', '## Highlights'",
    ),
    ("time", lambda hub: replace_in(hub.reports().deltas, 'Z"', '+01:00"'), [DELTAS], "is no UTC time"),
    (
        "other source",
        lambda hub: replace_in(
            hub.reports().deltas, "analysis/metrics_summary.json", "/tmp/metrics_summary.json"
        ),
        [DELTAS],
        "source_metrics is '/tmp",
    ),
    (
        "infinite delta",
        lambda hub: replace_in(hub.reports().deltas, '"amplitude": 0.02', '"amplitude": Infinity, "x": 0.02'),
        [DELTAS, TEXTS, GRID],
        "finite number",
    ),
    (
        "missing delta",
        lambda hub: edit_json(hub.reports().deltas, lambda each: each["deltas"].pop("vs_PtyChi")),
        [DELTAS, TEXTS, GRID],
        "'deltas.vs_PtyChi.ms_ssim.amplitude' is missing",
    ),
    ("no deltas", lambda hub: hub.reports().deltas.unlink(), [DELTAS, TEXTS, GRID], "report writes it"),
    ("no grid", lambda hub: hub.reports().ssim_grid.unlink(), [GRID], "ssim_grid_summary.md: not found"),
    (
        "grid without its word",
        lambda hub: replace_in(hub.reports().ssim_grid, "(phase-only)", ""),
        [GRID],
        "PREVIEW-PHASE-001",
    ),
    (
        "grid row",
        lambda hub: replace_in(hub.reports().ssim_grid, "| vs_PtyChi | +0.028 |\n", ""),
        [GRID],
        "ssim_grid_summary.md:13: mismatch: says '', expected '| vs_PtyChi | +0.028 |'",
    ),
]


@pytest.mark.parametrize(
    ("damage", "rows", "text"), [each[1:] for each in DAMAGES], ids=[each[0] for each in DAMAGES]
)
def test_a_damaged_report_is_found_by_its_check(hub: Hub, damage: Damage, rows: list[str], text: str) -> None:
    """The inventory notices each of them too; taken again, it does not, and the others still do."""
    damage(hub)
    assert not row(hub, INVENTORY).valid
    write_inventory(hub, take_inventory(hub))
    assert [each.description for each in reports_of(hub) if not each.valid] == rows
    assert text in "; ".join(finding.text for finding in findings(hub))


@pytest.mark.parametrize("tool", [None, "other_tool"])
def test_data_without_the_canonical_conversion(hub: Hub, tool: str | None) -> None:
    write_metadata(hub.patched(DOSE, "test"), tool=tool)
    report_all(hub)
    found = row(hub, "Phase C metadata compliance").to_json()
    assert not found["valid"]
    assert (found["total_splits"], found["compliant_splits"], found["non_compliant_splits"]) == (2, 1, 1)
    assert found["non_compliant_list"] == ["dose_1000/test"]


def test_a_highlights_text_of_two_lines(hub: Hub) -> None:
    path = hub.reports().delta_highlights
    path.write_text("".join(path.open().readlines()[:2]))
    found = row(hub, TEXTS).to_json()
    assert not found["valid"]
    assert found["line_count"] == 2
    assert found["checked_models"] == ["vs_Baseline", "vs_PtyChi"]
    assert found["missing_metrics"] == ["vs_Baseline.mae", "vs_PtyChi.mae"]


def test_a_highlights_line_that_begins_otherwise(hub: Hub) -> None:
    replace_in(
        hub.reports().delta_highlights, "MAE Δ (PtychoPINN - PtyChi)", "MAE delta (PtychoPINN - PtyChi)"
    )
    found = row(hub, TEXTS).to_json()
    assert not found["valid"]
    assert found["missing_models"] == ["vs_PtyChi"]
    assert found["missing_metrics"] == ["vs_PtyChi.mae"]
    assert "expected the line 'MAE Δ (PtychoPINN - PtyChi)'" in found["error"]


def test_a_highlights_value_that_is_not_the_delta(hub: Hub) -> None:
    """Part of a number is no match, and the number of another line is none."""
    replace_in(hub.reports().delta_highlights, "phase -0.002500", "phase -0.005000")
    found = row(hub, TEXTS).to_json()
    assert found["mismatched_highlight_values"] == [
        {
            "model": "vs_PtyChi",
            "metric": "mae",
            "part": "phase",
            "expected": "-0.002500",
            "found": "-0.005000",
        }
    ]
    assert "metrics_delta_highlights.txt:4: vs_PtyChi.mae phase: mismatch" in found["error"]


def test_a_highlights_text_that_is_not_there(hub: Hub) -> None:
    hub.reports().delta_highlights.unlink()
    found = row(hub, TEXTS).to_json()
    assert len(found["missing_metrics"]) == 4
    assert "metrics_delta_highlights.txt: not found" in found["error"]


def test_a_preview_that_is_not_there(hub: Hub) -> None:
    hub.reports().delta_preview.unlink()
    found = row(hub, TEXTS).to_json()
    assert not found["valid"]
    assert found["missing_preview_values"][0] == "vs_Baseline.ms_ssim phase +0.020"
    assert len(found["missing_preview_values"]) == 4
    assert not row(hub, GRID).valid


def test_a_preview_with_amplitudes(hub: Hub) -> None:
    hub.reports().delta_preview.write_text(hub.reports().delta_highlights.read_text())
    found = row(hub, TEXTS).to_json()
    assert found["preview_phase_only"] is False
    assert len(found["preview_format_errors"]) == 4
    assert "PREVIEW-PHASE-001" in found["error"]
    assert row(hub, GRID).to_json()["preview_phase_only"] is False


def test_a_preview_value_that_is_not_the_delta(hub: Hub) -> None:
    replace_in(hub.reports().delta_preview, "Baseline): +0.020", "Baseline): +0.021")
    found = row(hub, TEXTS).to_json()
    assert found["missing_preview_values"] == ["vs_Baseline.ms_ssim phase +0.020"]
    assert found["preview_phase_only"] is True
    assert found["preview_format_errors"] == []


@pytest.mark.parametrize(
    ("old", "new", "errors", "missing"),
    [
        ("MS-SSIM Δ (PtychoPINN - Baseline): +0.020\n", "", 4, 4),  # the lines behind it move up
        ("+0.028", "0.028", 0, 1),
        ("+0.028", "nan", 0, 1),
        ("PtyChi): +0.028", "Pty-chi): +0.028", 1, 1),
        ("-0.002500", "-0.002500 or so", 1, 1),
        ("Baseline): +0.020", "Baseline):  +0.020", 1, 1),
    ],
)
def test_a_preview_line_is_another_line_or_has_another_number(
    hub: Hub, old: str, new: str, errors: int, missing: int
) -> None:
    replace_in(hub.reports().delta_preview, old, new)
    found = row(hub, TEXTS).to_json()
    assert (len(found["preview_format_errors"]), len(found["missing_preview_values"])) == (errors, missing)
    assert not found["valid"]


def test_lines_too_many(hub: Hub) -> None:
    for path in (hub.reports().delta_preview, hub.reports().delta_highlights):
        with path.open("a") as stream:
            stream.write("all is well\n")
    found = row(hub, TEXTS).to_json()
    assert len(found["preview_format_errors"]) == 1
    assert found["error"].count("a line too many: 'all is well'") == 2


def test_a_delta_that_changed_behind_all_texts(hub: Hub) -> None:
    edit_json(hub.reports().deltas, lambda each: each["deltas"]["vs_Baseline"]["mae"].update(phase=-0.004))
    assert [each.valid for each in (row(hub, DELTAS), row(hub, TEXTS), row(hub, GRID))] == [False] * 3
    assert len(row(hub, TEXTS).to_json()["mismatched_highlight_values"]) == 1


def test_the_highlights_check_says_what_holds(whole: Hub, tmp_path: Path) -> None:
    assert check_highlights(whole) == []
    assert [line.split(" m")[0] for line in CONFIRMED[:2]] == ["Highlights", "SSIM grid summary table values"]
    assert CONFIRMED[2].startswith("Preview metadata confirms phase-only")


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        (
            "| vs_Baseline | +0.020 |",
            "| vs_Baseline | +0.021 |",
            "mismatch: says '| vs_Baseline | +0.021 |', expected '| vs_Baseline | +0.020 |'",
        ),
        ("| vs_PtyChi | -0.002500 |", "| vs_PtyChi | -0.0025 |", "mismatch"),
        ("(phase-only)", "", "preview metadata validation failed"),
        ("Preview validated", "Amplitude and preview validated", "speaks of the amplitude"),
    ],
)
def test_the_highlights_check_finds_a_tampered_grid(hub: Hub, old: str, new: str, text: str) -> None:
    replace_in(hub.reports().ssim_grid, old, new)
    (finding,) = check_highlights(hub)
    assert text in finding.text


LOG_DAMAGES: list[tuple[str, Damage, str, list[str]]] = [
    ("transcript", lambda hub: hub.step_log("run_phase_g_dense").unlink(), "found_logs", []),
    (
        "banner",
        lambda hub: replace_in(hub.step_log("run_phase_g_dense"), "[3/8]", "(3/8)"),
        "missing_banners",
        ["[3/8]"],
    ),
    (
        "phase log",
        lambda hub: hub.step_log("phase_f_dense_test").unlink(),
        "missing_phase_logs",
        ["phase_f_dense_test"],
    ),
    (
        "phase log of another name",
        lambda hub: hub.step_log("phase_d_dense").rename(hub.step_log("phase_d_Dense")),
        "missing_phase_logs",
        ["phase_d_dense"],
    ),
    (
        "incomplete",
        lambda hub: hub.step_log("phase_c_generation").write_text("INCOMPLETE\n"),
        "incomplete_phase_logs",
        ["phase_c_generation"],
    ),
    (
        "grid log",
        lambda hub: hub.step_log("ssim_grid_cli").unlink(),
        "missing_helper_logs",
        ["ssim_grid_cli"],
    ),
]


@pytest.mark.parametrize(
    ("damage", "detail", "value"), [each[1:] for each in LOG_DAMAGES], ids=[each[0] for each in LOG_DAMAGES]
)
def test_logs_of_a_hub_without_step_records(hub: Hub, damage: Damage, detail: str, value: list[str]) -> None:
    damage(hub)
    found = row(hub, LOGS).to_json()
    assert not found["valid"]
    assert found[detail] == value


def test_a_run_of_one_split_has_six_phases(hub: Hub) -> None:
    """What a transcript must hold follows from the plan (7.A 14)."""
    hub.step_log("run_phase_g_dense").write_text("".join(f"[{number}/6] x\n" for number in range(1, 7)))
    for name in ("phase_f_dense_test", "phase_g_dense_test"):
        hub.step_log(name).unlink()
    (logs,) = [each for each in verify(hub, DOSE, VIEW, ["train"]).validations if each.description == LOGS]
    assert logs.findings == []
    assert not row(hub, LOGS).valid


def test_only_the_last_run_of_a_transcript_counts(hub: Hub) -> None:
    """It may have more steps than the phases, and phases may begin in any order."""
    log = hub.step_log("run_phase_g_dense")
    run = "--- run of 20261123T100411Z\n" + "".join(f"[{number}/15] x\n" for number in (2, 1, *range(3, 9)))
    log.write_text(log.read_text() + run)
    assert row(hub, LOGS).valid
    log.write_text(log.read_text() + "--- run of 20261123T100412Z\n[1/15] x\n")
    assert row(hub, LOGS).to_json()["missing_banners"] == [f"[{number}/15]" for number in range(2, 9)]


NOTHING: dict[str, Any] = {"inputs": {}, "settings": {}, "code": "", "versions": {}}


def step_record(step_id: str, status: str, outputs: dict[str, list[Any]]) -> dict[str, Any]:
    """A finished step's record, of which nothing but status and outputs matters here."""
    rest = {"title": "", "command": [], "fingerprint": NOTHING, "attempts": [], "ended": ""}
    costs = {"seconds": 0.0, "cpu_s": 0.0, "peak_bytes": 0}
    return {"id": step_id, "status": status, "outputs": outputs, **rest, **costs}


@pytest.fixture
def recorded(hub: Hub) -> Hub:
    """The same hub after a pipeline that records its steps; phases C and E came from elsewhere."""
    for step in making_steps(hub, DOSE, VIEW, SPLITS):
        paths = step.outputs(SPLITS)
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(path.read_text() if path.suffix == ".txt" else str(path))
        outputs = {hub.relative(path): [sha256_of(path), path.stat().st_size] for path in paths}
        status = "given" if step.id.endswith(("simulate", "baseline")) else "made"
        record = step.records.record
        record.parent.mkdir(parents=True)
        record.write_text(json.dumps(step_record(step.id, status, outputs)))
    for split in SPLITS:
        (table_of(hub, split).parent / "manifest.json").write_text("{}")
    for name in (
        "phase_c_generation",
        f"phase_e_baseline_gs1_dose{DOSE}",
        *(f"phase_g_{VIEW}_{split}" for split in SPLITS),
    ):
        hub.step_log(name).unlink()
    hub.step_log(f"phase_d_{VIEW}").write_text("no such word here\n")
    return hub


def test_step_records_stand_in_for_words_in_logs(recorded: Hub) -> None:
    found = row(recorded, LOGS)
    assert found.findings == []
    assert len(found.to_json()["step_records"]) == 6


def test_a_step_of_a_lab_s_own_says_nothing_of_how_the_phases_were_made(hub: Hub) -> None:
    assert row(hub, LOGS).findings == []
    note = hub.root / "data/note_train.txt"
    note.write_text("ours")
    record = hub.step(f"dose_{DOSE}-note-{VIEW}-train").record
    record.parent.mkdir(parents=True)
    outputs: dict[str, list[Any]] = {hub.relative(note): [sha256_of(note), note.stat().st_size]}
    record.write_text(json.dumps(step_record(record.parent.name, "made", outputs)))
    assert row(hub, LOGS).findings == []


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        (lambda hub: hub.ptychi(DOSE, VIEW, "test").write_text("x"), "differs from the digest in the record"),
        (lambda hub: hub.ptychi(DOSE, VIEW, "test").unlink(), "the record of its step lists it"),
        (
            lambda hub: hub.step(f"dose_{DOSE}-train-{VIEW}").record.unlink(),
            "gs2/wts.h5.zip: no record of a finished step vouches for it",
        ),
        (
            lambda hub: hub.step(f"dose_{DOSE}-simulate").record.write_text("{"),
            "patched_train.npz: no record",
        ),
        (lambda hub: hub.step_log(f"phase_d_{VIEW}").unlink(), "cli/phase_d_dense.log: not found"),
        (
            lambda hub: (table_of(hub, "test").parent / "manifest.json").unlink(),
            "test/manifest.json: not found; phase_g_dense_test has not come to its end",
        ),
    ],
)
def test_what_step_records_do_not_vouch_for(recorded: Hub, damage: Damage, text: str) -> None:
    damage(recorded)
    assert text in str(row(recorded, LOGS).to_json()["error"])


INVENTORY_DAMAGES: list[tuple[str, Damage, str]] = [
    ("no listing", lambda hub: hub.reports().inventory.unlink(), "artifact_inventory.txt: not found"),
    ("no digests", lambda hub: hub.reports().digests.unlink(), "artifact_digests.tsv: not found"),
    ("empty", lambda hub: hub.reports().inventory.write_text(""), "is empty"),
    (
        "file gone",
        lambda hub: hub.patched(DOSE, "train").unlink(),
        "'data/phase_c/dose_1000/patched_train.npz' is not there",
    ),
    (
        "file not listed",
        lambda hub: (hub.root / "data/new.npz").write_text("x"),
        "data/new.npz is there and is not listed",
    ),
    ("file changed", lambda hub: hub.patched(DOSE, "train").write_text("x"), "differs from the inventory"),
    (
        "log shortened",
        lambda hub: hub.step_log("phase_d_dense").write_text("step complete\n"),
        "logs may only grow",
    ),
    (
        "absolute",
        lambda hub: replace_in(hub.reports().inventory, "data/phase_c", "/data/phase_c"),
        "is absolute",
    ),
    (
        "left out",
        lambda hub: replace_in(hub.reports().inventory, "analysis/metrics_summary.json\n", ""),
        "has no analysis/metrics_summary.json",
    ),
    (
        "twice",
        lambda hub: replace_in(hub.reports().inventory, "cli/", "cli/phase_d_dense.log\ncli/"),
        "'cli/phase_d_dense.log' is listed twice",
    ),
    (
        "digest leads out of the hub",
        lambda hub: replace_in(hub.reports().digests, "\tdata/", "\t../../data/"),
        "and artifact_digests.tsv has",
    ),
]


@pytest.mark.parametrize(
    ("damage", "text"), [each[1:] for each in INVENTORY_DAMAGES], ids=[each[0] for each in INVENTORY_DAMAGES]
)
def test_an_inventory_that_is_not_of_this_hub(hub: Hub, damage: Damage, text: str) -> None:
    damage(hub)
    found = row(hub, INVENTORY)
    assert not found.valid
    assert text in str(found.to_json()["error"])


def test_an_invalid_line_is_told_with_its_number(hub: Hub) -> None:
    path = hub.reports().inventory
    path.write_text("analysis/none.txt\n" + path.read_text())
    found = row(hub, INVENTORY).to_json()
    assert found["invalid_entries"] == [{"line": 1, "path": "analysis/none.txt", "reason": "is not there"}]
    assert found["entries"] == len(path.read_text().splitlines())


def test_logs_may_grow_and_notes_may_come(hub: Hub) -> None:
    """Work goes on after a verification; what it proves must not become invalid by that."""
    with hub.step_log("run_phase_g_dense").open("a") as stream:
        stream.write("SUCCESS: All phases completed\n")
    for name in ("green/pytest_x.log", "red/blocked_x.md", "cli/verify_dense.log"):
        (hub.root / name).parent.mkdir(exist_ok=True)
        (hub.root / name).write_text("x")
    assert findings(hub) == []
    assert row(hub, LOGS).to_json()["has_success"] is True


def test_a_summary_is_judged_by_the_tables(hub: Hub) -> None:
    assert judge_summary(hub, "Baseline") == []
    (finding,) = judge_summary(hub, "Tike")[:1]
    assert (finding.kind, finding.arm) == ("blank", "Tike")
    edit_cells(table_of(hub, "test"), "Baseline", "ssim", ",,")
    assert [(each.kind, each.arm) for each in judge_summary(hub)] == [("blank", "Baseline")] * 2
    hub.comparison_manifest().unlink()  # comparisons that were run one by one
    assert len(judge_summary(hub)) == 2
