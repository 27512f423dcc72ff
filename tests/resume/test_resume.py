"""A comparison that was stopped goes on where it was, and ends as if it never had been."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bundles import write_bundle
from hubs import CROP, DOSE, SIDE, command_of, light, make_split
from processes import PATIENCE_S, environment, marked, nobody_left, run, until
from ptycho_compare.cli.compare_models import main as compare_models
from ptycho_compare.hub import Artifacts, Hub
from ptycho_compare.sigterm import EXIT_STOPPED
from results import assert_same_results, results
from scans import write_scan

from .runs import (
    Whole,
    compare,
    debug_folder,
    diagnostics,
    events,
    finish_here,
    job_of,
    signalled_at,
    stop_here,
    stopped_at,
    work_of,
)

BASELINE = f"data/phase_e/dose_{DOSE}/baseline/gs1/wts.h5.zip"
BATCHES = ("--pinn-predict-batch-size", "8", "--baseline-predict-batch-size", "8")


def test_the_same_command_goes_on(own_hub: Path, unbroken: Whole, capsys: pytest.CaptureFixture[str]) -> None:
    """Stopped by a request, then by Ctrl-C."""
    folder = debug_folder(own_hub)
    for number, part, row in ((signal.SIGTERM, "PtychoPINN", 24), (signal.SIGINT, "Baseline", 17)):
        stop_here(own_hub, part, row, number)
        name, said = signal.Signals(number).name, capsys.readouterr().err
        assert said.splitlines()[-1] == f"ptycho-hub: stopped by {name}; the same command goes on from here"
        assert "Traceback" not in said
        assert not Artifacts(folder).manifest.exists()
    finish_here(own_hub)
    assert "Baseline: goes on from patch 20 of" in capsys.readouterr().err
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


def test_a_stop_from_outside_is_heard(own_hub: Path, light_unbroken: Whole) -> None:
    """By a real signal, whenever it comes; its batches wait, so that it comes before the end."""
    hub = light(own_hub, call_s=0.1)
    with nobody_left(hub):
        process = subprocess.Popen(
            compare(hub),
            env=environment(hub),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        until(lambda: [event for event in events(debug_folder(hub)) if event["state"] == "planned"])
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == EXIT_STOPPED, said
        assert said.splitlines()[-1].startswith("ptycho-hub: stopped by SIGTERM;")
        assert marked(hub) == []
    finish_here(hub)
    assert_same_results(debug_folder(hub), light_unbroken.results)


@pytest.mark.parametrize(("part", "number"), [("PtychoPINN", signal.SIGKILL), ("Baseline", signal.SIGTERM)])
def test_a_stream_that_ends_at_its_last_row_loses_no_chunk(
    part: str, number: int, own_hub: Path, unbroken: Whole
) -> None:
    """All its rows lie on the canvas then, and its last chunk was not reported."""
    if number == signal.SIGTERM:
        stop_here(own_hub, part, unbroken.rows[part], number)
    else:
        done = run(stopped_at(part, unbroken.rows[part], compare(own_hub), number), own_hub)
        assert done.returncode == -number, done.stderr
    finish_here(own_hub)
    assert_same_results(debug_folder(own_hub), unbroken.results)
    assert set(diagnostics(debug_folder(own_hub))) == set(unbroken.diagnostics)


def test_the_drop_in_command_goes_on_too(
    own_hub: Path, unbroken: Whole, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`compare_models` by hand, in other batches the second time; the same groups as the debug tier."""
    output = tmp_path / "out"
    chunks = ("--n-test-groups", "48", "--pinn-chunk-size", "20", "--baseline-chunk-size", "20")
    options = (*chunks, "--bootstrap-draws", "100")  # as the hub's study says
    words = [*command_of(own_hub, "train", output, *options), *BATCHES]
    with signalled_at("PtychoPINN", 28):
        assert compare_models(words) == EXIT_STOPPED
    assert capsys.readouterr().err.splitlines()[-1].startswith("compare_models: stopped by SIGTERM;")
    assert compare_models([*words, "--pinn-predict-batch-size", "5"]) == 0
    assert "PtychoPINN: goes on from patch 28 of 48" in capsys.readouterr().err
    assert_same_results(output, unbroken.results)


