"""A hub, or a part of it, that is removed under a job: one line, nothing made anew, nothing lost."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from processes import nobody_left, run
from results import assert_same_results

from .runs import Whole, compare, debug_folder, finish_here, halted, job_of, let_go, stop_here


def folders(hub: Path) -> dict[str, Path]:
    job = job_of(debug_folder(hub)).folder
    return {"hub": hub, "analysis": hub / "analysis", "comparison": debug_folder(hub), "job": job}


@pytest.mark.slow
@pytest.mark.parametrize("what", ["hub", "analysis", "comparison", "job"])
def test_a_job_whose_folder_is_removed_says_so_and_makes_none_anew(
    light_hub: Path, light_unbroken: Whole, what: str
) -> None:
    removed, away = folders(light_hub)[what], light_hub.parent / "away"
    stop_here(light_hub, "PtychoPINN", 24)
    with nobody_left(light_hub):
        process = halted("PtychoPINN", 26, light_hub)
        removed.rename(away)
        returncode, said = let_go(process)
        *_, last = said.splitlines()
        assert returncode == os.EX_TEMPFAIL
        job = folders(light_hub)["job"]
        assert last == (
            f"ptycho-hub: stopped by the loss of its place: its folder {job} was removed; "
            "the same command goes on from here"
        )
        assert not removed.exists()
    if what != "hub":  # begins anew
        finish_here(light_hub)
        shutil.rmtree(removed)
    else:
        done = run(compare(light_hub), light_hub)
        assert done.returncode == 2
        assert done.stderr.startswith(f"ptycho-hub: error: --hub {light_hub}: there is no such folder; ")
        assert done.stderr.count("\n") == 1
        assert not light_hub.exists()
    away.rename(removed)  # nothing of it was lost
    log = finish_here(light_hub)
    assert "PtychoPINN: goes on from patch 24 of 48" in log
    assert_same_results(debug_folder(light_hub), light_unbroken.results)
