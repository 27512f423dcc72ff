"""The reporting commands: every path as PtychoPINN's tools take it, or all of them by ``--hub``."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.hub import Hub
from reported import (
    DOSE,
    SPLITS,
    copy_of,
    edit_cells,
    make_compared,
    report_all,
    table_of,
    write_list,
    write_logs,
)

STUDY = f"""\
name = "reported"
doses = [{DOSE}]
views = ["dense"]
splits = ["train", "test"]
[tiers.debug]
[tiers.full]
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Hub:
    hub = make_compared(tmp_path_factory.mktemp("reported"))
    write_logs(hub)
    return report_all(hub)


@pytest.fixture
def hub(whole: Hub, tmp_path: Path) -> Hub:
    return copy_of(whole, tmp_path / "hub")


@pytest.fixture
def compared(tmp_path: Path) -> Hub:
    """A hub that has been compared and not reported."""
    hub = make_compared(tmp_path / "compared")
    write_logs(hub)
    return hub


def run(command: str, hub: Hub, *words: str) -> int:
    return main([command, "--hub", str(hub.root), *words])


def test_from_tables_to_a_verified_hub(compared: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    """The order in which the blocked run's conditions are met, each by its command (7.A 1 and 3)."""
    for command in ("summarize", "report", "digest", "ssim-grid", "inventory", "check-highlights"):
        assert run(command, compared) == 0, capsys.readouterr().err
    # all reports are valid, and nothing lies behind them: neither networks nor evidence of comparisons
    assert run("verify", compared) == 1
    out, err = capsys.readouterr()
    assert err == ""
    for line in (
        "wrote analysis/metrics_summary.json",
        "Key Metrics Deltas",
        "✓ ALL COMPARISONS SUCCESSFUL ✓",
        "18 of 26 checks are valid",
        "Highlights match",
        "SSIM grid summary table values match",
        "Preview metadata confirms phase-only",
    ):
        assert line in out
    # study_contract.md 2.2, and the digests of the inventory
    assert {path.name for path in compared.analysis().iterdir() if path.is_file()} == {
        *("comparison_manifest.json", "metrics_summary.json", "metrics_summary.md", "aggregate_report.md"),
        *("aggregate_highlights.txt", "metrics_digest.md", "metrics_delta_summary.json"),
        *("metrics_delta_highlights.txt", "metrics_delta_highlights_preview.txt", "ssim_grid_summary.md"),
        *("artifact_inventory.txt", "artifact_digests.tsv", "verification_report.json"),
        *("verify_dense_stdout.log", "check_dense_highlights.log"),
    }
    # the report and the digest may be asked for once more, and the hub still holds
    for command in ("report", "digest"):
        assert run(command, compared) == 0
    run("verify", compared)
    assert json.loads(compared.reports().verification.read_text())["n_valid"] == 18


def test_summarize_without_a_list_goes_by_the_study(compared: Hub) -> None:
    compared.comparison_manifest().unlink()
    assert run("summarize", compared) == 2
    compared.study().write_text(STUDY)
    assert run("summarize", compared) == 0
    assert json.loads(compared.reports().summary.read_text())["n_jobs"] == 2
    assert run("summarize", compared, "--splits", "test") == 0
    assert json.loads(compared.reports().summary.read_text())["n_jobs"] == 1
    assert run("summarize", compared, "--dose", "5") == 2


def test_summarize_requires_what_the_study_requires(
    compared: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    for split in SPLITS:
        table = table_of(compared, split)
        table.write_text("".join(line for line in table.open() if not line.startswith("PtyChi")))
    assert run("summarize", compared) == 1
    assert "PtyChi: is not in the table" in capsys.readouterr().err
    compared.study().write_text(STUDY + 'required_arms = ["PtychoPINN", "Baseline"]\n')
    assert run("summarize", compared) == 0
    assert run("report", compared) == 0
    assert "PtychoPINN - PtyChi)    : amplitude N/A  phase N/A" in capsys.readouterr().out


def test_a_blank_baseline_stops_the_study_with_a_note(
    compared: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    edit_cells(table_of(compared, "test"), "Baseline", "ms_ssim", ",,")
    assert run("summarize", compared) == 1
    (note,) = (compared.root / "red").iterdir()
    assert note.name.endswith("_zero_baseline.md")
    text = note.read_text()
    assert "dense/test (dose=1000): Baseline: ms_ssim amplitude is blank" in text
    assert f"ptycho-hub summarize --hub {compared.root}" in text
    assert "analysis/dose_1000/dense/test/comparison_metrics.csv" in text
    assert f"note: red/{note.name}" in capsys.readouterr().err
    assert not compared.reports().summary.exists()


@pytest.mark.parametrize("failed", [("train",), SPLITS])
def test_a_failed_comparison_is_no_summary(
    compared: Hub, failed: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    write_list(compared, failed=failed)
    assert run("summarize", compared) == 1
    assert "dense/train (dose=1000) failed: no memory" in capsys.readouterr().err
    assert not compared.reports().summary.exists()


def test_report_by_its_own_paths(hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    metrics, output, highlights = hub.reports().summary, tmp_path / "r.md", tmp_path / "h.txt"
    words = ["--metrics", str(metrics), "--output", str(output), "--highlights", str(highlights)]
    assert main(["report", *words]) == 0
    assert output.read_bytes() == hub.reports().report.read_bytes()
    assert highlights.read_bytes() == hub.reports().highlights.read_bytes()
    assert main(["report", *words, "--ms-ssim-threshold", "0.93"]) == 0  # low, and that is no failure
    assert "| Baseline | 0.927 | 0.897 | LOW (amp, phase) |" in capsys.readouterr().out
    assert "threshold: 0.93" in highlights.read_text()
    before = sorted(tmp_path.rglob("*"))
    assert main(["report", "--metrics", str(metrics)]) == 0
    assert sorted(tmp_path.rglob("*")) == before


def test_report_without_a_required_arm(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    path = hub.reports().summary
    content = json.loads(path.read_text())
    del content["aggregate_metrics"]["Baseline"]
    path.write_text(json.dumps(content))
    assert run("report", hub) == 1
    assert capsys.readouterr().err == "missing: Baseline; available: PtychoPINN, PtyChi\n"


@pytest.mark.parametrize("text", [None, "{", '{"n_jobs": 1}'])
def test_report_without_a_summary(hub: Hub, text: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    hub.reports().summary.unlink()
    if text is not None:
        hub.reports().summary.write_text(text)
    assert run("report", hub) == 2
    error = capsys.readouterr().err
    assert error.startswith("ptycho-hub: error: ")
    assert error.count("\n") == 1


@pytest.mark.parametrize("command", ["report", "digest"])
def test_neither_a_hub_nor_paths(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command]) == 2
    assert "neither --hub nor --" in capsys.readouterr().err


def test_digest_by_its_own_paths(hub: Hub, tmp_path: Path) -> None:
    names, output = hub.reports(), tmp_path / "d.md"
    words = ["--metrics", str(names.summary), "--highlights", str(names.highlights), "--output", str(output)]
    assert main(["digest", *words]) == 0
    assert output.read_bytes() == names.digest.read_bytes()
    assert main(["digest", *words[:-1], str(tmp_path / "none" / "d.md")]) == 2


def test_a_digest_of_failures_is_written_and_fails(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    path = hub.reports().summary
    path.write_text(json.dumps({**json.loads(path.read_text()), "n_failed": 1}))
    assert run("digest", hub) == 1
    error = capsys.readouterr().err
    assert "⚠️ FAILURES PRESENT ⚠️" in error
    assert "1 of 2 comparison job(s) failed" in error
    assert "⚠️ FAILURES PRESENT ⚠️" in hub.reports().digest.read_text()


@pytest.mark.parametrize(
    ("name", "text", "status"),
    [
        ("metrics_summary.json", None, 1),
        ("aggregate_highlights.txt", None, 1),
        ("metrics_summary.json", "{", 2),
        ("metrics_summary.json", '{"n_jobs": 2, "n_success": 2, "n_failed": 0, "jobs": []}', 2),
        ("aggregate_highlights.txt", "", 2),
        ("aggregate_highlights.txt", "no threshold", 2),
    ],
)
def test_digest_without_its_inputs(
    hub: Hub, name: str, text: str | None, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    path = hub.analysis() / name
    path.unlink()
    if text is not None:
        path.write_text(text)
    assert run("digest", hub) == status
    assert name in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "text", "status", "said"),
    [
        ("metrics_delta_highlights_preview.txt", "Amplitude +0.1", 1, "speaks of the amplitude"),
        ("metrics_delta_highlights_preview.txt", None, 2, "preview.txt: not found"),
        ("metrics_delta_summary.json", None, 2, "metrics_delta_summary.json: not found"),
        ("metrics_delta_summary.json", "[]", 2, "metrics_delta_summary.json: content"),
    ],
)
def test_ssim_grid_tells_its_failures_apart(
    hub: Hub, name: str, text: str | None, status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A preview that is missing is no preview with amplitudes in it (7.C 32)."""
    path = hub.analysis() / name
    path.unlink()
    if text is not None:
        path.write_text(text)
    assert run("ssim-grid", hub) == status
    assert said in capsys.readouterr().err


def test_other_places_for_the_results(hub: Hub, tmp_path: Path) -> None:
    assert run("ssim-grid", hub, "--output", str(tmp_path / "g.md")) == 0
    assert (tmp_path / "g.md").read_bytes() == hub.reports().ssim_grid.read_bytes()
    assert run("inventory", hub, "--output", str(tmp_path / "i.txt")) == 0
    assert (tmp_path / "i.txt").read_bytes() == hub.reports().inventory.read_bytes()
    assert run("verify", hub, "--report", str(tmp_path / "v.json")) == 1
    assert json.loads((tmp_path / "v.json").read_text())["n_valid"] == 18


def test_verify_writes_its_report_when_it_fails(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    hub.reports().ssim_grid.unlink()
    assert run("verify", hub, "--dose", str(DOSE), "--view", "dense") == 1
    report = json.loads(hub.reports().verification.read_text())
    assert (report["all_valid"], report["n_invalid"]) == (False, 10)
    assert capsys.readouterr().out == hub.reports().verification_log.read_text()


def test_verify_knows_the_splits_that_are_meant(hub: Hub) -> None:
    for splits, invalid in ((("test",), 6), (("train", "test", "third"), 13)):
        assert run("verify", hub, "--splits", *splits) == 1
        assert json.loads(hub.reports().verification.read_text())["n_invalid"] == invalid


def test_verify_looks_at_the_doses_and_views_of_the_study(hub: Hub) -> None:
    """It looked at dose 1000, dense, of a study of others, and called all of it missing."""
    study = STUDY.replace(f"[{DOSE}]", f"[{DOSE}, 77]").replace('["dense"]', '["dense", "sparse"]')
    (hub.root / "study.toml").write_text(study)
    assert run("verify", hub) == 1
    rows = json.loads(hub.reports().verification.read_text())["validations"]
    places = {row["path"] for row in rows if row["description"] == "Phase D files"}
    assert places == {f"data/phase_d/dose_{d}/{v}" for d in (DOSE, 77) for v in ("dense", "sparse")}


def test_verify_draws_views_again_by_the_study_that_is_named(hub: Hub, tmp_path: Path) -> None:
    named = tmp_path / "study.toml"
    named.write_text(STUDY)
    for words, name in (((), None), (("--study", str(named)), "reported")):
        run("verify", hub, *words)
        report = json.loads(hub.reports().verification.read_text())
        (row,) = [each for each in report["validations"] if each["description"] == "Phase D overlap view"]
        assert (row["study"] is None) == (name is None)
        assert row["valid"] == (name is None)  # of this hub's phase D there is nothing


def test_no_hub_no_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--hub", str(tmp_path / "none")]) == 2
    assert "there is no such folder" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_check_highlights_says_what_differs_on_stderr(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    path = hub.reports().ssim_grid
    path.write_text(path.read_text().replace("| vs_PtyChi | +0.028 |", "| vs_PtyChi | +0.029 |"))
    assert run("check-highlights", hub) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "mismatch: says '| vs_PtyChi | +0.029 |', expected '| vs_PtyChi | +0.028 |'" in err
    assert hub.reports().check_log.read_text() == err


@pytest.mark.parametrize(
    "command", ["summarize", "report", "digest", "ssim-grid", "inventory", "verify", "check-highlights"]
)
def test_help_tells_what_an_exit_status_means(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    assert "exit status: 0" in capsys.readouterr().out


def test_check_highlights_wants_the_preview_confirmed(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    path = hub.reports().ssim_grid
    path.write_text(path.read_text().replace("(phase-only)", ""))
    assert run("check-highlights", hub) == 1
    assert "preview metadata validation failed" in capsys.readouterr().err


def test_the_highlights_check_says_three_lines(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check-highlights", hub) == 0
    out, err = capsys.readouterr()
    beginnings = (
        "Highlights match",
        "SSIM grid summary table values match",
        "Preview metadata confirms phase-only",
    )
    assert len(out.splitlines()) == 3
    assert all(line.startswith(start) for line, start in zip(out.splitlines(), beginnings, strict=True))
    assert err == ""


DETAILS = {
    "metrics digest": {"missing_sections", "line_count", "char_count"},
    "Phase C metadata compliance": {
        *("total_splits", "compliant_splits", "non_compliant_splits", "non_compliant_list"),
    },
    "Metrics delta highlights and preview": {
        *("line_count", "checked_models", "missing_models", "missing_metrics", "missing_preview_values"),
        *("mismatched_highlight_values", "preview_phase_only", "preview_format_errors"),
    },
    "SSIM grid summary (phase-only)": {"has_preview_metadata", "preview_phase_only"},
    "CLI orchestrator logs": {
        *("found_logs", "missing_banners", "has_success", "found_phase_logs", "missing_phase_logs"),
        *("found_helper_logs", "missing_helper_logs", "incomplete_phase_logs"),
    },
    "artifact inventory": {"entries", "invalid_entries"},
}
"""study_contract.md 5.7: what a row of the verification tells beside its result."""


def test_verify_tells_the_contract_s_details(hub: Hub) -> None:
    run("verify", hub)
    report = json.loads(hub.reports().verification.read_text())
    assert {"hub", "all_valid", "n_checks", "n_valid", "n_invalid", "validations"} <= set(report)
    rows = {each["description"]: each for each in report["validations"]}
    for description, details in DETAILS.items():
        assert {"valid", "description", "path", "error"} | details <= set(rows[description]), description
        assert rows[description]["valid"], description


def test_a_missing_score_is_never_a_word_of_its_own(
    compared: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    """null in JSON, N/A in texts, blank in the summary; no NaN, None or long dash anywhere."""
    for split in SPLITS:
        table = table_of(compared, split)
        head, *lines = table.read_text().splitlines()
        table.write_text("\n".join([f"{head},note", *(f"{line}," for line in lines), ""]))
        edit_cells(table, "PtyChi", "ms_ssim", ",0.9,,amplitude: no contrast in the truth")
    for command in ("summarize", "report", "digest", "ssim-grid"):
        assert run(command, compared) == 0, capsys.readouterr().err
    texts = {path.name: path.read_text() for path in compared.analysis().iterdir() if path.is_file()}
    del texts["comparison_manifest.json"]
    assert len(texts) == 9
    for name, text in texts.items():
        assert not re.search(r"—|\b(nan|NaN|None|Infinity)\b(?!\.)", text), name
    averages = json.loads(texts["metrics_summary.json"])["aggregate_metrics"]["PtyChi"]["ms_ssim"]
    assert averages["mean_amplitude"] is None
    assert (
        json.loads(texts["metrics_delta_summary.json"])["deltas"]["vs_PtyChi"]["ms_ssim"]["amplitude"] is None
    )
    assert "| Mean |  | 0.900 |" in texts["metrics_summary.md"]
    assert "| PtyChi | N/A | 0.900 | OK |" in texts["aggregate_report.md"]
    assert "| PtyChi | N/A | 0.900 | OK |" in texts["metrics_digest.md"]
    assert (
        "MS-SSIM Δ (PtychoPINN - PtyChi)    : amplitude N/A  phase +0.017"
        in texts["metrics_delta_highlights.txt"]
    )


@pytest.fixture
def planned(tmp_path: Path) -> Hub:
    (tmp_path / "study.toml").write_text(STUDY)
    return Hub(tmp_path)


def plan_of(hub: Hub, capsys: pytest.CaptureFixture[str], *words: str) -> list[tuple[str, str]]:
    """Return command and log of every step that a run would take; nothing is written."""
    assert run("run", hub, "--dose", str(DOSE), "--view", "dense", "--collect-only", *words) == 0
    out = capsys.readouterr().out
    assert [path.name for path in hub.root.iterdir()] == ["study.toml"]
    assert ("Post-verify-only mode: skipping Phase C→F" in out) == ("--post-verify-only" in words)
    commands = re.findall(r"(?m)^    \S+ -m ptycho_compare.cli.ptycho_hub (\S+) --hub", out)
    logs = re.findall(r"(?m)^    log (\S+);", out)
    return list(zip(commands[-len(logs) :], logs[-len(commands) :], strict=True))


REPORTING = [
    ("summarize", "cli/metrics_summary_cli.log"),
    ("report", "cli/aggregate_report_cli.log"),
    ("digest", "cli/metrics_digest_cli.log"),
]
VERIFYING = [
    ("ssim-grid", "cli/ssim_grid_cli.log"),
    ("inventory", "cli/artifact_inventory_cli.log"),
    ("verify", "cli/verify_dense.log"),
    ("check-highlights", "cli/check_dense_highlights.log"),
]


def test_a_run_reports_in_the_contract_s_order(planned: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    assert plan_of(planned, capsys)[-7:] == [*REPORTING, *VERIFYING]
    assert plan_of(planned, capsys, "--skip-post-verify")[-5:] == [*REPORTING, *VERIFYING[:2]]


def test_a_run_that_only_verifies_has_no_other_steps(
    planned: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    assert plan_of(planned, capsys, "--post-verify-only") == VERIFYING
