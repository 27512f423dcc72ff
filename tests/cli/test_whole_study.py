"""`ptycho-hub run` without a dose and a view: a study of two doses and two views as one plan."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from lab_runs import STUDY, hub_of, ptycho_hub
from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.hub import Hub
from ptycho_compare.records.acceptance import read_verdict
from ptycho_compare.records.comparison_list import read_job_list

Capture = pytest.CaptureFixture[str]
DOSES = (1_000_000, 10_000_000)
WHOLE = (
    STUDY.replace("doses = [1000000]", f"doses = {list(DOSES)}")
    .replace('views = ["dense"]', 'views = ["dense", "sparse"]')
    .replace('splits = ["train", "test"]', 'splits = ["train", "test"]')
    + "\n[overlap.views.sparse]\ns_img = 0.6\nn_groups = 32\n"
)


def banners(said: str) -> list[str]:
    return re.findall(r"(?m)^\[\d+/\d+\] (.+)$", said)


def test_the_plan_of_a_study_has_each_step_once(tmp_path: Path, capsys: Capture) -> None:
    hub = hub_of(tmp_path / "hub", WHOLE)

    assert main(["run", "--hub", str(hub.root), "--collect-only"]) == 0

    said = capsys.readouterr().out
    commands = [line for line in said.splitlines() if line.startswith("    /")]
    assert len(set(commands)) == len(commands) == len(banners(said))
    titles = banners(said)
    for dose in DOSES:
        assert titles.count(f"Phase C: Dataset Generation, dose {dose}") == 1
        assert titles.count(f"Phase E: Training Baseline (gs1), dose {dose}") == 1
        assert titles.count(f"Phase E: Training Sparse (gs2), dose {dose}") == 1
    assert sum(title.startswith("Phase G: ") for title in titles) == 8
    assert titles[-1] == "Check of the highlights"
    assert [path.name for path in hub.root.iterdir()] == ["study.toml"]


@pytest.mark.parametrize(
    ("words", "comparisons"),
    [((), 8), (("--dose", "10000000"), 4), (("--view", "sparse"), 4), (("--splits", "train"), 4)],
)
def test_what_is_not_named_is_all_of_the_study(
    tmp_path: Path, capsys: Capture, words: tuple[str, ...], comparisons: int
) -> None:
    hub = hub_of(tmp_path / "hub", WHOLE)

    assert main(["run", "--hub", str(hub.root), "--collect-only", *words]) == 0

    titles = banners(capsys.readouterr().out)
    assert sum(title.startswith("Phase G: ") for title in titles) == comparisons
    assert any(", dose " in title for title in titles) == ("--dose" not in words)


@pytest.mark.slow
def test_a_whole_study_is_run_stopped_gone_on_with_and_judged(tmp_path: Path) -> None:
    hub = hub_of(tmp_path / "hub", WHOLE)

    first = ptycho_hub(hub, "run", "--splits", "train", "--at-a-time", "2", "--window", "25s")
    assert first.returncode == 75, first.stdout
    assert "how long they take is not known yet" in first.stdout
    assert "stopped with the work saved; the same command goes on" in first.stdout
    second = ptycho_hub(hub, "run", "--splits", "train", "--at-a-time", "2")
    assert second.returncode == 0, second.stdout

    assert re.search(r"(?m)^forecast: \d+ steps left to run, about .+", second.stdout)
    assert second.stdout.rstrip().endswith("SUCCESS: All phases completed")
    assert len(read_job_list(hub.comparison_manifest()).jobs) == 4
    report = json.loads(hub.reports().verification.read_text())
    assert (report["dose"], report["view"], report["all_valid"]) == (list(DOSES), ["dense", "sparse"], True)
    _made_once(hub)
    main(["gate", "--hub", str(hub.root), "--require", "full"])
    full = [each for each in read_verdict(hub.verdict().record).comparisons if each.tier == "full"]
    assert {each.split for each in full if each.state == "accepted"} == {"train"}
    assert sum(each.state == "accepted" for each in full) == 4
    again = ptycho_hub(hub, "run", "--splits", "train")
    assert again.returncode == 0
    assert ": made in" not in "".join(line for line in again.stdout.splitlines() if line.startswith("Phase "))


def _made_once(hub: Hub) -> None:
    """No step that came to its end was begun again; each dose's steps have logs of their own."""
    for dose in DOSES:
        log = hub.step_log(f"phase_e_baseline_gs1_dose{dose}").read_text()
        assert log.count("trained baseline") == 1
        assert "--- attempt" in hub.step_log(f"phase_c_generation_dose{dose}").read_text()
        for name in ("phase_d_sparse", "phase_f_sparse_train", "phase_g_sparse_train"):
            assert hub.step_log(f"{name}_dose{dose}").is_file()
            assert not hub.step_log(name).exists()
