"""A comparison that was stopped goes on where it was, and ends as if it never had been."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from hubs import DOSE
from processes import environment, marked, nobody_left, until
from ptycho_compare.hub import Artifacts, Hub
from ptycho_compare.jobs import EXIT_STOPPED

from .runs import (
    PTYCHO_HUB,
    assert_same_results,
    events,
    job_of,
    results,
    run,
    stopped_at,
    work_of,
)

DEBUG = f"dose_{DOSE}-dense-train-debug"
NETWORKS = ("PtychoPINN", "Baseline")


def debug_folder(hub: Path) -> Path:
    return Hub(hub).comparison_dir(DOSE, "dense", "train", "debug")


def compare(hub: Path) -> list[str]:
    """The debug comparison of the train split: 48 groups in chunks of 20 and batches of 4."""
    return [*PTYCHO_HUB, "compare", DEBUG, "--hub", str(hub)]


@dataclass(frozen=True)
class Whole:
    """What a comparison leaves that was let alone."""

    results: dict[str, bytes]
    diagnostics: list[str]
    rows: dict[str, int]


def diagnostics(folder: Path) -> list[str]:
    """The DIAGNOSTIC lines of a log, whenever they were written."""
    return re.findall(r"DIAGNOSTIC .*|\w+: \d+ of \d+ groups", Artifacts(folder).log.read_text())


def whole(folder: Path) -> Whole:
    (planned,) = [event["parts"] for event in events(folder) if event["state"] == "planned"]
    return Whole(results(folder), diagnostics(folder), {part: rows for part, (_, rows) in planned.items()})


@pytest.fixture(scope="module")
def unbroken(small_hub: Path, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """Of the debug comparison."""
    hub = Path(shutil.copytree(small_hub, tmp_path_factory.mktemp("unbroken") / "hub"))
    finish(hub, compare(hub))
    return whole(debug_folder(hub))


def stop(hub: Path, part: str, row: int, command: list[str], number: int = signal.SIGTERM) -> str:
    """Stop a command at a row; the line that it says."""
    done = run(stopped_at(part, row, command, number), hub)
    assert done.returncode == EXIT_STOPPED, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr.splitlines()[-1]


def finish(hub: Path, command: list[str]) -> str:
    """Run a command to its end; its log on the console."""
    done = run(command, hub)
    assert done.returncode == 0, done.stderr
    return done.stderr


def reasons(folder: Path) -> dict[str, str]:
    """Why what was set aside, by stream."""
    return {
        path.parent.name.partition("Z-")[2]: path.read_text()
        for path in job_of(folder).set_aside.glob("*/reason.txt")
    }


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_the_same_command_goes_on(number: int, own_hub: Path, unbroken: Whole) -> None:
    folder = debug_folder(own_hub)
    said = stop(own_hub, "PtychoPINN", 24, compare(own_hub), number)
    name = signal.Signals(number).name
    assert said == f"ptycho-hub: stopped by {name}; the same command goes on from here"
    assert not Artifacts(folder).manifest.exists()
    stop(own_hub, "Baseline", 17, compare(own_hub), number)
    said = finish(own_hub, compare(own_hub))
    assert "Baseline: goes on from patch 20 of" in said
    assert_same_results(folder, unbroken.results)
    assert not job_of(folder).set_aside.exists()

    found = events(folder)
    planned = [event["parts"] for event in found if event["state"] == "planned"]
    assert [[start for start, _ in parts.values()] for parts in planned] == [[0, 0], [24, 0], [48, 20]]
    assert work_of(found).patches == sum(unbroken.rows.values())
    assert [event["returncode"] for event in found if event["state"] == "ended"] == [75, 75, 0]
    manifest = json.loads(Artifacts(folder).manifest.read_text())
    assert [attempt["gained"] for attempt in manifest["attempts"]] == [24, 44, unbroken.rows["Baseline"] - 20]
    # each line once, whichever attempt came so far
    assert diagnostics(folder) == unbroken.diagnostics


def test_a_stop_from_outside_is_heard(own_hub: Path, unbroken: Whole) -> None:
    """By a real signal, whenever it comes."""
    with nobody_left(own_hub):
        process = subprocess.Popen(
            compare(own_hub),
            env=environment(own_hub),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        until(lambda: [event for event in events(debug_folder(own_hub)) if event["state"] == "planned"])
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)
        assert process.returncode == EXIT_STOPPED, said
        assert said.splitlines()[-1].startswith("ptycho-hub: stopped by SIGTERM;")
        assert marked(own_hub) == []
    finish(own_hub, compare(own_hub))
    assert_same_results(debug_folder(own_hub), unbroken.results)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
@pytest.mark.parametrize("part", ["PtychoPINN", "Baseline"])
def test_a_stream_that_ends_at_its_last_row_loses_no_chunk(
    part: str, number: int, own_hub: Path, unbroken: Whole
) -> None:
    """All its rows lie on the canvas then, and its last chunk was not told of."""
    done = run(stopped_at(part, unbroken.rows[part], compare(own_hub), number), own_hub)
    assert done.returncode == (EXIT_STOPPED if number == signal.SIGTERM else -number), done.stderr
    finish(own_hub, compare(own_hub))
    assert_same_results(debug_folder(own_hub), unbroken.results)
    assert set(diagnostics(debug_folder(own_hub))) == set(unbroken.diagnostics)
