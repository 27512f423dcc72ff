"""Results of another hub through pytest: verified, used like our own, refused with a note."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from forged import edit_table
from hubs import SPLITS, light
from processes import nobody_left
from ptycho_compare.hub import Artifacts
from ptycho_compare.jobs.record import read_done
from sessions import TRAIN, events, folder_of, job_of, launches, notes, run_here

DEBUG = TRAIN.replace("full", "debug")


@pytest.fixture
def hub(quick_hub: Path, tmp_path: Path) -> Iterator[Path]:
    """A hub in which nothing was computed; when the test ends, nobody works there."""
    with nobody_left(light(Path(shutil.copytree(quick_hub, tmp_path / "own")))) as own:
        yield own


def adopted(hub: Path, split: str) -> bool:
    return Artifacts(folder_of(hub, split, "debug")).adoption.exists()


def test_adopted_evidence_is_green_until_it_is_computed_anew(hub: Path, quick_compared_hub: Path) -> None:
    done = run_here(hub, "-m", "debug", f"--ptycho-adopt={quick_compared_hub}")
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
    assert launches(hub) == {"train-debug": 1, "test-debug": 1}
    for split in SPLITS:
        record = json.loads(Artifacts(folder_of(hub, split, "debug")).adoption.read_text())
        assert record["source"] == str(folder_of(quick_compared_hub, split, "debug"))
        (event,) = events(hub, "adopted", split, "debug")
        assert event["source"] == record["source"]
        assert events(hub, "planned", split, "debug") == [], "it was computed, not adopted"

    shutil.rmtree(hub / "green")
    again = run_here(hub, "-m", "debug", "-k", "train")
    assert again.returncode == 0, again.stdout
    assert launches(hub) == {"train-debug": 1, "test-debug": 1}
    (log,) = (hub / "green").iterdir()
    assert "computed: earlier; inputs, settings, code and artifacts are as they were" in log.read_text()

    fresh = run_here(hub, "-m", "debug", "-k", "train", "--ptycho-fresh")
    assert fresh.returncode == 0, fresh.stdout
    assert [adopted(hub, split) for split in SPLITS] == [False, True]
    assert len(events(hub, "planned", "train", "debug")) == 1


def test_refused_results_block_and_what_was_not_offered_is_computed(
    hub: Path, quick_compared_hub: Path, tmp_path: Path
) -> None:
    theirs = Path(shutil.copytree(quick_compared_hub, tmp_path / "theirs"))
    shutil.rmtree(folder_of(theirs, "test", "debug"))
    train = folder_of(theirs, "train", "debug")
    edit_table(train, lambda line: line.replace("PtyChi,ssim,0.", "PtyChi,ssim,0.9"))

    done = run_here(hub, "-m", "debug", f"--ptycho-adopt={theirs}")
    assert done.returncode == 1, done.stdout
    assert "1 passed, " in done.stdout
    assert "1 blocked" in done.stdout
    reason = r"scores do not follow from the canvases: comparison_metrics\.csv: PtyChi ssim amplitude is 0\.9"
    assert re.search(f"adoption: ptycho-hub: error: {reason}", done.stdout)
    assert "Traceback" not in done.stdout
    assert [path.name for path in folder_of(hub, "train", "debug").iterdir()] == ["job"]
    assert launches(hub) == {"train-debug": 1, "test-debug": 1}
    assert not adopted(hub, "test")
    assert len(events(hub, "planned", "test", "debug")) == 1

    (note,) = notes(hub, "refused_adoption")
    text = note.read_text()
    assert f"# Blocked: {DEBUG}: refused_adoption" in text
    assert re.search(reason, text)
    assert "or the same tests are run without --ptycho-adopt" in text
    ended = read_done(job_of(hub, "train", "debug"))
    assert ended is not None
    assert ended.returncode == 1
