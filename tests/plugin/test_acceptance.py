"""The acceptance tests as people run them, on small hubs, with and without workers."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from bundles import damage_weights
from hubs import DOSE, SPLITS, light, make_split
from ptycho_compare.checks.blocker import closing_of, open_blockers
from ptycho_compare.hub import Hub
from scans import write_scan
from sessions import BASELINE, launches, run_pytest

from .conftest import said_of

WHO_WINS = "(is best|cannot be told apart|no winner)"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*")) if folder.exists() else []


def is_green(hub: Path, said: str, *splits: str) -> list[str]:
    """The debug comparisons of the splits are: what the session said and left in the hub; the logs."""
    assert f"{len(splits)} passed" in said
    logs = [(hub / "green" / name).read_text() for name in names(hub / "green")]
    for split, log in zip(sorted(splits), logs, strict=True):
        assert "outcome: passed" in log
        assert f"ptycho_hub compare dose_{DOSE}-dense-{split}-debug" in log
        assert "DIAGNOSTIC baseline_output stats" in log
    assert names(hub / "red") == []
    for split in splits:
        assert (hub / f"analysis/dose_{DOSE}/dense/{split}_debug_v4/comparison_metrics.csv").exists()
        assert re.search(rf"dose_{DOSE}-dense-{split}-debug +passed", said)
    return logs


def test_a_good_hub_is_green_on_two_workers(debugged_hub: Path) -> None:
    """The debug tier of the hub that other tests copy was run with -n2."""
    is_green(debugged_hub, said_of(debugged_hub), *SPLITS)


@pytest.mark.slow
def test_real_networks_are_green_side_by_side(own_hub: Path) -> None:
    done = run_pytest("-m", "debug", "--hub", str(own_hub), "-n2")
    assert done.returncode == 0, done.stdout
    is_green(own_hub, done.stdout, *SPLITS)


def test_real_networks_and_figures_are_green_in_a_worker(own_hub: Path) -> None:
    done = run_pytest("-m", "debug", "--hub", str(own_hub), "-n1", "-k", "train")
    assert done.returncode == 0, done.stdout
    is_green(own_hub, done.stdout, "train")
    assert re.search(rf"^dose_{DOSE}-dense-train-debug: .*{WHO_WINS}", done.stdout, re.MULTILINE)


@pytest.mark.slow
def test_the_two_commands_of_a_study_in_turn(light_hub: Path) -> None:
    """As a study's plan writes them; the second finds that the first was green."""
    for command in (["-m", "debug"], ["-m", "full", "--timeout=0"]):
        done = run_pytest(*command, "--hub", str(light_hub), "-k", "train", place=light_hub)
        assert done.returncode == 0, done.stdout
        assert re.search(rf"^dose_{DOSE}-dense-train-\w+: .*{WHO_WINS}", done.stdout, re.MULTILINE)
    assert (light_hub / f"analysis/dose_{DOSE}/dense/train/comparison_metrics.csv").exists()
    assert launches(light_hub) == {"train-debug": 1, "train-full": 1}


@pytest.mark.parametrize("how", ["zero", pytest.param("flat", marks=pytest.mark.slow)])
def test_a_dead_baseline_is_red_with_a_note(own_hub: Path, how: str) -> None:
    """The failure this project was made for."""
    if how == "zero":  # which needs no network to come out
        light(own_hub)
    damage_weights(own_hub / BASELINE, how)
    which = ["-n2"] if how == "zero" else ["-k", "test-debug"]
    count = 2 if how == "zero" else 1
    done = run_pytest("-m", "debug", "--hub", str(own_hub), *which, place=own_hub)
    assert done.returncode == 1, done.stdout
    assert f"{count} failed" in done.stdout
    assert re.search(r"dead: arm Baseline: (constant|flat|zero|non_finite|mostly_empty): ", done.stdout)
    notes = [name for name in names(own_hub / "red") if name.startswith("blocked_")]
    assert len(notes) == count
    assert all(re.fullmatch(r"blocked_\d{8}T\d{6}Z_zero_baseline(_\d+)?\.md", name) for name in notes)
    note = (own_hub / "red" / notes[0]).read_text()
    for part in ("dead: arm Baseline", "DIAGNOSTIC baseline_output stats", "ptycho_hub compare dose_",
                 "exit status 1", f"analysis/dose_{DOSE}/dense/", "## Condition to return"):  # fmt: skip
        assert part in note, part
    assert len(names(own_hub / "red")) == 2 * count
    table = (own_hub / f"analysis/dose_{DOSE}/dense/test_debug_v4/comparison_metrics.csv").read_text()
    assert re.search(r"^PtychoPINN,ssim,0\.\d+,-?0\.\d+,,ok", table, re.MULTILINE)


