"""`ptycho-hub run` and `conditions`: phases C, D and G for real, E and F by a lab's own commands."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from bundles import damage_weights
from lab_runs import DOSE, LAB, STUDY, WHERE, hub_of
from processes import PTYCHO_HUB, ROOT, environment, nobody_left, until
from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.hub import Artifacts, Hub
from ptycho_compare.phases.comparison.verified import Recomputation
from ptycho_compare.phases.pipeline.conditions import conditions
from ptycho_compare.phases.pipeline.study_plan import plan_of
from ptycho_compare.records.comparison_list import read_job_list
from ptycho_compare.records.step_record import read_step_record
from ptycho_compare.records.tables.metrics_csv import read_metrics_csv
from ptycho_compare.storage.files import sha256_of
from ptycho_compare.study import load_study
from sessions import ptycho_hub

Capture = pytest.CaptureFixture[str]
MADE = ("data/", "analysis/", "cli/", "jobs/")
TITLES = [
    "Phase C: Dataset Generation",
    "Phase D: Overlap View Generation",
    "Phase E: Training Baseline (gs1)",
    "Phase E: Training Dense (gs2)",
    "Phase F: Reconstruction Dense train",
    "Phase F: Reconstruction Dense test",
    "Phase G: Comparison Dense train",
    "Phase G: Comparison Dense test",
]


def attempts(hub: Hub) -> dict[str, int]:
    """Count how often each command was started, by its log."""
    logs = sorted((hub.root / "cli").glob("*.log"))
    return {log.stem: log.read_text().count("--- attempt") for log in logs}


def snapshot(folder: Path) -> dict[str, str]:
    """Return digests of all files below a folder."""
    return {
        path.relative_to(folder).as_posix(): sha256_of(path) for path in folder.rglob("*") if path.is_file()
    }


def allowed(hub: Hub, *words: str) -> subprocess.CompletedProcess[str]:
    return ptycho_hub(hub.root, *words, "--allow-commands")


class TestARun:
    def test_says_what_it_does_in_order(self, run_hub: Hub) -> None:
        said = (run_hub.root.parent / "first.txt").read_text()
        banners = re.findall(r"(?m)^\[(\d+)/11\] (.+)$", said)
        assert [int(number) for number, _ in banners] == list(range(1, 12))
        assert [title for _, title in banners][:6] == [title for title in TITLES if " test" not in title]
        assert said.rstrip().endswith("SUCCESS: All phases completed")
        assert said.count("SUCCESS") == 1
        closing = said.partition("Aggregate highlights preview\n")[2]
        for line in ("Key Metrics Deltas", f"Artifacts saved to: {run_hub.root}", "CLI logs: cli",
                     "Metrics digest: analysis/metrics_digest.md"):  # fmt: skip
            assert f"\n{line}\n" in closing, closing
        transcript = run_hub.step_log("run_phase_g_dense").read_text()
        assert said in transcript

    def test_leaves_a_log_and_a_record_per_step(self, run_hub: Hub) -> None:
        steps = (
            *(f"dose_{DOSE}-{name}" for name in ("simulate", "overlap-dense", "train-baseline")),
            "verify",
        )
        for step in steps:
            record = read_step_record(run_hub.step(step).record)
            assert record is not None
            for name, (sha256, size) in record.outputs.items():
                assert sha256_of(run_hub.root / name) == sha256
                assert (run_hub.root / name).stat().st_size == size
        assert "trained baseline" in run_hub.step_log(f"phase_e_baseline_gs1_dose{DOSE}").read_text()

    def test_compares_three_arms_on_every_split(self, run_hub: Hub) -> None:
        for split in ("train", "test"):
            table = Artifacts(run_hub.comparison_dir(DOSE, "dense", split, "full")).metrics
            assert {row.model for row in read_metrics_csv(table)} == {"PtychoPINN", "Baseline", "PtyChi"}

    def test_split_by_split_adds_up(self, run_hub: Hub) -> None:
        listed = read_job_list(run_hub.comparison_manifest())
        assert [job.split for job in listed.jobs] == ["train", "test"]
        assert (listed.n_success, listed.n_failed) == (2, 0)
        assert run_hub.comparison_summary().read_text().count(": ok") == 2

    def test_repeats_nothing(self, own: Hub) -> None:
        """Train was done by the first run; of the second only what it added, and what judges."""
        counted = attempts(own)
        phases = {name: count for name, count in counted.items() if name.startswith("phase_")}
        assert set(phases.values()) == {1}
        assert len(phases) == 8
        again = allowed(own, "run", *WHERE)
        assert again.returncode == 0
        assert again.stdout.count(": reused\n") == 2 * 12  # as they end, and in the list
        changed = {name for name, count in attempts(own).items() if count != counted[name]}
        assert changed == {"artifact_inventory_cli", "verify_dense", "check_dense_highlights"}

    def test_of_the_verification_only_runs_nothing_else(self, own: Hub) -> None:
        done = allowed(own, "run", *WHERE, "--splits", "train", "--post-verify-only")
        assert done.returncode == 0
        assert re.findall(r"(?m)^\[\d+/4\] (.+)$", done.stdout) == [
            "SSIM Grid Summary (phase-only)",
            "Artifact inventory",
            "Verification of the artifacts",
            "Check of the highlights",
        ]
        assert "SUCCESS: Post-verify-only mode completed" in done.stdout


class TestThePlan:
    def test_is_printed_and_nothing_is_written(self, tmp_path: Path, capsys: Capture) -> None:
        hub = hub_of(tmp_path / "hub")
        assert main(["run", "--hub", str(hub.root), *WHERE, "--collect-only"]) == 0
        said = capsys.readouterr().out
        assert [title for _, title in re.findall(r"(?m)^\[(\d+)/15\] (.+)$", said)][:8] == TITLES
        assert "after dose_1000000-simulate" in said
        assert str(LAB) in said
        assert [path.name for path in hub.root.iterdir()] == ["study.toml"]

    def test_says_what_is_done(self, run_hub: Hub, capsys: Capture) -> None:
        main(["run", "--hub", str(run_hub.root), *WHERE, "--collect-only"])
        assert capsys.readouterr().out.count("; done") == 12

    def test_of_one_split_has_fewer_steps(self, tmp_path: Path, capsys: Capture) -> None:
        hub = hub_of(tmp_path / "hub")
        main(["run", "--hub", str(hub.root), *WHERE, "--splits", "test", "--collect-only"])
        said = capsys.readouterr().out
        assert "[13/13]" in said
        titles = re.findall(r"(?m)^\[\d+/13\] (.+)$", said)
        assert titles[:6] == [title for title in TITLES if not title.endswith(" train")]

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (("--dose", "5", "--view", "dense"), "--dose 5: the study has 1000000"),
            (("--dose", str(DOSE), "--view", "sparse"), "--view sparse: the study has dense"),
            ((*WHERE, "--splits", "night"), "--split night: the study has train, test"),
            ((*WHERE, "--post-verify-only", "--clobber"), "exclude each other"),
            ((*WHERE, "--post-verify-only", "--skip-post-verify"), "exclude each other"),
            ((*WHERE, "--at-a-time", "0"), "needed: at least 1"),
        ],
    )
    def test_that_cannot_be_is_refused_in_a_line(
        self, tmp_path: Path, capsys: Capture, words: tuple[str, ...], said: str
    ) -> None:
        hub = hub_of(tmp_path / "hub")
        assert main(["run", "--hub", str(hub.root), *words, "--allow-commands"]) == 2
        error = capsys.readouterr().err
        assert said in error
        assert error.count("\n") == 1
        assert [path.name for path in hub.root.iterdir()] == ["study.toml"]


class TestAFailure:
    def test_is_noted_and_nothing_after_it_begins(self, tmp_path: Path) -> None:
        study = STUDY + 'phase_c = ["{python}", "-c", "dict()[1709]"]\n'
        hub = hub_of(tmp_path / "hub", study)
        done = allowed(hub, "run", *WHERE)
        assert done.returncode == 1
        assert done.stdout.count("not begun") == 14
        blocker = hub.blocker_log().read_text()
        assert blocker.startswith("Blocked at: ")
        assert "Return code: 1" in blocker
        assert "Full log: cli/phase_c_generation.log" in blocker
        (note,) = (hub.root / "red").glob("blocked_*_failed_step.md")
        assert "KeyError: 1709" in note.read_text()
        hub.study().write_text(STUDY)
        again = allowed(hub, "run", *WHERE, "--window", "1s")  # too short for anything but a look
        assert again.returncode == 75
        assert note.exists()

    def test_of_a_phase_that_left_nothing_is_red_in_spite_of_status_0(self, tmp_path: Path) -> None:
        study = STUDY + 'phase_c = ["{python}", "-c", "print(7)"]\n'
        hub = hub_of(tmp_path / "hub", study)
        done = allowed(hub, "run", *WHERE)
        assert done.returncode == 1
        assert "Blocked during Phase C metadata validation" in hub.blocker_log().read_text()
        assert "patched_train.npz" in hub.blocker_log().read_text()


class TestChangedFiles:
    def test_are_made_again_and_what_was_there_is_kept(self, own: Hub) -> None:
        """A network that was tampered with is found by its digest, moved away and trained again."""
        bundle = own.baseline_dir(DOSE) / "wts.h5.zip"
        before = sha256_of(bundle)
        damage_weights(bundle, "zero")
        tampered = sha256_of(bundle)
        done = allowed(own, "run", *WHERE, "--skip-post-verify", "--window", "200s")
        assert done.returncode == 0, done.stdout
        assert sha256_of(bundle) == before
        (kept,) = (own.root / "archive").rglob("wts.h5.zip")
        assert sha256_of(kept) == tampered

    def test_clobber_archives_all_that_was_made(self, own: Hub) -> None:
        before = snapshot(own.root)
        own.study().write_text(STUDY + 'phase_c = ["{python}", "-c", "raise SystemExit(3)"]\n')
        done = allowed(own, "run", *WHERE, "--clobber")
        assert done.returncode == 1
        (archive,) = (own.root / "archive").iterdir()
        made = {name: digest for name, digest in before.items() if name.startswith(MADE)}
        assert snapshot(archive) == made
        assert len(made) > 100
        assert list((own.root / "data").iterdir()) == []


class TestTheReturnConditions:
    def test_are_met_one_after_another(self, run_hub: Hub) -> None:
        said = (run_hub.root.parent / "conditions.txt").read_text()
        met = re.findall(r"(?m)^condition (\d)/7: met$", said)
        assert met == [str(number) for number in range(1, 8)]
        assert said.count("] Verification of the artifacts\n") == 1  # which computes all canvases again
        assert said.rstrip().endswith("SUCCESS: all seven return conditions are met")
        assert not run_hub.blocker_log().exists()

    def test_what_the_step_computed_again_is_not_computed_again_behind_it(
        self, own: Hub, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[str] = []
        monkeypatch.setattr(Recomputation, "__call__", lambda _, place: asked.append(place.split) or [])
        seventh = conditions(plan_of(own, load_study(own.study()), own.study()).parts[0])[6]
        assert seventh.once_made() == []
        assert asked == []
        assert seventh.check() == []
        assert asked == ["train", "test"]
        own.reports().digest.unlink()  # what takes no computing is looked at each time
        assert [finding for finding in seventh.once_made() if "metrics_digest.md" in finding.text] != []

    def test_end_at_a_dead_baseline(self, tmp_path: Path, run_hub: Hub) -> None:
        """The study's own halt rule: nothing goes on, and the note has its name."""
        own = hub_of(tmp_path / "hub")
        shutil.copytree(run_hub.root / "data", own.root / "data")
        damage_weights(own.baseline_dir(DOSE) / "wts.h5.zip", "zero")
        done = allowed(own, "conditions", "--splits", "train", "--given", "C", "D", "E", "F")
        assert done.returncode == 1
        assert "condition 1/7: not met" in done.stdout
        assert "condition 2/7" not in done.stdout
        (note,) = (own.root / "red").glob("blocked_*_zero_baseline.md")
        assert "Baseline" in note.read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("conditions", "give --dose: the study has 1000000, 5"),
        ("conditions --dose 5", "give --view: the study has dense, sparse"),
        ("simulate", "give --dose: the study has 1000000, 5"),
        ("overlap --dose 5", "give --view: the study has dense, sparse"),
        ("train --dose 5", "give --network: the study has baseline, dense, sparse"),
        ("reconstruct --dose 5 --view dense", "give --split: the study has train, test"),
    ],
)
def test_what_a_study_has_several_of_is_asked_for(
    tmp_path: Path, capsys: Capture, words: str, said: str
) -> None:
    study = STUDY.replace(f"doses = [{DOSE}]", f"doses = [{DOSE}, 5]")
    hub = hub_of(tmp_path / "hub", study.replace('views = ["dense"]', 'views = ["dense", "sparse"]'))
    assert main([*words.split(), "--hub", str(hub.root)]) == 2
    assert capsys.readouterr().err.endswith(f"{hub.study()}: {said}\n")


