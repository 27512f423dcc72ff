"""`ptycho-hub work ID`: one step or comparison, and how that ends."""

from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from lab_runs import DOSE, LAB, STUDY, hub_of
from processes import PTYCHO_HUB, ROOT, environment, nobody_left, until
from ptycho_compare.hub import Hub
from ptycho_compare.jobs.progress import read_progress
from ptycho_compare.sigterm import EXIT_STOPPED
from sessions import TRAIN, events, gained, job_of, ptycho_hub

SIMULATE = f"dose_{DOSE}-simulate"


def work(hub: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return ptycho_hub(hub, "work", *words)


def started(hub: Path, *words: str, blocked: bool = False) -> subprocess.Popen[str]:
    def keep_waiting() -> None:
        if blocked:
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})

    return subprocess.Popen(
        [*PTYCHO_HUB, "work", *words, "--hub", str(hub)],
        cwd=ROOT,
        env=environment(hub),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=keep_waiting,
    )


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Hub:
    """A hub in which phase C is done, by one job."""
    hub = hub_of(tmp_path_factory.mktemp("work") / "hub")
    done = work(hub.root, SIMULATE, "--allow-commands")
    assert done.returncode == 0, done.stdout
    assert f"SUCCESS: {SIMULATE}" in done.stdout
    return hub


class TestAStep:
    def test_is_made_once(self, lab: Hub) -> None:
        assert lab.step(SIMULATE).record.is_file()
        assert "reused" in work(lab.root, SIMULATE, "--allow-commands").stdout
        assert len(read_progress(lab.step(SIMULATE).job).attempts) == 1

    def test_whose_inputs_are_missing_is_not_begun(self, lab: Hub) -> None:
        done = work(lab.root, f"dose_{DOSE}-train-dense", "--allow-commands")
        assert done.returncode == 2
        assert "needs it" in done.stdout

    def test_that_fails_ends_with_1_and_leaves_a_note(self, tmp_path: Path) -> None:
        hub = hub_of(tmp_path / "hub", STUDY.replace(f'"{LAB}"', '"-c", "raise SystemExit(3)"'))
        assert work(hub.root, SIMULATE, "--allow-commands").returncode == 0
        done = work(hub.root, f"dose_{DOSE}-train-baseline", "--allow-commands")
        assert done.returncode == 1
        assert "exit status 3" in done.stdout
        assert len([*(hub.root / "red").glob("blocked_*")]) == 1

    def test_of_no_study_is_one_line(self, lab: Hub) -> None:
        done = work(lab.root, f"dose_{DOSE}-simulat", "--allow-commands")
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
        assert f"did you mean {SIMULATE}?" in done.stderr

    def test_runs_no_commands_of_a_hub_that_nobody_read(self, lab: Hub) -> None:
        done = work(lab.root, SIMULATE)
        assert done.returncode == 2
        assert "--allow-commands" in done.stderr


@pytest.fixture
def slow(slow_hub: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(slow_hub, tmp_path / "hub"))


@pytest.mark.slow
def test_a_comparison_stops_with_its_work_saved_and_goes_on(slow: Path) -> None:
    with nobody_left(slow):
        process = started(slow, TRAIN)
        gained(slow)
        process.terminate()
        assert process.wait() == EXIT_STOPPED
        done = work(slow, TRAIN)
    assert done.returncode == 0, done.stdout
    first, second = read_progress(job_of(slow)).attempts
    assert first.gained > 0
    assert second.gained + first.gained == sum(
        part.total for part in read_progress(job_of(slow)).parts.values()
    )
    assert TRAIN.removesuffix("-full") in Hub(slow).comparison_summary().read_text()


def test_a_shard_whose_ticket_is_another_by_now_does_nothing(light_hub: Path) -> None:
    done = work(light_hub, TRAIN, "--shard", "1/2", "--ticket", "ptycho-0-0")
    assert done.returncode == 1
    assert "its ticket was withdrawn, or replaced by another submission" in done.stdout
    assert not job_of(light_hub).shards.exists()


def test_sigterm_that_a_job_script_kept_waiting_is_heard(slow: Path) -> None:
    """From before there was anybody who could hear it."""
    with nobody_left(slow):
        process = started(slow, TRAIN, blocked=True)
        process.terminate()
        _, said = process.communicate()
    assert process.returncode == EXIT_STOPPED, said
    assert "the same command goes on" in said


@pytest.mark.slow
def test_a_window_that_is_too_short_for_it_ends_red_after_two_restarts(slow: Path) -> None:
    codes = []
    with nobody_left(slow):
        for restarts in range(3):
            (job_of(slow).folder).mkdir(parents=True, exist_ok=True)
            process = subprocess.Popen(
                [*PTYCHO_HUB, "work", TRAIN, "--hub", str(slow)],
                cwd=ROOT,
                env=environment(slow, SLURM_JOB_ID="7", SLURM_RESTART_COUNT=str(restarts)),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            until(lambda count=restarts: len(events(slow, "launched")) > count)
            process.terminate()
            _, said = process.communicate()
            codes.append(process.returncode)
    assert codes == [EXIT_STOPPED, EXIT_STOPPED, 1], said
    assert "too short" in said