def test_arms_of_the_study_are_judged_like_the_others(light_hub: Path) -> None:
    """A study may name any number of files, and require them."""
    (light_hub / "extra").mkdir()
    ptychi = light_hub / f"data/phase_f/dose_{DOSE}/dense/train/ptychi_reconstruction.npz"
    shutil.copy(ptychi, light_hub / f"extra/dose_{DOSE}_dense_train.npz")
    study = light_hub / "study.toml"
    arm = '\n[arms.LSQML]\npath = "extra/dose_{dose}_{view}_{split}.npz"\n'
    study.write_text(study.read_text().replace('"Baseline"]', '"Baseline", "LSQML"]') + arm)
    done = run_pytest("-m", "debug", f"--hub={light_hub}", place=light_hub)
    assert done.returncode == 1, done.stdout
    assert re.search(r"1 passed, .*1 blocked", done.stdout)
    assert "extra/dose_1000_dense_test.npz: there is no such file" in done.stdout
    table = light_hub / f"analysis/dose_{DOSE}/dense/train_debug_v4/comparison_metrics.csv"
    assert re.search(r"^LSQML,ssim,0\.\d+,0\.\d+,,ok", table.read_text(), re.MULTILINE)


def test_a_study_without_truth_is_green_by_its_own_verdicts(light_hub: Path) -> None:
    arrays = make_split()
    del arrays["objectGuess"]
    write_scan(light_hub / f"data/phase_c/dose_{DOSE}/patched_train.npz", arrays)
    done = run_pytest("-m", "debug", f"--hub={light_hub}", "-k", "train", place=light_hub)
    assert done.returncode == 0, done.stdout
    (log,) = is_green(light_hub, done.stdout, "train")
    assert "no true object: arms are judged by their residual" in log


def test_a_missing_model_blocks_until_it_is_there(light_hub: Path) -> None:
    model = light_hub / BASELINE
    elsewhere = model.rename(light_hub / "elsewhere.zip")
    both = run_pytest("-m", "debug", "--hub", str(light_hub), place=light_hub)
    assert both.returncode == 1
    assert "2 blocked" in both.stdout
    assert re.search(r"missing: .*baseline/gs1", both.stdout)
    assert launches(light_hub) == {}
    notes = sorted((light_hub / "red").glob("blocked_*_missing_input*.md"))
    assert [blocker.note for blocker in open_blockers(Hub(light_hub))] == notes
    assert all("The files named above are there." in note.read_text() for note in notes)
    elsewhere.rename(model)
    done = run_pytest("-m", "debug", "--hub", str(light_hub), "-k", "train", place=light_hub)
    assert done.returncode == 0, done.stdout
    (left,) = open_blockers(Hub(light_hub))
    assert left.subject == f"dose_{DOSE}-dense-test-debug"
    (closed,) = (note for note in notes if note != left.note)
    record = json.loads(closing_of(closed).read_text())
    assert record["subject"] == f"dose_{DOSE}-dense-train-debug"
    assert "test_every_arm_is_alive_and_scored" in record["closed_by"]


def test_ptychi_is_required_in_full_only(light_hub: Path) -> None:
    shutil.rmtree(light_hub / "data/phase_f")
    both = ("-m", "debug or full", "-k", "dense-test")
    done = run_pytest(*both, "--hub", str(light_hub), place=light_hub)
    assert done.returncode == 1
    assert "1 passed" in done.stdout
    assert "1 blocked" in done.stdout
    assert "requires PtyChi; run phase F for this split" in done.stdout


