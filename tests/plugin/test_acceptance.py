"""The acceptance tests as people run them, on small hubs, with and without workers."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from bundles import damage_weights
from hubs import DOSE, SPLITS, light, make_split
from ptycho_compare.checks.blocker import Blocker, closing_of, open_blockers
from ptycho_compare.hub import Artifacts, Hub
from scans import write_scan
from sessions import BASELINE, TEST, folder_of, launches, notes, run_here

from .conftest import Unbroken

Done = subprocess.CompletedProcess[str]
WHO_WINS = "(is best|cannot be told apart|no winner)"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*")) if folder.exists() else []


def is_green(hub: Path, said: str, *places: tuple[str, str]) -> None:
    """The comparisons, each a split and a tier, are: what the session said and left in the hub."""
    assert f"{len(places)} passed" in said
    assert len(names(hub / "green")) == len(places)
    assert names(hub / "red") == []
    for split, tier in places:
        case = f"dose_{DOSE}-dense-{split}-{tier}"
        (log,) = (path.read_text() for path in (hub / "green").glob(f"*{case}*"))
        assert "outcome: passed" in log
        assert f"ptycho_hub compare {case}" in log
        assert "DIAGNOSTIC baseline_output stats" in log
        assert Artifacts(folder_of(hub, split, tier)).metrics.exists()
        assert re.search(rf"{case} +passed", said)
        assert re.search(rf"^{case}: .*{WHO_WINS}", said, re.MULTILINE)


def test_a_good_hub_is_green_on_two_workers(unbroken: Unbroken) -> None:
    """The hub that other tests copy was judged with -n2."""
    is_green(unbroken.hub, unbroken.said, *((split, "debug") for split in SPLITS), ("train", "full"))


@pytest.mark.slow
def test_real_networks_are_green_side_by_side(own_hub: Path) -> None:
    done = run_here(own_hub, "-m", "debug", "-n2")
    assert done.returncode == 0, done.stdout
    is_green(own_hub, done.stdout, *((split, "debug") for split in SPLITS))


def test_real_networks_and_figures_are_green(own_hub: Path) -> None:
    done = run_here(own_hub, "-m", "debug", "-k", "train")
    assert done.returncode == 0, done.stdout
    is_green(own_hub, done.stdout, ("train", "debug"))


@pytest.mark.parametrize("how", ["zero", pytest.param("flat", marks=pytest.mark.slow)])
def test_a_dead_baseline_is_red_with_a_note_and_blocks_full(own_hub: Path, how: str) -> None:
    """The failure this project was made for."""
    if how == "zero":  # which needs no network to come out
        light(own_hub)
    damage_weights(own_hub / BASELINE, how)
    done = run_here(own_hub, "-m", "debug or full", "-k", "test-debug or test-full")
    assert done.returncode == 1, done.stdout
    assert "1 failed, " in done.stdout
    assert "1 blocked" in done.stdout
    debug = TEST.replace("-full", "-debug")
    assert f"evidence = <evidence of {debug}; findings: 1>" in done.stdout  # and no long text of its fields
    assert re.search(rf"prerequisite: {debug} is not green, .*: dead: arm Baseline: ", done.stdout)
    assert launches(own_hub) == {"test-debug": 1}
    assert re.search(r"dead: arm Baseline: (constant|flat|zero|non_finite|mostly_empty): ", done.stdout)
    (path,) = notes(own_hub, "zero_baseline")
    assert re.fullmatch(r"blocked_\d{8}T\d{6}Z_zero_baseline\.md", path.name)
    note = path.read_text()
    for part in ("dead: arm Baseline", "DIAGNOSTIC baseline_output stats", "ptycho_hub compare dose_",
                 "exit status 1", f"analysis/dose_{DOSE}/dense/", "## Condition to return"):  # fmt: skip
        assert part in note, part
    assert len(notes(own_hub, "")) == len(notes(own_hub, "tier_gate")) + 1
    assert len(names(own_hub / "red")) == 4  # each comparison has its log, and its note
    table = (own_hub / f"analysis/dose_{DOSE}/dense/test_debug_v4/comparison_metrics.csv").read_text()
    assert re.search(r"^PtychoPINN,ssim,0\.\d+,-?0\.\d+,,ok", table, re.MULTILINE)


@dataclass(frozen=True)
class Judged:
    """A hub that was judged without the Baseline's model, and again when it was there.

    The debug tier requires an arm of the study's own, LSQML, of which the test split has no file; full
    requires PtyChi, which nobody made. The third split has no true object.
    """

    hub: Path
    without: Done
    launched: dict[str, int]
    open: list[Blocker]
    session: Done

    def named(self, split: str, tier: str = "debug") -> str:
        return f"dose_{DOSE}-dense-{split}-{tier}"


@pytest.fixture(scope="module")
def judged(small_hub: Path, tmp_path_factory: pytest.TempPathFactory) -> Judged:
    hub = light(Path(shutil.copytree(small_hub, tmp_path_factory.mktemp("judged") / "hub")))
    arrays = make_split()  # of the train split
    del arrays["objectGuess"]
    write_scan(hub / f"data/phase_c/dose_{DOSE}/patched_third.npz", arrays)
    (hub / "extra").mkdir()
    for split in ("train", "third"):
        ptychi = hub / f"data/phase_f/dose_{DOSE}/dense/train/ptychi_reconstruction.npz"
        shutil.copy(ptychi, hub / f"extra/dose_{DOSE}_dense_{split}.npz")
    shutil.rmtree(hub / "data/phase_f")
    study = hub / "study.toml"
    text = study.read_text().replace('"test"]', '"test", "third"]')
    arm = '\n[arms.LSQML]\npath = "extra/dose_{dose}_{view}_{split}.npz"\n'
    study.write_text(text.replace('"Baseline"]', '"Baseline", "LSQML"]') + arm)
    which = ("-m", "debug or full", "-k", "debug or train-full")
    elsewhere = (hub / BASELINE).rename(hub / "elsewhere.zip")
    without = run_here(hub, *which)
    launched, notes = launches(hub), open_blockers(Hub(hub))
    elsewhere.rename(hub / BASELINE)
    return Judged(hub, without, launched, notes, run_here(hub, *which))


def test_a_missing_model_blocks_until_it_is_there(judged: Judged) -> None:
    assert judged.without.returncode == 1
    assert "4 blocked" in judged.without.stdout
    assert re.search(r"missing: .*baseline/gs1", judged.without.stdout)
    assert judged.launched == {}
    notes = sorted((judged.hub / "red").glob("blocked_*_missing_input*.md"))
    of_model = {each.subject: each.note for each in judged.open if each.topic == "missing_input"}
    assert set(of_model) >= {judged.named(split) for split in (*SPLITS, "third")}
    assert {*of_model.values()} <= {*notes}
    assert all("The files named above are there." in note.read_text() for note in notes)
    left = {each.subject for each in open_blockers(Hub(judged.hub))}
    assert judged.named("test") in left
    assert judged.named("train") not in left
    record = json.loads(closing_of(of_model[judged.named("train")]).read_text())
    assert record["subject"] == judged.named("train")
    assert "test_every_arm_is_alive_and_scored" in record["closed_by"]


def test_arms_of_the_study_are_judged_like_the_others(judged: Judged) -> None:
    """A study may name any number of files, and require them."""
    assert judged.session.returncode == 1, judged.session.stdout
    assert re.search(r"2 passed, .*2 blocked", judged.session.stdout), judged.session.stdout
    assert "extra/dose_1000_dense_test.npz: there is no such file" in judged.session.stdout
    table = judged.hub / f"analysis/dose_{DOSE}/dense/train_debug_v4/comparison_metrics.csv"
    assert re.search(r"^LSQML,ssim,0\.\d+,0\.\d+,,ok", table.read_text(), re.MULTILINE)


def test_a_study_without_truth_is_green_by_its_own_verdicts(judged: Judged) -> None:
    assert re.search(rf"{judged.named('third')} +passed", judged.session.stdout)
    (log,) = (
        (judged.hub / "green" / name).read_text() for name in names(judged.hub / "green") if "third" in name
    )
    assert "outcome: passed" in log
    assert "no true object: arms are judged by their residual" in log


def test_ptychi_is_required_in_full_only(judged: Judged) -> None:
    assert re.search(rf"{judged.named('train')} +passed", judged.session.stdout)
    assert re.search(rf"{judged.named('train', 'full')} +blocked", judged.session.stdout)
    assert "requires PtyChi; run phase F for this split" in judged.session.stdout


def test_stale_evidence_is_not_taken_for_new(hub_after_debug: Path) -> None:
    """A green run's artifacts stay when the next run dies before computing; they must not count."""
    green = run_here(hub_after_debug, "-m", "debug", "-k", "train")
    assert green.returncode == 0, green.stdout
    assert "Fienup error" in green.stdout
    (hub_after_debug / BASELINE).write_bytes(b"PK broken")
    again = run_here(hub_after_debug, "-m", "debug", "-k", "train")
    assert again.returncode == 1
    assert "Fienup error" not in again.stdout