def test_halves_of_the_data_go_on_each(own_hub: Path, tmp_path: Path, unmeasured_here: None) -> None:
    """Without a true object a network is three streams: all of the data, and each half."""
    scan, whole_run, broken = own_hub / "blind.npz", tmp_path / "whole", tmp_path / "broken"
    arrays = make_split(0)
    del arrays["objectGuess"]
    write_scan(scan, arrays)

    def command(output: Path) -> list[str]:
        return [*command_of(own_hub, "train", output, "--test_data", str(scan)), *BATCHES]

    assert compare_models(command(whole_run)) == 0
    with signalled_at("Baseline+half2", 16):
        assert compare_models(command(broken)) == EXIT_STOPPED
    assert compare_models(command(broken)) == 0
    (_, again) = (event["parts"] for event in events(broken) if event["state"] == "planned")
    left = {part: total - start for part, (start, total) in again.items() if start < total}
    assert list(left) == ["Baseline+half2"]
    assert again["Baseline+half2"][0] == 16
    assert_same_results(broken, results(whole_run))


def exchange_baseline(hub: Path) -> None:
    write_bundle(hub / BASELINE, gridsize=1, patch_px=SIDE, nphotons=DOSE, seed=77)


def touch_scan(hub: Path) -> None:
    """Another file with the same arrays: what counts is the digest."""
    scan = Hub(hub).split_data(DOSE, "dense", "train")
    with scan.open("ab") as file:
        file.write(b"\0")


def change_crop(hub: Path) -> None:
    study = hub / "study.toml"
    study.write_text(study.read_text().replace(f"crop_px = {CROP}", f"crop_px = {CROP - 2}"))


def change_batch_and_chunk(hub: Path) -> None:
    study = hub / "study.toml"
    study.write_text(study.read_text().replace("batch = 4", "batch = 6").replace("chunk = 20", "chunk = 24"))


@pytest.fixture(scope="module")
def stopped_hub(small_hub: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub whose comparison was stopped in its second network; no test may damage it."""
    hub = Path(shutil.copytree(small_hub, tmp_path_factory.mktemp("stopped") / "hub"))
    stop_here(hub, "Baseline", 20)
    return hub


@pytest.mark.parametrize(
    ("change", "aside", "reason", "another"),
    [
        (exchange_baseline, {"Baseline"}, "input model was", True),
        (touch_scan, {"PtychoPINN", "Baseline"}, "input test_data was", False),
        (change_crop, {"PtychoPINN", "Baseline"}, f"setting crop_px was {CROP}, is {CROP - 2}", True),
        (change_batch_and_chunk, set(), "", False),
    ],
    ids=["another model", "another scan", "another crop", "another batch"],
)
def test_only_what_rests_on_something_else_is_set_aside(
    change: Callable[[Path], None],
    aside: set[str],
    reason: str,
    another: bool,
    stopped_hub: Path,
    unbroken: Whole,
    tmp_path: Path,
) -> None:
    """And the result, where it is another, is that of a hub in which it never was."""
    own_hub = Path(shutil.copytree(stopped_hub, tmp_path / "own"))
    change(own_hub)
    fresh = Path(shutil.copytree(own_hub, own_hub.with_name("fresh"), ignore=lambda *_: {"analysis"}))
    finish_here(own_hub)
    if another:
        finish_here(fresh)
    expected = results(debug_folder(fresh)) if another else unbroken.results
    assert_same_results(debug_folder(own_hub), expected)
    kept = {path.parent.name.partition("Z-")[2]: path.read_text() for path in
            job_of(debug_folder(own_hub)).set_aside.glob("*/reason.txt")}  # fmt: skip
    assert set(kept) == aside
    assert all(text.startswith(reason) for text in kept.values())
    kept_aside = [event for event in events(debug_folder(own_hub)) if event["state"] == "set_aside"]
    assert {event["part"]: event["reason"] + "\n" for event in kept_aside} == kept
