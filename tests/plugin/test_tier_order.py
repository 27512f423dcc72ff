"""A tier waits for the one before it: full for a green debug of the same inputs."""

from __future__ import annotations

import re
from pathlib import Path

from processes import until
from ptycho_compare.sigterm import EXIT_STOPPED
from sessions import (
    TRAIN,
    events,
    job_of,
    junit_of,
    launches,
    made_another_scan,
    notes,
    run_here,
    worked_s,
)

from .conftest import Unbroken

DEBUG = TRAIN.replace("-full", "-debug")


def begins(hub: Path, *options: str) -> None:
    """The job starts; it is stopped, before it comes far."""
    done = run_here(hub, "-m", "full", "-k", "train", "--ptycho-detach", *options)
    assert done.returncode == EXIT_STOPPED, done.stdout
    assert f"{TRAIN}: detached" in done.stdout
    until(lambda: events(hub, "running"))
    job_of(hub).stop.touch()
    assert launches(hub) == {"train-full": 1}


def test_full_is_blocked_before_debug(untried_hub: Path, tmp_path: Path) -> None:
    done = run_here(untried_hub, "-m", "full", f"--junitxml={tmp_path}/j.xml")
    assert done.returncode == 1, done.stdout
    assert "2 blocked" in done.stdout
    line = (
        f"prerequisite: {DEBUG} is not green, and {TRAIN} comes after it: missing: {DEBUG} was not computed"
    )
    assert line in done.stdout
    assert "run pytest -m debug first" in done.stdout
    assert junit_of(tmp_path / "j.xml")[TRAIN].outcome == "error"
    text = "\n".join(note.read_text() for note in notes(untried_hub, "tier_gate"))
    assert line in text
    assert "The tier named above is green in this hub for the same inputs." in text
    assert launches(untried_hub) == {}


def test_both_tiers_on_two_workers(unbroken: Unbroken) -> None:
    """Whoever has full waits for debug, or does it; each job is done once."""
    assert "3 passed" in unbroken.said
    assert launches(unbroken.hub) == {"train-debug": 1, "test-debug": 1, "train-full": 1}
    assert worked_s(unbroken.hub, "train", "debug")[1] < worked_s(unbroken.hub, "train", "full")[0]


def test_a_debug_of_other_inputs_blocks_full(hub_after_debug: Path) -> None:
    made_another_scan(hub_after_debug)
    done = run_here(hub_after_debug, "-m", "full", "-k", "train")
    assert done.returncode == 1, done.stdout
    assert re.search(
        rf"prerequisite: {DEBUG} is not green, .*: stale: .*: input test_data was \w+, is \w+", done.stdout
    )
    assert "train-full" not in launches(hub_after_debug)


class TestATierStartsWithoutTheOneBefore:
    def test_where_the_option_says_so(self, untried_hub: Path) -> None:
        begins(untried_hub, "--ptycho-any-tier")

    def test_where_the_study_says_so(self, untried_hub: Path) -> None:
        study = untried_hub / "study.toml"
        study.write_text(study.read_text().replace("[tiers.full]\n", '[tiers.full]\nafter = ""\n'))
        begins(untried_hub)

    def test_where_the_tier_that_the_study_names_is_green(self, hub_after_debug: Path) -> None:
        study = hub_after_debug / "study.toml"
        study.write_text(
            study.read_text() + '\n[tiers.night]\nafter = "debug"\n[tiers.week]\nafter = "night"\n'
        )
        done = run_here(hub_after_debug, "-m", "week", "-k", "train")
        assert done.returncode == 1, done.stdout
        assert "run pytest -m night first" in done.stdout