class TestWhichHub:
    def test_option_beats_environment_beats_ini(self, tmp_path: Path) -> None:
        for name in ("option", "environment", "ini"):
            (tmp_path / name / "data").mkdir(parents=True)
        ini = ["-o", f"ptycho_hub={tmp_path / 'ini'}"]
        option = ["--hub", str(tmp_path / "option")]
        environment = {"PTYCHO_HUB": str(tmp_path / "environment")}
        assert f"ptycho: hub {tmp_path / 'ini'}" in run_here(None, *ini, "--collect-only").stdout
        assert (
            f"ptycho: hub {tmp_path / 'environment'}"
            in run_here(None, *ini, "--collect-only", **environment).stdout
        )
        shown = run_here(None, *ini, *option, "--collect-only", **environment).stdout
        assert f"ptycho: hub {tmp_path / 'option'}" in shown

    def test_no_hub_is_said(self) -> None:
        done = run_here(None, "-m", "debug", "-k", "train")
        assert done.returncode == 1
        assert "no hub: give --hub DIR, or set PTYCHO_HUB" in done.stdout

    def test_a_hub_that_does_not_exist(self, tmp_path: Path) -> None:
        done = run_here(None, "--hub", str(tmp_path / "none"))
        assert done.returncode == 4
        assert "--hub: " in done.stderr
        assert "there is no such folder" in done.stderr
        done = run_here(None, "-m", "debug", "-k", "train", PTYCHO_HUB=str(tmp_path / "none"))
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
        other = ("--ptycho-study", str(tmp_path / "other.toml"))
        named = run_here(small_hub, "--collect-only", "-q", *other)
        assert "[dose_5-dense-only-debug]" in named.stdout
        own = run_here(small_hub, "--collect-only", "-q")
        assert f"[dose_{DOSE}-dense-train-debug]" in own.stdout
        shipped = run_here(None, "--collect-only", "-q")
        assert "[dose_1000000000-dense-train-debug]" in shipped.stdout

    def test_a_mistake_is_one_line(self, own_hub: Path) -> None:
        (own_hub / "study.toml").write_text("name = 3\n")
        done = run_here(own_hub)
        assert done.returncode == 2
        assert "study.toml: line 1: 'name': Input should be a valid string" in done.stdout
        assert "Traceback" not in done.stdout

    def test_a_study_that_does_not_exist(self, tmp_path: Path) -> None:
        done = run_here(None, "--ptycho-study", str(tmp_path / "none.toml"))
        assert done.returncode == 4
        assert "there is no such file" in done.stderr

    def test_every_tier_becomes_a_mark(self, own_hub: Path) -> None:
        study = own_hub / "study.toml"
        study.write_text(study.read_text() + "\n[tiers.night]\ngroups = 9\n")
        done = run_here(own_hub, "--collect-only", "-q", "-m", "night")
        assert re.search(r"\n2/\d+ tests collected", done.stdout)
