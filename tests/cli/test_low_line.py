"""Below which MS-SSIM an arm is low is stated once, in the study; reports tell that line with all digits."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab_runs import WHERE
from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.hub import Hub
from ptycho_compare.records.metrics_summary import MetricsSummary
from ptycho_compare.reporting.study.report import highlights_text, threshold_in
from reported import DOSE, make_compared, read_tables

SANITY = "MS-SSIM Sanity Check"
EMPTY = MetricsSummary(n_jobs=0, n_success=0, n_failed=0, jobs=(), aggregate_metrics={})


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    hub = make_compared(tmp_path)
    assert main(["summarize", "--hub", str(hub.root)]) == 0
    return hub


def ask(hub: Hub, line: str, file: Path | None = None) -> None:
    (file or hub.study()).write_text(
        f'name = "lab"\ndoses = [{DOSE}]\nviews = ["dense"]\nsplits = ["train", "test"]\n'
        f"[tiers.full]\n[acceptance]\nms_ssim = {line}\n"
    )


def low(hub: Hub, *words: str) -> dict[str, str]:
    """Status of each arm, which report and digest must tell alike."""
    assert main(["report", "--hub", str(hub.root), *words]) == 0
    assert main(["digest", "--hub", str(hub.root)]) == 0
    names = hub.reports()
    report, digest = (read_tables(path.read_text())[SANITY] for path in (names.report, names.digest))
    assert report == digest
    return {row[0]: row[-1] for row in report}


def test_the_study_states_it(hub: Hub) -> None:
    ask(hub, "0.2")
    assert set(low(hub).values()) == {"OK"}
    assert "≥ 0.20_" in hub.reports().report.read_text()
    ask(hub, "0.895")
    assert low(hub) == {"PtychoPINN": "OK", "Baseline": "OK", "PtyChi": "LOW (phase)"}
    assert "threshold: 0.895\n" in hub.reports().highlights.read_text()


def test_a_study_that_is_named_and_a_line_that_is_given_come_first(hub: Hub, tmp_path: Path) -> None:
    ask(hub, "0.2")
    ask(hub, "0.895", other := tmp_path / "other.toml")
    assert low(hub, "--study", str(other))["PtyChi"] == "LOW (phase)"
    assert low(hub, "--study", str(other), "--ms-ssim-threshold", "0.93")["Baseline"] == "LOW (amp, phase)"


def test_without_a_study_it_is_0_80(hub: Hub) -> None:
    assert set(low(hub).values()) == {"OK"}
    assert "threshold: 0.80\n" in hub.reports().highlights.read_text()


@pytest.mark.parametrize(("given", "said"), [("0.94749", "OK"), ("0.94751", "LOW (amp, phase)")])
def test_no_digit_of_it_is_lost(hub: Hub, given: str, said: str) -> None:
    """PtychoPINN's mean amplitude is 0.9475."""
    assert low(hub, "--ms-ssim-threshold", given)["PtychoPINN"].replace("LOW (phase)", "OK") == said
    assert f"≥ {given}_" in hub.reports().digest.read_text()


@given(st.floats(0, 1))
def test_every_line_is_read_back(line: float) -> None:
    assert threshold_in(highlights_text(EMPTY, threshold=line)) == line


@pytest.mark.parametrize("given", ["nan", "-1", "1.001", "inf"])
def test_what_no_ms_ssim_reaches_is_refused(given: str, hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["report", "--hub", str(hub.root), f"--ms-ssim-threshold={given}"])
    assert ended.value.code == 2
    assert f"--ms-ssim-threshold: {given} is not a number from 0 to 1" in capsys.readouterr().err


def test_highlights_with_such_a_line_are_to_be_written_anew(
    hub: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    low(hub)
    path = hub.reports().highlights
    path.write_text(path.read_text().replace("0.80", "nan"))
    assert main(["digest", "--hub", str(hub.root)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "'MS-SSIM (mean) threshold: nan', not a number such as 0.80; ptycho-hub report writes" in line


def test_a_run_reports_anew_when_the_study_moves_it(
    run_hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = tmp_path / "study.toml"
    shutil.copy(run_hub.study(), study)
    words = ["run", "--hub", str(run_hub.root), "--study", str(study), *WHERE, "--collect-only"]
    assert main(words) == 0
    done = capsys.readouterr().out.count("; done")
    study.write_text(f"{study.read_text()}\n[acceptance]\nms_ssim = 0.2\n")
    assert main(words) == 0
    said = capsys.readouterr().out
    assert said.count("; done") == done - 3
    assert "setting ms_ssim was 0.8, is 0.2" in said