def test_a_stop_saves_the_work_and_the_same_command_goes_on(tmp_path: Path) -> None:
    hub = hub_of(tmp_path / "hub")
    words = ("run", "--hub", str(hub.root), *WHERE, "--splits", "train", "--allow-commands")
    command = (*PTYCHO_HUB, *words, "--skip-post-verify")
    with nobody_left(hub.root):
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment(hub.root), stdout=subprocess.PIPE, text=True
        )
        until(lambda: hub.step(f"dose_{DOSE}-overlap-dense").record.exists())
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate()
        assert process.returncode == 75
        assert "stopped with the work saved" in said
    done = allowed(hub, "run", *WHERE, "--splits", "train", "--window", "1s")
    assert done.returncode == 75
    assert attempts(hub)["phase_c_generation"] == 1


@pytest.mark.parametrize("command", [("run",), ("conditions",), ("run", "--clobber")], ids=" ".join)
def test_commands_that_came_with_a_hub_run_only_when_the_user_says_so(
    tmp_path: Path, capsys: Capture, command: tuple[str, ...]
) -> None:
    mark = tmp_path / "mark"
    study = STUDY[: STUDY.index("[commands]")] + f'[commands]\nphase_c = ["touch", "{mark}"]\n'
    hub = hub_of(tmp_path / "hub", study)
    words = [command[0], "--hub", str(hub.root), *WHERE, *command[1:], "--window", "60s"]
    assert main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{hub.study()}: [commands] phase_c" in line
    assert "--allow-commands" in line
    assert [path.name for path in hub.root.iterdir()] == ["study.toml"]
    assert main([*words, "--allow-commands"]) == 1  # phase C leaves no data
    assert mark.exists()


def test_commands_of_a_study_that_the_user_named_run(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    study = STUDY[: STUDY.index("[commands]")] + f'[commands]\nphase_c = ["touch", "{mark}"]\n'
    hub = hub_of(tmp_path / "hub", study)
    mine = hub.study().rename(tmp_path / "mine.toml")
    words = ["run", "--hub", str(hub.root), "--study", str(mine), *WHERE, "--window", "60s"]
    assert main(words) == 1
    assert mark.exists()