def test_stale_evidence_is_not_taken_for_new(compared_hub: Path, tmp_path: Path) -> None:
    """A green run's artifacts stay when the next run dies before computing; they must not count."""
    hub = Path(shutil.copytree(compared_hub, tmp_path / "hub"))
    green = run_pytest("-m", "debug", "--hub", str(hub), "-k", "train")
    assert green.returncode == 0, green.stdout
    assert "Fienup error" in green.stdout
    (hub / BASELINE).write_bytes(b"PK broken")
    again = run_pytest("-m", "debug", "--hub", str(hub), "-k", "train")
    assert again.returncode == 1
    assert "Fienup error" not in again.stdout


class TestWhichHub:
    def test_option_beats_environment_beats_ini(self, tmp_path: Path) -> None:
        for name in ("option", "environment", "ini"):
            (tmp_path / name / "data").mkdir(parents=True)
        ini = ["-o", f"ptycho_hub={tmp_path / 'ini'}"]
        option = ["--hub", str(tmp_path / "option")]
        environment = {"PTYCHO_HUB": str(tmp_path / "environment")}
        assert f"ptycho: hub {tmp_path / 'ini'}" in run_pytest(*ini, "--collect-only", measured=True).stdout
        assert (
            f"ptycho: hub {tmp_path / 'environment'}"
            in run_pytest(*ini, "--collect-only", **environment).stdout
        )
        shown = run_pytest(*ini, *option, "--collect-only", **environment).stdout
        assert f"ptycho: hub {tmp_path / 'option'}" in shown

    def test_no_hub_is_said(self) -> None:
        done = run_pytest("-m", "debug", "-k", "train", measured=True)
        assert done.returncode == 1
        assert "no hub: give --hub DIR, or set PTYCHO_HUB" in done.stdout

    def test_a_hub_that_does_not_exist(self, tmp_path: Path) -> None:
        done = run_pytest("--hub", str(tmp_path / "none"), measured=True)
        assert done.returncode == 4
        assert "--hub: " in done.stderr
        assert "there is no such folder" in done.stderr
        done = run_pytest("-m", "debug", "-k", "train", measured=True, PTYCHO_HUB=str(tmp_path / "none"))
        assert done.returncode == 1
        assert "there is no such folder" in done.stdout


class TestWhichStudy:
    def test_the_named_one_beats_the_hub_s(self, small_hub: Path, tmp_path: Path) -> None:
        (tmp_path / "other.toml").write_text(
            (small_hub / "study.toml")
            .read_text()
            .replace("[1000]", "[7, 5]")
            .replace('"train", "test"', '"only"')
        )
        named = run_pytest(
            "--collect-only", "-q", "--hub", str(small_hub), "--ptycho-study", str(tmp_path / "other.toml")
        )
        assert "[dose_5-dense-only-debug]" in named.stdout
        own = run_pytest("--collect-only", "-q", "--hub", str(small_hub))
        assert f"[dose_{DOSE}-dense-train-debug]" in own.stdout
        shipped = run_pytest("--collect-only", "-q", measured=True)
        assert "[dose_1000000000-dense-train-debug]" in shipped.stdout

    def test_a_mistake_is_one_line(self, own_hub: Path) -> None:
        (own_hub / "study.toml").write_text("name = 3\n")
        done = run_pytest("--hub", str(own_hub), measured=True)
        assert done.returncode == 2
        assert "study.toml: line 1: 'name': Input should be a valid string" in done.stdout
        assert "Traceback" not in done.stdout

    def test_a_study_that_does_not_exist(self, tmp_path: Path) -> None:
        done = run_pytest("--ptycho-study", str(tmp_path / "none.toml"), measured=True)
        assert done.returncode == 4
        assert "there is no such file" in done.stderr

    def test_every_tier_becomes_a_mark(self, own_hub: Path) -> None:
        study = own_hub / "study.toml"
        study.write_text(study.read_text() + "\n[tiers.night]\ngroups = 9\n")
        done = run_pytest("--collect-only", "-q", "-m", "night", "--hub", str(own_hub))
        assert re.search(r"\n2/\d+ tests collected", done.stdout)


def test_the_plugin_can_be_switched_off() -> None:
    done = run_pytest("-p", "no:ptycho", "-q", "tests/test_floors.py", "-k", "two_classes")
    assert done.returncode == 0, done.stdout
