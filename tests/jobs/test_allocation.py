"""Inside an allocation of a batch system: restarts that gain nothing end red, and nothing is detached."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ptycho_compare.hub import Artifacts, Hub, JobFiles
from ptycho_compare.jobs.allocation import gained_nothing_again

from .state_logs import StateLog


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    return Hub(tmp_path)


def given_back(
    hub: Hub, restarts: int, patch: pytest.MonkeyPatch, job: str = "17", *, alone: JobFiles | None = None
) -> str:
    """What is said as the job's allocation is given back so often begun again."""
    patch.setenv("SLURM_JOB_ID", job)
    patch.delenv("SLURM_RESTART_COUNT", raising=False)
    if restarts:
        patch.setenv("SLURM_RESTART_COUNT", str(restarts))
    return gained_nothing_again(hub, job=alone)


def test_two_restarts_in_a_row_without_gain_end_it(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    assert given_back(hub, 0, monkeypatch) == ""
    assert given_back(hub, 1, monkeypatch) == ""
    said = given_back(hub, 2, monkeypatch)
    assert "2 restarts of batch job 17 in a row saved nothing new: its window is too short" in said
    assert given_back(hub, 3, monkeypatch) != ""


def test_outside_an_allocation_nothing_is_counted(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    assert [gained_nothing_again(hub) for _ in range(4)] == [""] * 4
    assert not hub.rounds().exists()


def test_a_number_given_to_another_job_begins_anew(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    for restarts in (0, 1, 2, 3):
        given_back(hub, restarts, monkeypatch)
    assert [given_back(hub, restarts, monkeypatch) for restarts in (0, 1)] == ["", ""]
    assert given_back(hub, 2, monkeypatch) != ""


@pytest.mark.parametrize("when", [1, 2])
def test_whatever_was_saved_in_one_of_them_is_gain(
    when: int, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By any job of the hub."""
    log = StateLog(Artifacts(hub.comparison_dir(1000, "dense", "train", "full")).job.folder)
    said = []
    for restarts in range(5):
        log.launch()
        log.plan(PtychoPINN=(0, 40))
        if restarts == when:
            log.save("PtychoPINN", 8)
        log.end(75, 1.0)
        said.append(given_back(hub, restarts, monkeypatch))
    assert [bool(each) for each in said] == [restarts >= when + 2 for restarts in range(5)]


def test_what_another_allocation_gains_hides_no_stall_of_this_one(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, theirs = (
        StateLog(Artifacts(hub.comparison_dir(1000, "dense", split, "full")).job.folder)
        for split in ("train", "test")
    )
    said = []
    for restarts in range(3):
        mine.launch(batch="17")
        mine.plan(PtychoPINN=(0, 40))
        mine.end(75, 1.0)
        theirs.launch(batch="18")
        theirs.plan(PtychoPINN=(8 * restarts, 40))
        theirs.save("PtychoPINN", 8 * restarts + 8)
        theirs.end(75, 1.0)
        said.append(bool(given_back(hub, restarts, monkeypatch)))
    assert said == [False, False, True]


def test_an_allocation_that_only_waits_gains_by_what_others_do(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = StateLog(Artifacts(hub.comparison_dir(1000, "dense", "test", "full")).job.folder)
    said = []
    for restarts in range(5):
        if restarts < 3:
            theirs.launch(batch="18")
            theirs.plan(PtychoPINN=(8 * restarts, 40))
            theirs.save("PtychoPINN", 8 * restarts + 8)
            theirs.end(75, 1.0)
        said.append(bool(given_back(hub, restarts, monkeypatch)))
    assert said == [False] * 4 + [True]


def test_lines_of_another_kind_are_passed_over(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.rounds().parent.mkdir(parents=True)
    stamp = {"time": "2026-01-01T00:00:00.000Z", "state": "given back"}
    lines = [stamp, {**stamp, "batch": 17, "restarts": 1, "work": 0}, {**stamp, "state": "no room"}]
    hub.rounds().write_text("".join(f"{json.dumps(line)}\n" for line in lines) + "{torn")
    assert [bool(given_back(hub, restarts, monkeypatch)) for restarts in (0, 1, 2)] == [False, False, True]


def test_an_allocation_for_one_job_does_not_live_on_what_others_gain(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone, other = (
        Artifacts(hub.comparison_dir(1000, "dense", split, "full")).job for split in ("train", "test")
    )
    log, said, of_all = StateLog(other.folder), [], []
    for restarts in range(4):
        log.launch()
        log.plan(PtychoPINN=(8 * restarts, 40))
        log.save("PtychoPINN", 8 * restarts + 8)
        log.end(75, 1.0)
        said.append(given_back(hub, restarts, monkeypatch, alone=alone))
        of_all.append(given_back(hub, restarts, monkeypatch))
    assert [bool(each) for each in said] == [False, False, True, True]
    assert of_all == [""] * 4
